package jsonschema

import (
	"fmt"
	"strings"
)

// A Diagnostic is one thing that is wrong with a schema.
type Diagnostic struct {
	// Pointer is the JSON Pointer of the value in the schema's text.
	Pointer string
	// Message says what is wrong with it and what would be right; it is a
	// predicate of which the value is the subject.
	Message string
}

// A CompileError lists what is wrong with a schema, in order of appearance.
type CompileError struct {
	Diagnostics []Diagnostic
}

func (e *CompileError) Error() string {
	lines := make([]string, len(e.Diagnostics))
	for i, d := range e.Diagnostics {
		lines[i] = fmt.Sprintf("%q %s", d.Pointer, d.Message)
	}
	return "schema does not compile: " + strings.Join(lines, "; ")
}

// A Violation is one way in which a document does not match its schema.
type Violation struct {
	// Pointer is the JSON Pointer of the value in the document.
	Pointer string
	// Indexes has bit i set if token i of the pointer is the index of an array's
	// element, up to i = 63; the other tokens are names.
	Indexes uint64
	// Schema is the location of the keyword that is violated: a JSON Pointer in
	// the schema's text, behind the URI of another document where the keyword
	// belongs to one.
	Schema string
	// Message says what would be right. It quotes the schema, but never the
	// document.
	Message string
}

// A ValidationError lists every violation of a document, ordered by pointer and
// message, each once.
type ValidationError struct {
	Violations []Violation
	// More is a lower bound of the number of violations that are not listed: a
	// document with very many is not checked to its end.
	More int
}

func (e *ValidationError) Error() string {
	v := e.Violations[0]
	text := fmt.Sprintf("%q %s (schema %q)", v.Pointer, v.Message, v.Schema)
	if n := len(e.Violations) - 1 + e.More; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// A SyntaxError reports a document that is not JSON. Its text may quote the
// document.
type SyntaxError struct {
	// Err is a [*jsontext.SyntacticError] with place and reason, or io.EOF for
	// an empty document.
	Err error
}

func (e *SyntaxError) Error() string { return "document is not valid JSON: " + e.Err.Error() }
func (e *SyntaxError) Unwrap() error { return e.Err }

// A LimitError reports a document, or a document with its schema, that exceeds a
// bound of this package. It is the same on every machine, so that a retry is of
// no use.
type LimitError struct {
	// Pointer is the place in the document, where it is known.
	Pointer string
	// Schema is the location of the schema whose check ran out of steps; it is
	// empty where the document alone exceeds a bound. See [Violation.Schema].
	Schema string
	// Steps says that the check ran out of steps.
	Steps bool
	// Reason says which bound is exceeded.
	Reason string
}

func (e *LimitError) Error() string {
	if e.Steps {
		return fmt.Sprintf("schema %q %s", e.Schema, e.Reason)
	}
	return fmt.Sprintf("document: %q %s", e.Pointer, e.Reason)
}
