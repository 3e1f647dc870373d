package tenant

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant/jsonschema"
)

// A Schema is the contract of one kind of record. It is not to be changed, and
// is safe for concurrent use.
type Schema struct {
	ID events.SchemaID
	// KeyField is the member of a record that holds its key.
	KeyField string
	// IntegerKey says that keys are integers; else they are strings.
	IntegerKey bool
	// Backend says where the records can be seen.
	Backend events.Backend
	// LogKey says whether record keys may be logged.
	LogKey bool
	// Columns are the properties in the order of the document, the key first
	// where the schema does not declare it.
	Columns []string
	// Raw is the schema as it was read.
	Raw jsontext.Value

	validator *jsonschema.Schema
	own       []Rule
	outputs   [len(events.Writes)][]Output
}

// Outputs returns what a change by op publishes, in order. The slice is not to
// be changed.
func (s *Schema) Outputs(op events.Operation) []Output {
	for i, w := range events.Writes {
		if w == op {
			return s.outputs[i]
		}
	}
	return nil
}

// Rules returns the schema's own output rules, in order, without the tenant's.
func (s *Schema) Rules() []Rule { return slices.Clone(s.own) }

// under returns the schema as it is below a tenant: with the outputs of both.
func (s *Schema) under(t *Tenant) *Schema {
	c := *s
	rules := s.rulesUnder(t)
	for i, op := range events.Writes {
		c.outputs[i] = outputs(rules, s.ID, op)
	}
	return &c
}

func (s *Schema) rulesUnder(t *Tenant) []Rule {
	return slices.Concat(t.rules, s.own)
}
