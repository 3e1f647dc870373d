package tenant

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant/diag"
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
	options := &jsonschema.Options{URI: folderURL + string(l.schema.ID) + ".json", MaxDepth: events.MaxDepth}
	if l.linting {
		options.Unknown = l.warnUnknown
	}
	validator, err := jsonschema.Compile(text, options)
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

// maxUnknown is the maximum number of unknown keywords that are listed: to find one
// takes time in proportion to the length of the file.
const maxUnknown = 20

// warnUnknown adds a warning for an unknown keyword, or for a format that is probably
// misspelled: other unknown formats are annotations.
func (l *schemaLoader) warnUnknown(u jsonschema.Unknown) {
	if l.unknown++; l.unknown > maxUnknown {
		if l.unknown == maxUnknown+1 {
			l.Warnf(l.Begin, "schema has more than %d unknown keywords; the others are not listed", maxUnknown)
		}
		return
	}
	suggestion := diag.Suggest(u.Name, u.Known)
	where, _ := locate(l.json, jsontext.Pointer(u.Pointer))
	switch {
	case u.Format && suggestion != "":
		l.Warnf(l.Begin+where.nameAt, "unknown format %s%s: it is not checked", diag.Quote(u.Name), suggestion)
	case !u.Format && u.Pointer != "/meta":
		l.Warnf(l.Begin+where.nameAt, "unknown keyword %s%s: it has no effect", diag.Quote(u.Name), suggestion)
	}
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
