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

// detail declares the type of the event's detail, and returns its name. A detail
// that cannot be typed has everything in Unknown: it can be told apart, have
// methods, and gain members once its schema is right.
func (t *typer) detail() string {
	detail := t.followDetail()
	switch {
	case detail == nil:
		return t.rawDetail()
	case len(detail.Kinds) == 0 && !detail.Choice || detail.Is("object") && !isMap(detail):
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

func (t *typer) rawDetail() string {
	t.structure(t.prefix, &schema.Type{}, 0)
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
	case len(s.Kinds) != 1:
		return rawType
	}
	switch s.Kinds[0] {
	case "string":
		if s.Format == "date-time" {
			return goType{expr: "events.Timestamp"}
		}
		return goType{expr: "string"}
	case "boolean":
		return goType{expr: "bool"}
	case "integer":
		return goType{expr: "int64"}
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
	fields := scope{"Unknown": true, "String": true} // the first is ours, the second left to wrappers
	for _, wire := range slices.Sorted(maps.Keys(s.Properties)) {
		if !taggable(wire) {
			t.note("member %q of %s has no name that a struct tag can hold; it is in Unknown", wire, name)
			continue
		}
		id := exported(wire, "Field")
		of := t.resolve(s.Properties[wire], name+id, depth+1)
		field, options := member(of, s.Required[wire] && wire != "-")
		fmt.Fprintf(&b, "\t%s %s `json:%s`\n", fields.take(id), field, strconv.Quote(wire+options))
	}
	if len(s.Properties) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("\tUnknown jsontext.Value `json:\",embed\"`\n}\n")
	t.found[at].text = b.String()
}

// member is how a struct holds a type so that absent, null and the zero value
// stay apart as far as the schema tells them apart.
func member(of goType, required bool) (expr, options string) {
	switch {
	case of.raw:
		return of.expr, ",omitzero"
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
