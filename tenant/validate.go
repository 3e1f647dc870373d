package tenant

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/blockforger/eventrouter/fault"
)

// maxViolations is how many violations are listed; the last tells of the rest.
const maxViolations = 1000

// Validate checks a whole record. The fault is Invalid and lists every
// violation with its JSON Pointer, up to a thousand; or it is TooLarge for a
// number that no backend could keep. Its text never holds a value of the
// document, but pointers hold the names of members.
func (s *Schema) Validate(doc jsontext.Value) error {
	v, err := decodeExact(doc)
	if err != nil {
		return err
	}
	if _, ok := v.(map[string]any); !ok {
		return broken(fault.Violation{Message: "must be an object"})
	}
	err = s.validator.Validate(v)
	if err == nil {
		return nil
	}
	tree, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return fault.Wrap("tenant.Validate", fault.Internal, err)
	}
	return broken(violations(tree, v)...)
}

func broken(vs ...fault.Violation) error {
	message := "payload breaks its schema"
	if len(vs) > 1 {
		message = fmt.Sprintf("payload breaks its schema in %d places", len(vs))
	}
	if len(vs) > maxViolations {
		rest := fault.Violation{Message: fmt.Sprintf("has %d violations more", len(vs)-maxViolations+1)}
		vs = append(vs[:maxViolations-1:maxViolations-1], rest)
	}
	return &fault.Error{Code: fault.Invalid, Message: message, Violations: vs}
}

// violations lists the leaves of the validator's tree, in order of pointer,
// each once.
func violations(tree *jsonschema.ValidationError, doc any) []fault.Violation {
	l := leaves{doc: doc}
	l.collect(tree)
	slices.SortFunc(l.found, func(a, b fault.Violation) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(l.found)
}

type leaves struct {
	doc   any
	found []fault.Violation
}

func (l *leaves) collect(e *jsonschema.ValidationError) {
	// Its causes speak of the name as a document of its own.
	if k, ok := e.ErrorKind.(*kind.PropertyNames); ok {
		for _, at := range l.holders(e.InstanceLocation, k.Property) {
			l.add(at, k.Property, "is not an allowed property name")
		}
		return
	}
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			l.collect(cause)
		}
		return
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		l.addEach(e.InstanceLocation, k.Missing, "is required")
	case *kind.DependentRequired:
		l.addEach(e.InstanceLocation, k.Missing, fmt.Sprintf("is required where %q is given", k.Prop))
	case *kind.Dependency:
		l.addEach(e.InstanceLocation, k.Missing, fmt.Sprintf("is required where %q is given", k.Prop))
	case *kind.AdditionalProperties:
		l.addEach(e.InstanceLocation, k.Properties, "is not a property of the schema")
	default:
		l.add(e.InstanceLocation, "", describe(e.ErrorKind))
	}
}

func (l *leaves) addEach(location, names []string, message string) {
	for _, name := range names {
		l.add(location, name, message)
	}
}

func (l *leaves) add(location []string, name, message string) {
	var p strings.Builder
	for _, token := range location {
		p.WriteByte('/')
		p.WriteString(escapeToken(token))
	}
	if name != "" {
		p.WriteByte('/')
		p.WriteString(escapeToken(name))
	}
	l.found = append(l.found, fault.Violation{Pointer: clip(p.String()), Message: message})
}

// holders finds the objects that have a member of that name as deep as the
// location is. The validator hands the location of a propertyNames error from
// memory that it has used again since, so that only its length can be trusted.
func (l *leaves) holders(location []string, name string) (found [][]string) {
	var visit func(v any, path []string)
	visit = func(v any, path []string) {
		object, isObject := v.(map[string]any)
		if len(path) == len(location) {
			if _, has := object[name]; isObject && has {
				found = append(found, slices.Clone(path))
			}
			return
		}
		for member, below := range object {
			visit(below, append(path, member))
		}
		if list, ok := v.([]any); ok {
			for i, below := range list {
				visit(below, append(path, fmt.Sprint(i)))
			}
		}
	}
	visit(l.doc, nil)
	return found
}
