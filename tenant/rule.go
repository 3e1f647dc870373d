package tenant

import (
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events"
)

// Rule is an output rule: it selects changes and describes the event that each
// publishes.
type Rule struct {
	Bus        events.BusARN      // never empty once loaded with a default bus
	Source     string             // of the event published
	DetailType string             // with the placeholders {schema_id} and {operation}
	Operations []events.Operation // empty: all
	Schemas    []events.SchemaID  // empty: all
	Record     bool               // the payload is the whole record, not that of the request
	Metadata   bool               // detail.metadata is added

	at           int  // the offset of its opening brace
	detailTypeAt int  // the offset of the detail-type, or of the opening brace
	disabled     bool // its bus is not allowed, so it matches nothing
}

const (
	schemaPlaceholder    = "{schema_id}"
	operationPlaceholder = "{operation}"
	defaultDetailType    = schemaPlaceholder + "." + operationPlaceholder

	// maxMatches is the maximum number of rules that match one change.
	maxMatches = 90
)

func (r *Rule) matches(s events.SchemaID, op events.Operation) bool {
	return (len(r.Schemas) == 0 || slices.Contains(r.Schemas, s)) &&
		(len(r.Operations) == 0 || slices.Contains(r.Operations, op))
}

func (r *Rule) detailType(s events.SchemaID, op events.Operation) events.DetailType {
	return events.DetailType(strings.NewReplacer(
		schemaPlaceholder, string(s), operationPlaceholder, string(op)).Replace(r.DetailType))
}

// countMatches counts the rules that match a change. at is the offset of the first
// rule beyond the limit. Disabled rules count, because they may be enabled again.
func countMatches(rules []Rule, s events.SchemaID, op events.Operation) (at, n int) {
	for i := range rules {
		if rules[i].matches(s, op) {
			if n++; n == maxMatches+1 {
				at = rules[i].at
			}
		}
	}
	return at, n
}

// Output is an event that a change of one schema and operation publishes.
type Output struct {
	Bus        events.BusARN
	Source     string
	DetailType events.DetailType
	Record     bool // the payload is the whole record, not that of the request
	Metadata   bool
}

// outputs evaluates the rules in order for one schema and operation. Of outputs with
// the same bus, source and detail-type only the first is kept.
func outputs(rules []Rule, s events.SchemaID, op events.Operation) []Output {
	var outs []Output
	for i := range rules {
		r := &rules[i]
		if r.disabled || !r.matches(s, op) {
			continue
		}
		out := Output{Bus: r.Bus, Source: r.Source, DetailType: r.detailType(s, op), Record: r.Record, Metadata: r.Metadata}
		same := func(o Output) bool {
			return o.Bus == out.Bus && o.Source == out.Source && o.DetailType == out.DetailType
		}
		if !slices.ContainsFunc(outs, same) {
			outs = append(outs, out)
		}
	}
	return outs
}

// otherSchema represents a schema that no rule names; it is no valid id.
const otherSchema events.SchemaID = "*"

// duplicates reports whether r adds nothing to the outputs of earlier rules, and returns
// one of them. schemas are the schemas of the changes to consider.
func (r *Rule) duplicates(earlier []Rule, schemas []events.SchemaID) (first *Rule, ok bool) {
	if r.disabled {
		return nil, false
	}
	for _, s := range schemas {
		for _, op := range events.Writes {
			if !r.matches(s, op) {
				continue
			}
			i := slices.IndexFunc(earlier, func(e Rule) bool {
				return !e.disabled && e.matches(s, op) && e.Bus == r.Bus && e.Source == r.Source && e.detailType(s, op) == r.detailType(s, op)
			})
			if i < 0 {
				return nil, false
			}
			if first == nil {
				first = &earlier[i]
			}
		}
	}
	return first, first != nil
}
