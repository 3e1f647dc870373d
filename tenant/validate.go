package tenant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant/jsonschema"
)

// maxViolations is the maximum number of violations in a fault; the last one says
// that there are more.
const maxViolations = 1000

// Validate checks a whole record. The fault is Invalid and lists every
// violation with its JSON Pointer, up to a thousand; or it is TooLarge for a
// number that no backend could keep, and for a record that takes too many steps
// to check, with the location in the schema; or it is Unavailable because ctx has
// ended, which says nothing about the record. Its text never holds a value of the
// document, but pointers hold the names of members.
func (s *Schema) Validate(ctx context.Context, doc jsontext.Value) error {
	err := s.validator.Validate(ctx, doc)
	if err == nil {
		if doc.Kind() != '{' {
			return broken(fault.Violation{Message: "must be an object"})
		}
		return nil
	}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		if doc.Kind() != '{' {
			return broken(fault.Violation{Message: "must be an object"})
		}
		return brokenMore(invalid.More, violations(invalid))
	}
	if limit, ok := errors.AsType[*jsonschema.LimitError](err); ok {
		return s.exceeds(limit)
	}
	if syntax, ok := errors.AsType[*jsonschema.SyntaxError](err); ok {
		return malformed(syntax.Err)
	}
	return fault.Wrap("tenant.Validate", fault.Unavailable, err)
}

func violations(invalid *jsonschema.ValidationError) []fault.Violation {
	list := make([]fault.Violation, len(invalid.Violations))
	for i, v := range invalid.Violations {
		list[i] = fault.Violation{Pointer: fault.Clip(v.Pointer, fault.MaxPointer), Message: v.Message, Indexes: v.Indexes}
	}
	return list
}

func broken(vs ...fault.Violation) error { return brokenMore(0, vs) }

// brokenMore returns the fault of a record with more violations of its schema than
// those given.
func brokenMore(more int, vs []fault.Violation) error {
	message := "payload breaks its schema"
	if n := len(vs) + more; n > 1 {
		message = fmt.Sprintf("payload breaks its schema in %d places", n)
	}
	if n := len(vs) + more; n > maxViolations || more > 0 {
		listed := min(len(vs), maxViolations-1)
		rest := fault.Violation{Message: fmt.Sprintf("has %d violations more", n-listed)}
		vs = append(vs[:listed:listed], rest)
	}
	return &fault.Error{Code: fault.Invalid, Message: message, Violations: vs}
}

// exceeds returns the fault of a record that exceeds a limit.
func (s *Schema) exceeds(limit *jsonschema.LimitError) error {
	if limit.Steps {
		return fault.Errorf(fault.TooLarge, "payload cannot be checked: at %q, schema %q %s", limit.Schema, s.ID, limit.Reason)
	}
	return &fault.Error{Code: fault.TooLarge, Message: "document: " + strconv.Quote(fault.Clip(limit.Pointer, fault.MaxPointer)) + " " + limit.Reason,
		Violations: []fault.Violation{{Pointer: fault.Clip(limit.Pointer, fault.MaxPointer), Message: limit.Reason}}}
}

// malformed returns a fault with the decoder's error as its cause. The cause may
// quote the record, so it is for the schema's author and not for callers.
func malformed(err error) error {
	e := &fault.Error{Code: fault.Invalid, Message: "document is not valid JSON", Err: err}
	if err == io.EOF {
		e.Message = "document is empty"
	}
	e.Violations = []fault.Violation{{Message: e.Message}}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			e.Message = "document repeats a name"
		}
		e.Violations = []fault.Violation{{Pointer: fault.Clip(string(syntax.JSONPointer), fault.MaxPointer), Message: e.Message}}
	}
	return e
}
