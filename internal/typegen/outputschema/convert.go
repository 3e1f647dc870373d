package outputschema

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

type node = map[string]any

// parse reads JSON with its numbers as text.
func parse(raw jsontext.Value) (any, error) {
	var v any
	exact := json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v *any) error {
		if dec.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		number, err := dec.ReadValue()
		*v = number.Clone()
		return err
	}))
	if err := json.Unmarshal(raw, &v, exact); err != nil {
		return nil, fault.Errorf(fault.Invalid, "schema is not valid JSON: %v", err)
	}
	return v, nil
}

// A converter turns JSON Schema into OpenAPI 3.0, which may only take more.
type converter struct {
	name       string         // of the root component
	patch      bool           // of a merge patch of the schema, in place of the schema
	components map[string]any // filled with the definitions that are referred to
	defs       map[string]any // of the schema, by reference
}

func newConverter(name string, root any, patch bool, components map[string]any) *converter {
	c := &converter{name: name, patch: patch, components: components, defs: map[string]any{"#": root}}
	if object, ok := root.(node); ok {
		for _, word := range []string{"$defs", "definitions"} {
			defs, _ := object[word].(node)
			for name, def := range defs {
				escaped := strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
				c.defs["#/"+word+"/"+escaped] = def
			}
		}
	}
	return c
}

// kept are the words that mean the same in both. Words that only narrow and are
// not among them are left out, which takes more; "not" is, since leaving out
// something inside of it would take less.
var kept = []string{"title", "description", "multipleOf", "maxLength", "minLength", "pattern",
	"maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "required", "enum", "format"}

// schema converts one schema.
func (c *converter) schema(v any) node {
	in, ok := v.(node)
	if !ok {
		return node{} // true, or false, which no event fits
	}
	if ref, ok := in["$ref"].(string); ok {
		return c.reference(ref)
	}
	out := node{}
	for _, word := range kept {
		if value, ok := in[word]; ok {
			out[word] = value
		}
	}
	c.bounds(in, out)
	c.kinds(in, out)
	if value, ok := in["const"]; ok {
		out["enum"] = []any{value}
	}
	c.members(in, out)
	if items, ok := in["items"].(node); ok && in["prefixItems"] == nil {
		out["items"] = c.withoutPatch().schema(items)
	} else if out["type"] == "array" {
		out["items"] = node{}
	}
	c.alternatives(in, out)
	if values, ok := out["enum"].([]any); ok && slices.Contains(values, nil) {
		out["nullable"] = true
	}
	return out
}

// withoutPatch converts what a merge patch replaces as a whole.
func (c *converter) withoutPatch() *converter {
	whole := *c
	whole.patch = false
	return &whole
}

// reference puts the definition among the components, once.
func (c *converter) reference(ref string) node {
	def, ok := c.defs[ref]
	if !ok {
		return node{}
	}
	name := c.componentName(ref)
	if _, done := c.components[name]; !done {
		c.components[name] = node{} // it may refer to itself
		c.components[name] = c.schema(def)
	}
	return node{"$ref": "#/components/schemas/" + name}
}

func (c *converter) componentName(ref string) string {
	name := c.name
	if c.patch {
		name += "Patch"
	}
	if ref == "#" {
		return name
	}
	return name + "_" + safe(ref[strings.LastIndexByte(ref, '/')+1:])
}

// safe keeps what the names of components and schemas may have.
func safe(name string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_.-", r) {
			return r
		}
		return -1
	}, name)
}

// bounds converts limits that exclude their value, which were a switch once.
func (c *converter) bounds(in, out node) {
	for _, b := range [][2]string{{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}} {
		inclusive, exclusive := b[0], b[1]
		if value, ok := in[inclusive]; ok {
			out[inclusive] = value
		}
		switch value := in[exclusive].(type) {
		case bool:
			out[exclusive] = value
		case jsontext.Value:
			if _, both := in[inclusive]; !both {
				out[inclusive], out[exclusive] = value, true
			}
		}
	}
}

// kinds converts the type, which may be several, or null, in JSON Schema.
func (c *converter) kinds(in, out node) {
	var kinds []any
	switch t := in["type"].(type) {
	case string:
		kinds = []any{t}
	case []any:
		kinds = t
	default:
		return
	}
	some := slices.DeleteFunc(slices.Clone(kinds), func(k any) bool { return k == "null" })
	if len(some) < len(kinds) {
		out["nullable"] = true
	}
	switch len(some) {
	case 0:
		out["enum"] = []any{nil}
	case 1:
		out["type"] = some[0]
	}
}

// members converts the properties of an object. Those of a merge patch may all
// be absent, and null, which removes them.
func (c *converter) members(in, out node) {
	if properties, ok := in["properties"].(node); ok {
		converted := node{}
		for name, p := range properties {
			converted[name] = c.schema(p)
			if c.patch {
				converted[name] = orNull(converted[name].(node))
			}
		}
		out["properties"] = converted
	}
	if c.patch {
		delete(out, "required")
		delete(out, "minProperties")
		delete(out, "maxProperties")
		return // null may remove a property that no schema names
	}
	switch additional := in["additionalProperties"].(type) {
	case node:
		if in["patternProperties"] == nil {
			out["additionalProperties"] = c.schema(additional)
		}
	case bool:
		if additional || in["patternProperties"] == nil {
			out["additionalProperties"] = additional
		}
	}
}

// orNull takes null beside what the schema takes.
func orNull(s node) node {
	if s["$ref"] != nil {
		return node{"nullable": true, "anyOf": []any{s, node{"enum": []any{nil}, "nullable": true}}}
	}
	s["nullable"] = true
	if values, ok := s["enum"].([]any); ok && !slices.Contains(values, nil) {
		s["enum"] = append(slices.Clone(values), nil)
	}
	if s["allOf"] != nil || s["anyOf"] != nil {
		return node{"nullable": true, "anyOf": []any{s, node{"enum": []any{nil}, "nullable": true}}}
	}
	return s
}

// alternatives converts combinations. Of oneOf the "exactly" is lost: schemas
// that take more may overlap.
func (c *converter) alternatives(in, out node) {
	for _, words := range [][2]string{{"allOf", "allOf"}, {"anyOf", "anyOf"}, {"oneOf", "anyOf"}} {
		some, ok := in[words[0]].([]any)
		if _, taken := out[words[1]]; !ok || taken {
			continue // of anyOf and oneOf together, the second is left out
		}
		converted := make([]any, len(some))
		for i, s := range some {
			converted[i] = c.schema(s)
		}
		out[words[1]] = converted
	}
}

// withKey makes sure that an object has its key.
func withKey(s node, field string, integer bool) node {
	s = maps.Clone(s)
	properties, _ := s["properties"].(node)
	properties = maps.Clone(properties)
	if properties == nil {
		properties = node{}
	}
	if properties[field] == nil || isNullable(properties[field]) {
		properties[field] = keySchema(integer)
	}
	s["type"], s["properties"] = "object", properties
	required, _ := s["required"].([]any)
	if !slices.Contains(required, any(field)) {
		s["required"] = append(slices.Clone(required), field)
	}
	return s
}

func isNullable(v any) bool {
	n, ok := v.(node)
	return ok && n["nullable"] == true
}

func keySchema(integer bool) node {
	if integer {
		return node{"type": "integer"}
	}
	return node{"type": "string"}
}
