package tenant

import (
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant/diag"
	"github.com/blockforger/eventrouter/tenant/properties"
)

// Tenant holds the properties of a tenant. It must not be modified.
type Tenant struct {
	ID events.TenantID
	// Input reports whether the tenant accepts input events. The REST API is always
	// enabled.
	Input bool
	// TokenLimit is the number of tokens per month; 0 is no limit.
	TokenLimit int64
	// RateLimit is the number of requests per second; 0 is no limit.
	RateLimit float64
	// PayloadMaxBytes is the maximum size of a payload; 0 is the router's own limit.
	PayloadMaxBytes int64
	// CORSOrigins are the origins of web pages that may call the API; "*" is any.
	CORSOrigins []string
	// Results is the bus for the results of input events; "" publishes none.
	Results events.BusARN

	rules []Rule
}

// Rules returns the tenant's own output rules, in order.
func (t *Tenant) Rules() []Rule { return slices.Clone(t.rules) }

// BusPolicy returns an error if a tenant's events of a source must not be published
// to a bus. The error disables only that rule, and is reported.
type BusPolicy func(t events.TenantID, source string, bus events.BusARN) error

// policy holds a deployment's configuration of buses.
type policy struct {
	defaultBus events.BusARN // for rules that name none
	allow      BusPolicy     // nil: every well-formed ARN
	warn       BusPolicy     // reports buses that are allowed; nil: none
}

// warning returns the warning about an allowed bus, or nil.
func (p policy) warning(t events.TenantID, source string, bus events.BusARN) error {
	if p.warn == nil || bus == "" {
		return nil
	}
	return p.warn(t, source, bus)
}

func (p policy) check(t events.TenantID, source string, bus events.BusARN) error {
	if p.allow == nil || bus == "" {
		return nil
	}
	return p.allow(t, source, bus)
}

// parseTenant parses a properties file. The tenant is nil if a diagnostic is fatal.
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
		// Blanks at the end belong to the value, but are never intended.
		p.Value = strings.TrimRight(p.Value, " \t\f")
	}
	if !known.set(l, p) {
		l.Errorf(p.ValueOffset, "%s must be %s, not %s", p.Name, known.want, diag.Quote(p.Value))
	}
}

// checkMatches adds an error if too many rules can match one change of any schema.
func (l *tenantLoader) checkMatches() {
	schemas := []events.SchemaID{""} // "" represents a schema that no rule names
	for _, r := range l.tenant.rules {
		schemas = append(schemas, r.Schemas...)
	}
	for _, s := range schemas {
		for _, op := range events.Writes {
			if at, n := countMatches(l.tenant.rules, s, op); n > maxMatches {
				l.Errorf(at, "%d rules match a %s, at most %d may", n, op, maxMatches)
				return
			}
		}
	}
}
