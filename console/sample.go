package console

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// sample returns a payload with the declared properties of a schema, each with an
// example or a value of its type. It is a start for a person to edit: it need not be
// valid.
func sample(schema []byte) jsontext.Value {
	out, err := json.Marshal(sampleOf(schema, 0))
	if err != nil {
		return jsontext.Value("{}")
	}
	return out
}

// An ordered object keeps the order of its members.
type ordered []member

type member struct {
	name  string
	value any
}

// MarshalJSONTo implements json.MarshalerTo.
func (o ordered) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := e.WriteToken(jsontext.String(m.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(e, m.value); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

const maxSampleLevels = 5

func sampleOf(schema []byte, level int) any {
	var s struct {
		Type       jsontext.Value   `json:"type"`
		Const      jsontext.Value   `json:"const"`
		Default    jsontext.Value   `json:"default"`
		Enum       []jsontext.Value `json:"enum"`
		Examples   []jsontext.Value `json:"examples"`
		Format     string           `json:"format"`
		Minimum    jsontext.Value   `json:"minimum"`
		Properties jsontext.Value   `json:"properties"`
		Items      jsontext.Value   `json:"items"`
	}
	if level > maxSampleLevels || json.Unmarshal(schema, &s) != nil {
		return ordered{}
	}
	switch {
	case s.Const != nil:
		return s.Const
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Default != nil:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	var kind string
	var kinds []string
	if json.Unmarshal(s.Type, &kind) != nil && json.Unmarshal(s.Type, &kinds) == nil && len(kinds) > 0 {
		kind = kinds[0]
	}
	switch {
	case kind == "string":
		return sampleText(s.Format)
	case kind == "integer" || kind == "number":
		if s.Minimum != nil {
			return s.Minimum
		}
		return jsontext.Value("1")
	case kind == "boolean":
		return true
	case kind == "array" && s.Items.Kind() == '{':
		return []any{sampleOf(s.Items, level+1)}
	case kind == "array":
		return []any{}
	case kind == "null":
		return nil
	}
	return ordered(sampleMembers(s.Properties, level))
}

func sampleMembers(properties jsontext.Value, level int) (members []member) {
	if properties.Kind() != '{' {
		return nil
	}
	var all map[string]jsontext.Value
	if json.Unmarshal(properties, &all) != nil {
		return nil
	}
	for _, name := range namesInOrder(properties) {
		members = append(members, member{name, sampleOf(all[name], level+1)})
	}
	return members
}

func sampleText(format string) string {
	switch format {
	case "date-time":
		return "2026-11-24T12:00:00Z"
	case "date":
		return "2026-11-24"
	case "time":
		return "12:00:00Z"
	case "email":
		return "ada@example.com"
	case "uri":
		return "https://example.com/"
	case "uuid":
		return "00000000-0000-4000-8000-000000000000"
	case "ipv4":
		return "192.0.2.1"
	}
	return "text"
}

// namesInOrder returns the names of an object's members as they are written.
func namesInOrder(object jsontext.Value) (names []string) {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return names
		}
		names = append(names, name.String())
		if d.SkipValue() != nil {
			return names
		}
	}
	return names
}
