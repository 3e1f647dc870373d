package tenant

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant/jsonschema"
)

// folderURL is the base URI of schemas, so that they may refer to themselves by their
// file names. Nothing is read from it.
const folderURL = "tenant://folder/"

// compile compiles the schema, with its key field declared.
func (l *schemaLoader) compile() {
	text := []byte(l.json)
	if l.admitted {
		var err error
		if text, err = json.Marshal(l.tree, json.Deterministic(true)); err != nil {
			l.failAt("", "schema does not compile: %v", err)
			return
		}
	}
	validator, err := jsonschema.Compile(text, &jsonschema.Options{URI: folderURL + string(l.schema.ID) + ".json", MaxDepth: events.MaxDepth})
	if invalid, ok := errors.AsType[*jsonschema.CompileError](err); ok {
		for _, d := range invalid.Diagnostics {
			l.failAt(jsontext.Pointer(d.Pointer), "schema does not compile: %q %s", d.Pointer, d.Message)
		}
		return
	}
	if limit, ok := errors.AsType[*jsonschema.LimitError](err); ok {
		l.failAt(jsontext.Pointer(limit.Pointer), "%s", limit.Reason)
		return
	}
	if err != nil {
		l.failAt("", "schema does not compile: %s", fault.MessageOf(malformed(err)))
		return
	}
	l.schema.validator = validator
}

// decodeTree decodes a schema; numbers stay text.
func decodeTree(text jsontext.Value) (tree any, err error) {
	numbers := json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
		if d.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		n, err := d.ReadValue()
		*v = n.Clone()
		return err
	})
	err = json.Unmarshal(text, &tree, json.WithUnmarshalers(numbers))
	return tree, err
}
