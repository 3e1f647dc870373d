package pattern

import (
	"unicode/utf8"

	"github.com/blockforger/eventrouter/fault"
)

// Lengths of a pattern that EventBridge accepts, in characters.
const (
	// DefaultMaxLength is an account's limit until AWS raises it.
	DefaultMaxLength = 2048
	// MaxLength is the limit that AWS raises it to.
	MaxLength = 4096
)

// MaxComplexity is the greatest [Pattern.Complexity] that EventBridge accepts.
const MaxComplexity = 10

// CheckLength refuses a pattern of more characters than limit, which is
// [DefaultMaxLength] where it is 0, and never more than [MaxLength]. The code of
// the error is [fault.TooLarge].
func CheckLength(pattern []byte, limit int) error {
	if limit <= 0 {
		limit = DefaultMaxLength
	}
	limit = min(limit, MaxLength)
	if n := utf8.RuneCount(pattern); n > limit {
		err := fail(0, "Event pattern is %d characters long; at most %d are allowed", n, limit)
		return &Error{Reason: err.reason, code: fault.TooLarge}
	}
	return nil
}

// Admit compiles a pattern as the service does when a rule is put: what is
// longer than limit (see [CheckLength]) or more complex than [MaxComplexity] is
// refused as well.
func Admit(pattern []byte, limit int) (*Pattern, error) {
	if err := CheckLength(pattern, limit); err != nil {
		return nil, err
	}
	p, err := Compile(pattern)
	if err != nil {
		return nil, err
	}
	if p.Complexity() > MaxComplexity {
		return nil, &Error{
			Reason: "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character",
			code:   fault.TooLarge,
		}
	}
	return p, nil
}
