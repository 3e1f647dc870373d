package openapi

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant"
)

// Example returns a record that is valid under the schema, with its key; nil if none
// could be made. All properties are tried first, then only the required ones.
func Example(s *tenant.Schema) jsontext.Value {
	for _, sparse := range []bool{false, true} {
		m := maker{root: s.Raw, sparse: sparse}
		v := m.value(s.Raw, 0)
		if v.Kind() != '{' {
			continue
		}
		if _, present, err := s.Key(v); err != nil || !present {
			key := events.RecordKey("example-1")
			if s.IntegerKey {
				key = "1"
			}
			v = s.WithKey(v, key)
		}
		if _, present, err := s.Key(v); err == nil && present && s.Validate(context.Background(), v) == nil {
			return v
		}
	}
	return nil
}

// A maker makes values that are likely to keep to a schema. Whoever uses them
// validates them.
type maker struct {
	root   jsontext.Value
	sparse bool // only what is required
}

const (
	deepest    = 12 // a schema may refer to itself
	mostRepeat = 1000
)

func (m *maker) value(schema jsontext.Value, depth int) jsontext.Value {
	if depth > deepest || schema.Kind() != '{' {
		return jsontext.Value("null")
	}
	at := map[string]jsontext.Value{}
	for _, k := range members(schema) {
		at[k.name] = k.value
	}
	for _, keyword := range []string{"const", "example", "default"} {
		if v, ok := at[keyword]; ok {
			return v
		}
	}
	for _, keyword := range []string{"examples", "enum"} {
		if list := elements(at[keyword]); len(list) > 0 {
			return list[0]
		}
	}
	if ref, ok := at["$ref"]; ok {
		if target, ok := m.resolve(text(ref)); ok {
			return m.value(target, depth+1)
		}
	}
	for _, keyword := range []string{"oneOf", "anyOf"} {
		if list := elements(at[keyword]); len(list) > 0 && at["properties"] == nil {
			return m.value(list[0], depth+1)
		}
	}
	switch kind := m.kind(at); kind {
	case "string":
		return m.text(at)
	case "integer", "number":
		return m.number(at)
	case "boolean":
		return jsontext.Value("true")
	case "array":
		return m.list(at, depth)
	case "null":
		return jsontext.Value("null")
	}
	return m.object(at, depth)
}

// kind is the first type that the schema names, or what its keywords are for.
func (m *maker) kind(at map[string]jsontext.Value) string {
	switch t := at["type"]; t.Kind() {
	case '"':
		return text(t)
	case '[':
		if list := texts(t); len(list) > 0 {
			return list[0]
		}
	}
	for keyword, kind := range map[string]string{"minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
		"minimum": "number", "maximum": "number", "multipleOf": "number", "items": "array", "prefixItems": "array", "minItems": "array"} {
		if _, ok := at[keyword]; ok {
			return kind
		}
	}
	return "object"
}

var formats = map[string]string{
	"date-time": "2026-11-21T03:00:00Z", "date": "2026-11-21", "time": "03:00:00Z", "duration": "P1D",
	"email": "someone@example.com", "idn-email": "someone@example.com", "hostname": "example.com", "idn-hostname": "example.com",
	"ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "uri": "https://example.com/", "uri-reference": "/a", "iri": "https://example.com/",
	"iri-reference": "/a", "uri-template": "/a/{b}", "uuid": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "json-pointer": "/a",
	"relative-json-pointer": "1/a", "regex": "a+",
}

func (m *maker) text(at map[string]jsontext.Value) jsontext.Value {
	if s, ok := formats[text(at["format"])]; ok {
		return quote(s)
	}
	s := "example"
	if n, ok := count(at["minLength"]); ok && n > len(s) {
		s += strings.Repeat("x", min(n, mostRepeat)-len(s))
	}
	if n, ok := count(at["maxLength"]); ok && n < len(s) {
		s = s[:n]
	}
	return quote(s)
}

func (m *maker) number(at map[string]jsontext.Value) jsontext.Value {
	for _, keyword := range []string{"minimum", "maximum", "multipleOf"} {
		if v, ok := at[keyword]; ok {
			return v
		}
	}
	if v, ok := at["exclusiveMinimum"]; ok {
		if n, ok := count(v); ok {
			return jsontext.Value(itoa(n + 1))
		}
	}
	return jsontext.Value("1")
}

func (m *maker) list(at map[string]jsontext.Value, depth int) jsontext.Value {
	var items []jsontext.Value
	for _, s := range elements(at["prefixItems"]) {
		items = append(items, m.value(s, depth+1))
	}
	least, _ := count(at["minItems"])
	if least == 0 && !m.sparse && len(items) == 0 {
		least = 1
	}
	for len(items) < min(least, mostRepeat) && at["items"].Kind() == '{' {
		items = append(items, m.value(at["items"], depth+1))
	}
	return slices.Concat([]byte("["), slices.Concat(joined(items)...), []byte("]"))
}

func joined(items []jsontext.Value) (out [][]byte) {
	for i, v := range items {
		if i > 0 {
			out = append(out, []byte(","))
		}
		out = append(out, v)
	}
	return out
}

func (m *maker) object(at map[string]jsontext.Value, depth int) jsontext.Value {
	w, done := writer{dst: []byte("{")}, map[string]bool{}
	add := func(name string, v jsontext.Value) {
		if !done[name] {
			done[name] = true
			w.raw(name, v)
		}
	}
	required := texts(at["required"])
	for _, p := range members(at["properties"]) {
		if !m.sparse || slices.Contains(required, p.name) {
			add(p.name, m.value(p.value, depth+1))
		}
	}
	for _, part := range elements(at["allOf"]) {
		for _, p := range members(m.value(part, depth+1)) {
			add(p.name, p.value)
		}
	}
	for _, name := range required {
		add(name, quote("example"))
	}
	return append(w.dst, '}')
}

// resolve follows a JSON Pointer within the file.
func (m *maker) resolve(ref string) (jsontext.Value, bool) {
	pointer, local := strings.CutPrefix(ref, "#")
	if !local {
		return nil, false
	}
	v := m.root
	for token := range jsontext.Pointer(pointer).Tokens() {
		next, ok := member(v, token)
		if !ok {
			return nil, false
		}
		v = next
	}
	return v, true
}

// count reads a whole number that is not negative.
func count(v jsontext.Value) (n int, ok bool) {
	for _, c := range v {
		if c < '0' || c > '9' || n > 1<<20 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(v) > 0
}
