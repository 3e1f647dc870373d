package typegen

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

// A goType is how a Go program spells a type.
type goType struct {
	expr     string
	raw      bool // jsontext.Value: knows absent and null by itself
	emptyNil bool // a slice or map: nil is absent
	nullable bool
	open     bool // a struct that is being declared: it may only be pointed to
}

var rawType = goType{expr: "jsontext.Value", raw: true}

// maxInline is how deep anonymous objects nest before they stay raw.
const maxInline = 32

// A declaration is one named type.
type declaration struct {
	name string
	text string
}

// A typer turns the types of one document into declarations.
type typer struct {
	document *schema.Document
	scope    scope  // the names of the whole package
	prefix   string // the name of the detail, and the prefix of those of components
	root     string // the component that has the prefix as its name; may be ""

	declared map[string]string // component to Go name
	open     map[string]bool   // components being declared: to meet one again is recursion
	found    []declaration
	notes    map[string]bool
}

func newTyper(d *schema.Document, names scope, prefix string) *typer {
	return &typer{document: d, scope: names, prefix: prefix,
		declared: make(map[string]string), open: make(map[string]bool), notes: make(map[string]bool)}
}

func (t *typer) note(format string, args ...any) { t.notes[fmt.Sprintf(format, args...)] = true }

// detail declares the type of the event's detail, and returns its name.
func (t *typer) detail() string {
	detail := t.followDetail()
	switch {
	case detail == nil:
		return t.rawDetail()
	case detail.Is("object") && !isMap(detail):
		name := t.prefix
		if t.root != "" {
			t.declared[t.root] = name
			t.open[t.root] = true
			defer delete(t.open, t.root)
		}
		t.structure(name, detail, 0)
		return name
	}
	if of := t.resolve(detail, t.prefix, 0); !of.raw {
		name := t.prefix
		t.found = append(t.found, declaration{name, "type " + name + " " + of.expr + "\n"})
		return name
	}
	t.note("detail has no one type: it stays raw")
	return t.rawDetail()
}

// rawDetail declares a type that holds any JSON value as its text.
func (t *typer) rawDetail() string {
	t.found = append(t.found, declaration{t.prefix, strings.ReplaceAll(`type TYPE jsontext.Value

// MarshalJSON implements [json.Marshaler].
func (d TYPE) MarshalJSON() ([]byte, error) { return jsontext.Value(d).MarshalJSON() }

// UnmarshalJSON implements [json.Unmarshaler].
func (d *TYPE) UnmarshalJSON(b []byte) error { return (*jsontext.Value)(d).UnmarshalJSON(b) }
`, "TYPE", t.prefix)})
	return t.prefix
}

// followDetail goes to the component that the detail refers to; nil where there
// is none.
func (t *typer) followDetail() *schema.Type {
	detail := t.document.Detail
	for range len(t.document.Components) + 1 {
		switch {
		case detail.Dangling:
			t.note("detail refers to %q, which the document does not have: it stays raw", detail.Ref)
			return nil
		case detail.Ref == "":
			return detail
		}
		t.root = detail.Ref
		detail = t.document.Components[detail.Ref]
	}
	t.note("detail refers to itself: it stays raw")
	return nil
}

// components declares every component that is not declared yet: of documents
// that describe no event.
func (t *typer) components() {
	for _, name := range t.document.Names() {
		t.component(name)
	}
}

// resolve returns the Go type of a schema type. A struct that it needs is
// declared by the name hint.
func (t *typer) resolve(s *schema.Type, hint string, depth int) goType {
	of := t.resolveValue(s, hint, depth)
	of.nullable = !of.raw && (of.nullable || s.Nullable)
	return of
}

func (t *typer) resolveValue(s *schema.Type, hint string, depth int) goType {
	switch {
	case s == nil || s.Choice:
		return rawType
	case s.Dangling:
		t.note("%q is referred to, but the document does not have it: it stays raw", s.Ref)
		return rawType
	case s.Ref != "":
		return t.component(s.Ref)
	case depth > maxInline:
		t.note("objects within %s nest deeper than %d: they stay raw", t.prefix, maxInline)
		return rawType
	case s.IsStringOrNumber():
		return goType{expr: "events.StringOrNumber"}
	case len(s.Kinds) != 1:
		return rawType
	}
	switch s.Kinds[0] {
	case "string":
		switch s.Format {
		case "date-time":
			return goType{expr: "events.Timestamp"}
		case "arn":
			return goType{expr: "events.ARN"}
		}
		return goType{expr: "string"}
	case "boolean":
		return goType{expr: "bool"}
	case "integer":
		// Without a format an integer may have any number of digits, and be
		// written as 1.0 or 1e2.
		if s.Format == "int32" || s.Format == "int64" {
			return goType{expr: s.Format}
		}
		return goType{expr: "events.Number"}
	case "number":
		return goType{expr: "events.Number"}
	case "array":
		return goType{expr: "[]" + t.element(s.Items, hint, depth), emptyNil: true}
	case "object":
		return t.object(s, hint, depth)
	}
	return rawType
}

// element is the type of what an array or a map holds.
func (t *typer) element(s *schema.Type, hint string, depth int) string {
	of := t.resolve(s, hint+"Item", depth+1)
	if of.nullable && of.open {
		return "*" + of.expr
	}
	if of.nullable {
		return "events.Nullable[" + of.expr + "]"
	}
	return of.expr
}

func isMap(s *schema.Type) bool { return len(s.Properties) == 0 && s.Additional != nil }

// object tells maps from structs. An object of which nothing is known comes
// from a sample without members, and could be anything: it stays raw.
func (t *typer) object(s *schema.Type, hint string, depth int) goType {
	switch {
	case isMap(s):
		return goType{expr: "map[string]" + t.element(s.Additional, hint, depth), emptyNil: true}
	case len(s.Properties) == 0:
		return rawType
	}
	name := t.scope.take(hint)
	t.structure(name, s, depth)
	return goType{expr: name}
}

// component declares a component once.
func (t *typer) component(component string) goType {
	if t.open[component] && t.declared[component] != "" {
		return goType{expr: t.declared[component], open: true}
	}
	if t.open[component] {
		t.note("component %q contains itself: it stays raw there", component)
		return rawType
	}
	s := t.document.Components[component]
	if name, ok := t.declared[component]; ok {
		return goType{expr: name, nullable: s.Nullable}
	}
	t.open[component] = true
	defer delete(t.open, component)
	if !s.Is("object") || len(s.Properties) == 0 || s.Ref != "" || s.Choice {
		return t.resolve(s, t.nameOf(component), 0)
	}
	name := t.scope.take(t.nameOf(component))
	t.declared[component] = name
	t.structure(name, s, 0)
	return goType{expr: name, nullable: s.Nullable}
}

// nameOf puts the document's name before the component's: many documents of a
// package have components of the same name and another shape.
func (t *typer) nameOf(component string) string {
	id := exported(component, "Type")
	if strings.HasPrefix(id, t.prefix) {
		return id
	}
	return t.prefix + id
}

// structure declares a struct. Its place among the declarations is before those
// of its members, so that a file reads from the top down.
func (t *typer) structure(name string, s *schema.Type, depth int) {
	at := len(t.found)
	t.found = append(t.found, declaration{name: name})

	var b strings.Builder
	fmt.Fprintf(&b, "type %s struct {\n", name)
	// Unknown is a field, the others are methods: of ours, or by hand.
	fields := scope{"Unknown": true, "MarshalJSON": true, "UnmarshalJSON": true, "String": true}
	for _, wire := range slices.Sorted(maps.Keys(s.Properties)) {
		if !taggable(wire) {
			t.note("member %q of %s has no name that a struct tag can hold; it is in Unknown", wire, name)
			continue
		}
		id := exported(wire, "Field")
		of := t.resolve(t.withFormat(wire, s.Properties[wire]), name+id, depth+1)
		field, options := member(of, s.Required[wire] && wire != "-")
		tag := "json:" + strconv.Quote(wire+options)
		if resource := s.Properties[wire].Resource; resource != "" {
			tag += " cfn:" + strconv.Quote(resource)
		}
		fmt.Fprintf(&b, "\t%s %s `%s`\n", fields.take(id), field, tag)
	}
	if len(s.Properties) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("\tUnknown typed.Unknown `json:\"-\"`\n}\n\n")
	fmt.Fprintf(&b, "func (d %s) MarshalJSON() ([]byte, error) { return typed.MarshalStruct(d) }\n", name)
	fmt.Fprintf(&b, "func (d *%s) UnmarshalJSON(b []byte) error { return typed.UnmarshalStruct(b, d) }\n", name)
	t.found[at].text = b.String()
}

// withFormat adds the format of AWS's members whose names say that they are ARNs:
// of the sources of schemas, none declares it.
func (t *typer) withFormat(wire string, s *schema.Type) *schema.Type {
	parts := words(wire)
	isARN := len(parts) > 0 && strings.EqualFold(parts[len(parts)-1], "arn") && strings.HasPrefix(t.document.Source, "aws.")
	if !isARN || !s.Is("string") || s.Format != "" {
		return s
	}
	copied := *s
	copied.Format = "arn"
	return &copied
}

// member is how a struct holds a type so that absent, null and the zero value
// stay apart as far as the schema tells them apart.
func member(of goType, required bool) (expr, options string) {
	switch {
	case of.raw:
		return of.expr, ",omitzero"
	case of.open:
		return "*" + of.expr, ",omitzero"
	case of.nullable:
		return "events.Nullable[" + of.expr + "]", ",omitzero"
	case required:
		return of.expr, ""
	case of.emptyNil:
		return of.expr, ",omitzero"
	}
	return "*" + of.expr, ",omitzero"
}

// taggable reports whether the codec can take a member's name from a tag.
func taggable(name string) bool { return name != "" && !strings.ContainsAny(name, ",\\'\"`") }
