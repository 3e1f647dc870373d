package tenant

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// maxSource is EventBridge's limit for a source, in characters.
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

// placeholderPattern is compiled when it is first used, and so not at every cold start.
var placeholderPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{[^{}]*\}`) })

// checkDetailType adds an error if the detail-type can become too long, and a
// warning if different changes have the same detail-type.
func (d *ruleDecoder) checkDetailType(r *Rule, at int) {
	if r.DetailType == "" {
		d.Errorf(at, "detail_type must have 1 to %d characters; leave it out for %s", events.MaxDetailType, defaultDetailType)
		return
	}
	if n := d.maxDetailTypeLength(r); n > events.MaxDetailType {
		d.Errorf(at, "detail_type can become %d characters long, at most %d are allowed", n, events.MaxDetailType)
	}
	for _, p := range placeholderPattern().FindAllString(r.DetailType, -1) {
		if p != schemaPlaceholder && p != operationPlaceholder {
			d.Warnf(at, "detail_type has an unknown placeholder %s%s, which stays as it is", diag.Quote(p),
				diag.Suggest(p, []string{schemaPlaceholder, operationPlaceholder}))
		}
	}
	if len(r.Operations) != 1 && !strings.Contains(r.DetailType, operationPlaceholder) {
		d.Warnf(at, "detail_type %s is the same for several operations; add %s, or name one operation in operations",
			diag.Quote(r.DetailType), operationPlaceholder)
	}
}

// maxDetailTypeLength returns the maximum length of the detail-type in characters.
func (d *ruleDecoder) maxDetailTypeLength(r *Rule) int {
	schema := events.SchemaID(strings.Repeat("x", 64)) // the maximum length of an id
	if d.own != "" {
		schema = d.own
	} else if len(r.Schemas) > 0 {
		schema = slices.MaxFunc(r.Schemas, func(a, b events.SchemaID) int { return len(a) - len(b) })
	}
	return utf8.RuneCountInString(string(r.detailType(schema, events.Delete)))
}

// checkOwn warns if a rule of a schema names only other schemas.
func (d *ruleDecoder) checkSchemas(r *Rule, at int) {
	if d.own != "" && len(r.Schemas) > 0 && !slices.Contains(r.Schemas, d.own) {
		d.Warnf(at, "the rule belongs to schema %q and names only others, so it never matches; leave schema_names out", d.own)
	}
}

// checkBus disables the rule if its bus is not allowed.
func (d *ruleDecoder) checkBus(r *Rule) {
	if err := d.policy.check(d.tenant, r.Source, r.Bus); err != nil {
		r.disabled = true
		d.Disablef(r.at, "the rule is switched off, bus %s is not allowed for source %s: %v", r.Bus, diag.Quote(r.Source), err)
		return
	}
	if err := d.policy.warning(d.tenant, r.Source, r.Bus); err != nil {
		d.Warnf(r.at, "%v", err)
	}
}
