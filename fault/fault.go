// Package fault defines the coded errors of the event router.
//
// Every error that crosses a package boundary has a [Code]. Programs test the
// code with [Is] and never the text. A caller sees the code, the message and the
// violations; the log also contains the operation and the cause. Secrets and
// what belongs to another tenant therefore go into the cause, never into the
// message.
//
//	return fault.Errorf(fault.NotFound, "schema %q does not exist", id)
//	return fault.Wrap("boltstore.Commit", fault.Unavailable, err)
//
// Values are immutable and safe for concurrent use.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// A Code classifies an error by who must act. The zero code means no error.
type Code uint8

const (
	// Internal is a fault of the router, and the code of every error without one.
	Internal Code = iota + 1
	// Unavailable is a fault of a service that the router depends on: throttled,
	// timed out, not reachable.
	Unavailable
	// Invalid is a request that is malformed or breaks its schema.
	Invalid
	// Unauthenticated is a missing or unusable API key.
	Unauthenticated
	// Denied is a known caller without permission.
	Denied
	// NotFound is a record, schema or tenant that does not exist.
	NotFound
	// Conflict is a key that exists already, or an idempotency key of another request.
	Conflict
	// Precondition is a condition of the caller (If-Match) that does not hold.
	Precondition
	// TooLarge is what exceeds a limit of storing or publishing.
	TooLarge
	// Exhausted is a quota or rate limit that is used up.
	Exhausted
)

// codes lists the codes: their names in logs and problem documents, and whether
// they are rejections.
var codes = [...]struct {
	name      string
	rejection bool
}{
	0:               {"ok", false},
	Internal:        {"internal", false},
	Unavailable:     {"unavailable", false},
	Invalid:         {"invalid", true},
	Unauthenticated: {"unauthenticated", true},
	Denied:          {"denied", true},
	NotFound:        {"not-found", true},
	Conflict:        {"conflict", true},
	Precondition:    {"precondition-failed", true},
	TooLarge:        {"too-large", true},
	Exhausted:       {"exhausted", true},
}

// String returns the code's name as it appears in logs and problem documents.
func (c Code) String() string {
	if int(c) < len(codes) {
		return codes[c].name
	}
	return fmt.Sprintf("code(%d)", uint8(c))
}

// ParseCode is the inverse of [Code.String].
func ParseCode(name string) (Code, bool) {
	for c := Internal; int(c) < len(codes); c++ {
		if codes[c].name == name {
			return c, true
		}
	}
	return 0, false
}

// Rejection reports whether an error of this code is the caller's and final: the
// same request will not succeed later.
func (c Code) Rejection() bool { return int(c) < len(codes) && codes[c].rejection }

// A Violation is one way in which a document breaks its contract.
type Violation struct {
	// Pointer is the JSON Pointer (RFC 6901) of the offending value; "" is the
	// whole document.
	Pointer string `json:"pointer"`
	// Message says what is wrong and what would be valid.
	Message string `json:"message"`
	// Indexes says which tokens of the pointer are indexes of array elements, and not
	// names that the sender chose: bit i stands for token i. It is not stored.
	Indexes uint64 `json:"-"`
}

// Error is a coded error.
type Error struct {
	Code       Code
	Op         string      // the operation that failed, for the log; may be empty
	Message    string      // safe to show to the caller; may be empty
	Violations []Violation // for Invalid: every one that was found
	Err        error       // the cause, for the log; may be nil
}

// Errorf returns an error whose text may be shown to the caller.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap adds the operation that failed to err. The code of err is kept if it has
// one; otherwise code is used. It returns nil if err is nil.
func Wrap(op string, code Code, err error) error {
	if err == nil {
		return nil
	}
	if inner, ok := errors.AsType[*Error](err); ok {
		code = inner.Code
	}
	return &Error{Code: code, Op: op, Err: err}
}

// Error returns the whole text, for the log: operation, message, violations, cause.
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

// CodeOf returns the code of err: that of the outermost [Error] in its chain,
// Unavailable if a context ended, otherwise Internal. A nil error has the zero
// code.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Unavailable
	}
	return Internal
}

// Is reports whether err has the code. A nil error has none.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// IsRejection reports whether err is the caller's and final.
func IsRejection(err error) bool { return CodeOf(err).Rejection() }

// MessageOf returns the text that the caller may read: the outermost message in
// the chain of a rejection, and a fixed sentence for everything else, because the
// text of internal faults may contain what a tenant must not see.
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

// Clip returns s, or, if s is longer than most bytes, the characters of its first
// most bytes and an ellipsis. Messages and log lines clip what a caller sent.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// MaxPointer is the number of bytes to which the pointers of violations are clipped:
// the names in them are the sender's.
const MaxPointer = 200
