package openapi

import (
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/tenant"
)

// convert writes a schema as OpenAPI 3.1 has it: in the 2020-12 draft, without
// what is ours, and with references led to the component that it becomes. The
// key field is declared where the schema leaves that to the router.
func convert(s *tenant.Schema) jsontext.Value {
	return newConverter(s).schema(nil, s.Raw, true)
}

// keyless is the same for a body whose key the router or the path fills in.
func keyless(s *tenant.Schema) jsontext.Value {
	c := newConverter(s)
	c.optional = s.KeyField
	return c.schema(nil, s.Raw, true)
}

// requiresKey reports whether the schema asks for the key in so many words.
func requiresKey(s *tenant.Schema) bool {
	required, _ := member(s.Raw, "required")
	return slices.Contains(texts(required), s.KeyField)
}

type converter struct {
	of       *tenant.Schema
	id       string            // the root's own $id, "" without one
	anchors  map[string]string // names within the file, to JSON Pointers
	optional string            // a property that the root does not ask for
	both     bool              // the root has $defs and definitions
}

func newConverter(s *tenant.Schema) *converter {
	c := &converter{of: s, anchors: map[string]string{}}
	for _, name := range []string{"$id", "id"} {
		if v, ok := member(s.Raw, name); ok && c.id == "" && v.Kind() == '"' {
			c.id = strings.TrimSuffix(text(v), "#")
		}
	}
	_, c.both = member(s.Raw, "$defs")
	c.findAnchors(s.Raw, "")
	return c
}

func (c *converter) findAnchors(v jsontext.Value, at jsontext.Pointer) {
	switch v.Kind() {
	case '{':
		for _, m := range members(v) {
			switch {
			case (m.name == "$anchor" || m.name == "$dynamicAnchor") && m.value.Kind() == '"':
				c.anchors[text(m.value)] = string(at)
			case (m.name == "$id" || m.name == "id") && strings.HasPrefix(text(m.value), "#"):
				c.anchors[text(m.value)[1:]] = string(at)
			}
			c.findAnchors(m.value, at.AppendToken(m.name))
		}
	case '[':
		for i, e := range elements(v) {
			c.findAnchors(e, at+jsontext.Pointer("/"+itoa(i)))
		}
	}
}

// reference leads one within the file to where the schema now stands.
func (c *converter) reference(ref string) string {
	own := "#/components/schemas/" + string(c.of.ID)
	for _, base := range []string{c.id, string(c.of.ID) + ".json"} {
		if rest, ok := strings.CutPrefix(ref, base); ok && base != "" && (rest == "" || rest[0] == '#') {
			ref = "#" + strings.TrimPrefix(rest, "#")
		}
	}
	fragment, local := strings.CutPrefix(ref, "#")
	if !local {
		return ref
	}
	if fragment != "" && fragment[0] != '/' {
		name, err := url.PathUnescape(fragment)
		if pointer, ok := c.anchors[name]; err == nil && ok {
			return own + (&url.URL{Fragment: c.moved(pointer)}).EscapedFragment()
		}
	}
	return own + c.moved(fragment)
}

// moved is where a pointer leads once the root's definitions have their name of
// today.
func (c *converter) moved(pointer string) string {
	if rest, ok := strings.CutPrefix(pointer, "/definitions/"); ok && !c.both {
		return "/$defs/" + rest
	}
	return pointer
}

// Where the keywords of JSON Schema hold schemas.
var (
	holdsSchema  = []string{"additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"}
	holdsSchemas = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	holdsNamed   = []string{"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
	dropped      = []string{"$anchor", "$dynamicAnchor", "$id", "$schema", "$recursiveAnchor", "$vocabulary", "id"}
)

// schema appends v, converted.
func (c *converter) schema(dst []byte, v jsontext.Value, root bool) []byte {
	if v.Kind() != '{' {
		return append(dst, v...)
	}
	all := members(v)
	old := slices.ContainsFunc(all, func(m named) bool { return m.name == "items" && m.value.Kind() == '[' })
	if root && !declares(v, c.of.KeyField) {
		all = c.declareKey(all)
	}
	w := writer{dst: append(dst, '{')}
	for _, m := range all {
		switch name := m.name; {
		case root && name == "meta", slices.Contains(dropped, name) && m.value.Kind() != '{',
			old && name == "additionalItems":
		case (name == "$ref" || name == "$dynamicRef") && m.value.Kind() == '"':
			w.name("$ref")
			w.dst, _ = jsontext.AppendQuote(w.dst, c.reference(text(m.value)))
		case name == "$recursiveRef":
			w.name("$ref")
			w.dst, _ = jsontext.AppendQuote(w.dst, c.reference("#"))
		case name == "items" && old:
			w.name("prefixItems")
			w.dst = c.list(w.dst, m.value)
			if rest, ok := member(v, "additionalItems"); ok {
				w.name("items")
				w.dst = c.schema(w.dst, rest, false)
			}
		case name == "exclusiveMinimum" && m.value.Kind() == 't', name == "exclusiveMaximum" && m.value.Kind() == 't':
			if limit, ok := member(v, map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}[name]); ok {
				w.raw(name, limit)
			}
		case (name == "exclusiveMinimum" || name == "exclusiveMaximum") && m.value.Kind() == 'f':
		case name == "dependencies" && m.value.Kind() == '{':
			c.dependencies(&w, m.value)
		case root && name == "required" && c.optional != "":
			left := slices.DeleteFunc(texts(m.value), func(s string) bool { return s == c.optional })
			if len(left) > 0 {
				w.raw(name, quoteAll(left))
			}
		case slices.Contains(holdsSchema, name):
			w.name(name)
			w.dst = c.schema(w.dst, m.value, false)
		case slices.Contains(holdsSchemas, name):
			w.name(name)
			w.dst = c.list(w.dst, m.value)
		case slices.Contains(holdsNamed, name) && m.value.Kind() == '{':
			if root && name == "definitions" && !c.both {
				name = "$defs"
			}
			w.name(name)
			w.dst = c.named(w.dst, m.value)
		default:
			w.raw(name, m.value)
		}
	}
	return append(w.dst, '}')
}

func (c *converter) list(dst []byte, v jsontext.Value) []byte {
	dst = append(dst, '[')
	for i, e := range elements(v) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.schema(dst, e, false)
	}
	return append(dst, ']')
}

func (c *converter) named(dst []byte, v jsontext.Value) []byte {
	w := writer{dst: append(dst, '{')}
	for _, m := range members(v) {
		w.name(m.name)
		w.dst = c.schema(w.dst, m.value, false)
	}
	return append(w.dst, '}')
}

// dependencies splits what older drafts had in one keyword.
func (c *converter) dependencies(w *writer, v jsontext.Value) {
	names, schemas := writer{dst: []byte("{")}, writer{dst: []byte("{")}
	for _, m := range members(v) {
		if m.value.Kind() == '[' {
			names.raw(m.name, m.value)
			continue
		}
		schemas.name(m.name)
		schemas.dst = c.schema(schemas.dst, m.value, false)
	}
	if len(names.dst) > 1 {
		w.raw("dependentRequired", append(names.dst, '}'))
	}
	if len(schemas.dst) > 1 {
		w.raw("dependentSchemas", append(schemas.dst, '}'))
	}
}

// declareKey adds the key field to the properties of the root.
func (c *converter) declareKey(all []named) []named {
	kind := `{"type":"string"}`
	if c.of.IntegerKey {
		kind = `{"type":"integer"}`
	}
	for i, m := range all {
		if m.name == "properties" && m.value.Kind() == '{' {
			w := writer{dst: []byte("{")}
			w.raw(c.of.KeyField, jsontext.Value(kind))
			for _, p := range members(m.value) {
				w.raw(p.name, p.value)
			}
			all[i].value = append(w.dst, '}')
			return all
		}
	}
	w := writer{dst: []byte("{")}
	w.raw(c.of.KeyField, jsontext.Value(kind))
	return append(all, named{"properties", append(w.dst, '}')})
}

// declares reports whether the properties of the root have a name.
func declares(v jsontext.Value, name string) bool {
	properties, ok := member(v, "properties")
	if !ok {
		return false
	}
	_, ok = member(properties, name)
	return ok
}
