package tenant

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant/jsonschema"
)

// Schema describes one kind of record. It must not be modified, and is safe for
// concurrent use.
type Schema struct {
	ID events.SchemaID
	// KeyField is the member of a record that holds its key.
	KeyField string
	// IntegerKey reports whether keys are integers; otherwise they are strings.
	IntegerKey bool
	// Backend is where the records are stored.
	Backend events.Backend
	// LogKey reports whether record keys may be logged.
	LogKey bool
	// Columns are the properties in the order of the document. The key comes first if
	// the schema does not declare it.
	Columns []string
	// Raw is the text of the schema.
	Raw jsontext.Value

	validator *jsonschema.Schema
	names     []string // see Declares; sorted
	own       []Rule
	outputs   [len(events.Writes)][]Output
}

// Outputs returns the events that a change by op publishes, in order. The slice must
// not be modified.
func (s *Schema) Outputs(op events.Operation) []Output {
	for i, w := range events.Writes {
		if w == op {
			return s.outputs[i]
		}
	}
	return nil
}

// Declares reports whether the schema's text names a property: among properties or
// required, at any depth. Other names of a record's members come from its sender.
func (s *Schema) Declares(name string) bool {
	_, found := slices.BinarySearch(s.names, name)
	return found
}

// Rules returns the schema's own output rules, in order, without the tenant's.
func (s *Schema) Rules() []Rule { return slices.Clone(s.own) }

// withTenant returns a copy of the schema with the outputs of the tenant's rules and
// its own.
func (s *Schema) withTenant(t *Tenant) *Schema {
	c := *s
	rules := s.rulesWith(t)
	for i, op := range events.Writes {
		c.outputs[i] = outputs(rules, s.ID, op)
	}
	return &c
}

func (s *Schema) rulesWith(t *Tenant) []Rule {
	return slices.Concat(t.rules, s.own)
}
