package tenant

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// maxSource is the longest source that EventBridge takes, in characters.
const maxSource = 256

func (d *ruleDecoder) checkSource(s string, at int) {
	switch {
	case s == "" || utf8.RuneCountInString(s) > maxSource:
		d.Errorf(at, "source must have 1 to %d characters", maxSource)
	case strings.HasPrefix(strings.ToLower(s), "aws."):
		d.Errorf(at, "source %s begins with aws., which belongs to AWS; choose another", diag.Quote(s))
	case s == events.InputSource:
		d.Errorf(at, "source %q is that of input events, so that the output would be taken as input; choose another", s)
	}
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// checkDetailType refuses a detail-type that can become too long, and warns of
// one that tells different changes by the same name.
func (d *ruleDecoder) checkDetailType(r *Rule, at int) {
	if r.DetailType == "" {
		d.Errorf(at, "detail_type must have 1 to %d characters; leave it out for %s", events.MaxDetailType, defaultDetailType)
		return
	}
	if n := d.longest(r); n > events.MaxDetailType {
		d.Errorf(at, "detail_type can become %d characters long, at most %d are allowed", n, events.MaxDetailType)
	}
	for _, p := range placeholder.FindAllString(r.DetailType, -1) {
		if p != schemaPlaceholder && p != operationPlaceholder {
			d.Warnf(at, "detail_type has an unknown placeholder %s%s, which stays as it is", diag.Quote(p),
				diag.Suggest(p, []string{schemaPlaceholder, operationPlaceholder}))
		}
	}
	severalSchemas := d.own == "" && len(r.Schemas) != 1
	if severalSchemas && !strings.Contains(r.DetailType, schemaPlaceholder) {
		d.Warnf(at, "detail_type %s is the same for several schemas; add %s, or name one schema in schema_names",
			diag.Quote(r.DetailType), schemaPlaceholder)
	}
	if len(r.Operations) != 1 && !strings.Contains(r.DetailType, operationPlaceholder) {
		d.Warnf(at, "detail_type %s is the same for several operations; add %s, or name one operation in operations",
			diag.Quote(r.DetailType), operationPlaceholder)
	}
}

// longest is how many characters the detail-type can have.
func (d *ruleDecoder) longest(r *Rule) int {
	schema := events.SchemaID(strings.Repeat("x", 64)) // as long as an id can be
	if d.own != "" {
		schema = d.own
	} else if len(r.Schemas) > 0 {
		schema = slices.MaxFunc(r.Schemas, func(a, b events.SchemaID) int { return len(a) - len(b) })
	}
	return utf8.RuneCountInString(string(r.detailType(schema, events.Delete)))
}

// checkOwn warns of a schema's own rule that names other schemas alone.
func (d *ruleDecoder) checkOwn(r *Rule, at int) {
	if d.own != "" && len(r.Schemas) > 0 && !slices.Contains(r.Schemas, d.own) {
		d.Warnf(at, "the rule belongs to schema %q and names only others, so it never matches; leave schema_names out", d.own)
	}
}

// checkBus switches the rule off where its bus is not allowed.
func (d *ruleDecoder) checkBus(r *Rule) {
	if err := d.policy.check(d.tenant, r.Source, r.Bus); err != nil {
		r.off = true
		d.Disablef(r.at, "the rule is switched off, bus %s is not allowed for source %s: %v", r.Bus, diag.Quote(r.Source), err)
	}
}
