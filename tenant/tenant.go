package tenant

import (
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant/diag"
	"github.com/blockforger/eventrouter/tenant/properties"
)

// A Tenant is what a tenant's properties say. It is not to be changed.
type Tenant struct {
	ID events.TenantID
	// Input says whether input events are taken; REST needs no switch.
	Input bool
	// TokenLimit is how many tokens a month allows; 0 is no limit.
	TokenLimit int64
	// RateLimit is how many requests a second allows; 0 is no limit.
	RateLimit float64
	// PayloadMaxBytes is the largest payload that is taken; 0 is no limit but
	// the router's own.
	PayloadMaxBytes int64
	// CORSOrigins are the origins that browsers may call from; "*" is any.
	CORSOrigins []string
	// Results is the bus for outcomes of input events; "" publishes none.
	Results events.BusARN

	rules []Rule
}

// Rules returns the tenant's own output rules, in order.
func (t *Tenant) Rules() []Rule { return slices.Clone(t.rules) }

// A BusPolicy says whether a tenant's events of a source may go to a bus. Its
// error switches the rule off, alone, and is its reason.
type BusPolicy func(t events.TenantID, source string, bus events.BusARN) error

// A policy is what a deployment says about buses.
type policy struct {
	standard events.BusARN // for rules that name none
	allow    BusPolicy     // nil: every well-formed ARN
}

func (p policy) check(t events.TenantID, source string, bus events.BusARN) error {
	if p.allow == nil || bus == "" {
		return nil
	}
	return p.allow(t, source, bus)
}

// parseTenant reads a properties file. The tenant is nil where a finding
// refuses the file.
func parseTenant(id events.TenantID, file string, data []byte, p policy) (*Tenant, []diag.Diagnostic) {
	l := &tenantLoader{Source: diag.NewSource(file, data), tenant: &Tenant{ID: id}, policy: p}
	for _, prop := range properties.Parse(l.Source) {
		l.set(prop)
	}
	l.checkMatches()
	if _, refused := diag.FirstFatal(l.Diagnostics); refused {
		return nil, l.Diagnostics
	}
	return l.tenant, l.Diagnostics
}

type tenantLoader struct {
	*diag.Source
	tenant *Tenant
	policy policy
}

func (l *tenantLoader) set(p properties.Property) {
	i := slices.IndexFunc(knownProperties, func(k knownProperty) bool { return k.name == p.Name })
	if i < 0 {
		l.Warnf(p.NameOffset, "unknown property %q%s", p.Name, diag.Suggest(p.Name, propertyNames()))
		return
	}
	known := knownProperties[i]
	if p.JSON && !known.json {
		l.Errorf(p.ValueOffset, "%s must be %s, not JSON", p.Name, known.want)
		return
	}
	if !p.JSON {
		// A blank at the end belongs to the value, but is never meant.
		p.Value = strings.TrimRight(p.Value, " \t\f")
	}
	if !known.set(l, p) {
		l.Errorf(p.ValueOffset, "%s must be %s, not %s", p.Name, known.want, diag.Quote(p.Value))
	}
}

// checkMatches refuses rules of which too many can match one change, whatever
// the schemas are.
func (l *tenantLoader) checkMatches() {
	schemas := []events.SchemaID{""} // "" stands for a schema that no rule names
	for _, r := range l.tenant.rules {
		schemas = append(schemas, r.Schemas...)
	}
	for _, s := range schemas {
		for _, op := range events.Writes {
			if at, n := excess(l.tenant.rules, s, op); n > maxMatches {
				l.Errorf(at, "%d rules match a %s, at most %d may", n, op, maxMatches)
				return
			}
		}
	}
}
