package jsonschema

import "hash/maphash"

// A Schema is a compiled schema. It is safe for concurrent use.
type Schema struct {
	root     *schema
	maxDepth int
	maxSteps int
	seed     maphash.Seed
	// resources counts those of the program, dynamic the names of dynamic
	// anchors that more than one of them may have.
	dynamic int
}

// A source is a document that holds schemas.
type source struct {
	document
	uri string // "" for the schema's own text
	// schemas has the schema at each node that is one.
	schemas   []*schema
	resources []*resource
}

// location returns the location of a node, see [Violation.Schema].
func (s *source) location(n int32) string {
	if s.uri != "" {
		return s.uri + "#" + s.pointer(n)
	}
	return s.pointer(n)
}

// A resource is a schema with a URI of its own, and those within it that have
// none.
type resource struct {
	source  *source
	node    int32
	base    string
	dialect dialect
	anchors map[string]*schema
	// dynamicAnchors are those of the anchors that are dynamic; the name "" is
	// that of $recursiveAnchor.
	dynamicAnchors map[string]*schema
	dynamic        []dynamicAnchor // the same, for the program
	index          int32
}

type dynamicAnchor struct {
	name   int // index in a scope
	target *schema
}

// A schema is the program for one schema or subschema.
type schema struct {
	source   *source
	node     int32
	resource *resource
	index    int32 // in the program; from 1

	used bool // it is in the program
	uses int  // by other schemas of the program
	memo bool // results are kept

	never bool // the schema false
	types typeSet
	// any apply to every value, the others to values of one type.
	any, object, array, text, number []op
	// markers are those ops that evaluate members or elements.
	markers []marker
	// inPlace are the schemas that apply to the same value.
	inPlace []*schema
	// below says that there are schemas in it that the program uses.
	below bool
	// closing says that it has unevaluatedProperties or unevaluatedItems.
	closing bool
}

// opsFor returns the ops for one type of value.
func (s *schema) opsFor(k kind) []op {
	switch k {
	case kindObject:
		return s.object
	case kindArray:
		return s.array
	case kindString:
		return s.text
	case kindNumber:
		return s.number
	}
	return nil
}

// An op is the program for one keyword, or for several that work together.
type op interface {
	// check reports whether the value at n is valid.
	check(r *run, n int32) bool
	// report adds the violations of the value at n, if there are any.
	report(r *run, n int32)
}

// A marker is an op that evaluates members of an object or elements of an array,
// so that unevaluatedProperties or unevaluatedItems do not apply to them.
type marker interface {
	// mark marks what is evaluated of the value at n, which is valid.
	mark(r *run, n int32, m *marks)
}

// A place is the keyword that an op comes from.
type place struct {
	schema  *schema
	keyword string
}

func (p place) location() string {
	return p.schema.source.location(p.schema.node) + "/" + p.keyword
}

// A typeSet is a set of the types of the keyword type.
type typeSet uint8

const (
	typeString typeSet = 1 << iota
	typeInteger
	typeNumber
	typeBoolean
	typeArray
	typeObject
	typeNull
)

var typeNames = [...]string{"string", "integer", "number", "boolean", "array", "object", "null"}

func typeNamed(name string) typeSet {
	for i, n := range typeNames {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// typesOf returns the types of a value, without the type integer.
func typesOf(k kind) typeSet {
	switch k {
	case kindNull:
		return typeNull
	case kindTrue, kindFalse:
		return typeBoolean
	case kindString:
		return typeString
	case kindNumber:
		return typeNumber
	case kindArray:
		return typeArray
	}
	return typeObject
}
