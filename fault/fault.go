// Package fault holds the coded errors of the event router.
//
// Every error that crosses a package boundary carries a [Code]. Programs act
// on the code and never on the text. A fault has two readers: the caller sees
// the code, the message and the violations; the log also sees the operation
// and the cause. What is secret or belongs to another tenant therefore goes
// into the cause, never into the message.
//
//	return fault.New(fault.NotFound, "schema %q does not exist", id)
//	return fault.E("boltstore.Commit", fault.Unavailable, err)
//
// Values are immutable once made and safe for concurrent use.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// A Code says what kind of thing went wrong, and so who must act.
type Code uint8

const (
	// Internal is a fault of ours, and the code of every error without one.
	Internal Code = iota
	// Unavailable is a fault of what we depend on: throttled, timed out, down.
	Unavailable
	// Invalid is a request that is malformed or breaks its schema.
	Invalid
	// Unauthenticated is a missing or unusable API key.
	Unauthenticated
	// Denied is a caller who is known but may not do this.
	Denied
	// NotFound is a record, schema or tenant that is not there.
	NotFound
	// Conflict is a key that is taken, or an idempotency key used otherwise.
	Conflict
	// Precondition is a condition of the caller's (If-Match) that does not hold.
	Precondition
	// TooLarge is what could never be stored or published.
	TooLarge
	// Exhausted is a quota or rate limit that is used up.
	Exhausted
)

var codeNames = [...]string{
	Internal:        "internal",
	Unavailable:     "unavailable",
	Invalid:         "invalid",
	Unauthenticated: "unauthenticated",
	Denied:          "denied",
	NotFound:        "not-found",
	Conflict:        "conflict",
	Precondition:    "precondition-failed",
	TooLarge:        "too-large",
	Exhausted:       "exhausted",
}

// String returns the code's name as it appears in logs and problem documents.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("code(%d)", uint8(c))
}

// ParseCode is the inverse of [Code.String].
func ParseCode(name string) (Code, bool) {
	for c, n := range codeNames {
		if n == name {
			return Code(c), true
		}
	}
	return Internal, false
}

// Rejection reports whether the fault is the caller's: final, and never worth
// a retry of the same request.
func (c Code) Rejection() bool { return c > Unavailable }

// A Violation is one way in which a document breaks its contract.
type Violation struct {
	// Pointer is the JSON Pointer (RFC 6901) of the offending value; "" is the
	// whole document.
	Pointer string `json:"pointer"`
	// Message says what is wrong there and what would be right.
	Message string `json:"message"`
}

// Error is a coded error.
type Error struct {
	Code       Code
	Op         string      // the operation that failed, for the log; may be empty
	Message    string      // safe to show to the caller; may be empty
	Violations []Violation // for Invalid: every one that was found
	Err        error       // the cause, for the log; may be nil
}

// New makes a fault whose text may be shown to the caller.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// E wraps err with the operation that met it. The code is that of err where it
// has one of its own, else the one given: an inner code rises through wraps.
// A nil err yields nil.
func E(op string, code Code, err error) error {
	if err == nil {
		return nil
	}
	if inner, ok := errors.AsType[*Error](err); ok {
		code = inner.Code
	}
	return &Error{Code: code, Op: op, Err: err}
}

// Error gives the whole text, for the log: operation, message, violations, cause.
func (e *Error) Error() string {
	var parts []string
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	for _, v := range e.Violations {
		parts = append(parts, fmt.Sprintf("%q: %s", v.Pointer, v.Message))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if len(parts) == 0 {
		return e.Code.String()
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of err: that of the outermost [Error] in its chain;
// Unavailable for an ended context; else Internal.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Unavailable
	}
	return Internal
}

// IsRejection reports whether err is the caller's own and final.
func IsRejection(err error) bool { return err != nil && CodeOf(err).Rejection() }

// MessageOf returns what the caller may read of err: the outermost message in
// its chain for a rejection, and for everything else a fixed sentence, since
// the text of our own faults may name what a tenant must not see.
func MessageOf(err error) string {
	code := CodeOf(err)
	if !code.Rejection() {
		return "the service could not handle the request now; try again"
	}
	for e, ok := errors.AsType[*Error](err); ok; e, ok = errors.AsType[*Error](e.Err) {
		if e.Message != "" {
			return e.Message
		}
		if e.Err == nil {
			break
		}
	}
	return code.String()
}

// ViolationsOf returns the violations that err carries, if any.
func ViolationsOf(err error) []Violation {
	for e, ok := errors.AsType[*Error](err); ok; e, ok = errors.AsType[*Error](e.Err) {
		if len(e.Violations) > 0 {
			return e.Violations
		}
		if e.Err == nil {
			break
		}
	}
	return nil
}
