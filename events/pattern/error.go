package pattern

import (
	"fmt"

	"github.com/blockforger/eventrouter/fault"
)

// Error says why a pattern is refused, in AWS's words.
type Error struct {
	// Reason is AWS's text, without its prefix and without the position.
	Reason string
	// Line and Column, from 1, are where the fault is; 0 where the whole pattern
	// is at fault. Columns count bytes.
	Line, Column int
	// Hint, in our words, says what would be right; it may be empty.
	Hint string

	code fault.Code
	// location is the text that AWS appends to the reason: where its parser
	// stopped reading. It is empty for the reasons that AWS gives without one.
	location string
}

// Error returns AWS's text without the position.
func (e *Error) Error() string { return "Event pattern is not valid. Reason: " + e.Reason }

// ServiceMessage returns the message of AWS's InvalidEventPatternException: the
// text of [Error.Error] and, on a line of its own, the position at which AWS's
// parser stopped reading.
func (e *Error) ServiceMessage() string { return e.Error() + e.location }

// Unwrap gives the refusal its code: [fault.Invalid], [fault.TooLarge] for a
// pattern past a limit of the service.
func (e *Error) Unwrap() error {
	code := e.code
	if code == fault.Internal {
		code = fault.Invalid
	}
	return fault.New(code, "%s", e.Error())
}

// An EventError says why an event cannot be matched at all.
type EventError struct {
	Reason       string
	Line, Column int
}

func (e *EventError) Error() string {
	return fmt.Sprintf("event is not valid at line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Unwrap gives the error its code, [fault.Invalid].
func (e *EventError) Unwrap() error { return fault.New(fault.Invalid, "%s", e.Error()) }
