package pattern

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/blockforger/eventrouter/fault"
)

// An Error is the reason why a pattern is rejected, with AWS's message.
type Error struct {
	// Reason is AWS's text, without its prefix and without the position.
	Reason string
	// Line and Column, from 1, are the position of the error; they are 0 if the error
	// is not at one position. Columns count bytes.
	Line, Column int
	// Hint describes what is valid. It is not AWS's text, and may be empty.
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
	if code == 0 {
		code = fault.Invalid
	}
	return fault.Errorf(code, "%s", e.Error())
}

// An EventError is the reason why an event cannot be parsed for matching.
type EventError struct {
	Reason       string
	Line, Column int
}

func (e *EventError) Error() string {
	return fmt.Sprintf("event is not valid at line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// Unwrap gives the error its code, [fault.Invalid].
func (e *EventError) Unwrap() error { return fault.Errorf(fault.Invalid, "%s", e.Error()) }

// operators are the names that an expression may have.
var operators = []string{"prefix", "suffix", "equals-ignore-case", "wildcard", "numeric", "cidr", "exists", "anything-but", "exactly"}

// hints holds the hints, by the beginning of AWS's reason.
var hints = []struct{ reason, hint string }{
	{"Filter is not an object", `a pattern is an object: {"source": ["..."]}`},
	{"Empty objects", "name at least one field"},
	{"Empty arrays", "give at least one value or condition"},
	{"Match value must be", "the list of a field is flat"},
	{"Match expression name", `a condition has a name: {"prefix": "..."}`},
	{"Only one key", "give each condition its own object"},
	{"exists match pattern", "write true or false without quotation marks"},
	{"Value of numeric must be", `write {"numeric": [">", 0]} or {"numeric": [">", 0, "<=", 5]}`},
	{"Unrecognized numeric", `the operators are "=", "<", "<=", ">" and ">="`},
	{"Cannot compare number", "it has more digits than a double keeps; as a plain value it matches exactly"},
	{"Bottom must be", "the lower bound comes first and is less than the upper one"},
	{"Unsupported anything-but", "anything-but takes prefix, suffix, equals-ignore-case and wildcard"},
	{"Value of anything-but", "anything-but takes strings, numbers or lists of them"},
	{"Inside anything but list, either", "write strings only or numbers only"},
	{"Consecutive wildcard", "one star stands for any text"},
	{"Invalid escape", `in a wildcard, \* is a star and \\ a backslash, each doubled in JSON`},
	{"IPv4 mask", `a single address is a plain value: "10.0.0.5"`},
	{"IPv6 mask", `a single address is a plain value: "2001:db8::1"`},
	{"Malformed CIDR", `write an address and a number of bits: "10.0.0.0/24"`},
	{"There must have at least 2", "with one branch, leave $or out"},
	{"It must be an Array", `write "$or": [{...}, {...}]`},
}

// hintFor returns what would be right, or nothing.
func hintFor(reason string) string {
	if name, ok := strings.CutPrefix(reason, "Unrecognized match type "); ok {
		if near, ok := closest(name, operators); ok {
			return "did you mean " + near + "?"
		}
		return "the operators are " + strings.Join(operators[:len(operators)-1], ", ")
	}
	for _, h := range hints {
		if strings.HasPrefix(reason, h.reason) {
			return h.hint
		}
	}
	return ""
}

// Excerpt shows the line of the pattern where reading stopped, a caret below
// the place, and the hint.
func (e *Error) Excerpt(pattern []byte) string {
	lines := strings.Split(string(pattern), "\n")
	if e.Line < 1 || e.Line > len(lines) {
		return e.Hint
	}
	text := strings.TrimSuffix(lines[e.Line-1], "\r")
	before := text[:min(max(e.Column-1, 0), len(text))]
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(before, string(utf8.RuneError)))
	return strings.TrimRight(text+"\n"+indent+"^ "+e.Hint, " ")
}

// position returns the line and column of an offset, both from 1. Columns count
// bytes.
func position(src string, at int) (line, column int) {
	at = min(at, len(src))
	before := src[:at]
	return strings.Count(before, "\n") + 1, at - strings.LastIndexByte(before, '\n')
}

// location is the line with the position that AWS's parser, Jackson, appends to
// its messages.
func location(src string, at int) string { return "\n at " + sourceLocation(src, at) }

// maxQuoted is how many characters of the source a position quotes.
const maxQuoted = 500

// sourceLocation names the source and a position in it as Jackson does. It
// counts UTF-16 code units, as Java does.
func sourceLocation(src string, at int) string {
	line, _ := position(src, at)
	at = min(at, len(src))
	start := strings.LastIndexByte(src[:at], '\n') + 1
	quoted, rest := cutUnits(src, maxQuoted)
	var b strings.Builder
	b.WriteString(`[Source: (String)"`)
	for _, r := range quoted {
		if (r < 0x20 || r >= 0x7f && r < 0xa0) && r != '\n' && r != '\r' {
			fmt.Fprintf(&b, `\u%04X`, r)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	if rest > 0 {
		fmt.Fprintf(&b, "[truncated %d chars]", rest)
	}
	fmt.Fprintf(&b, "; line: %d, column: %d]", line, units(src[start:at])+1)
	return b.String()
}

// units is the length of a text in UTF-16 code units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// cutUnits returns the first n code units of a text, and how many follow.
func cutUnits(s string, n int) (head string, rest int) {
	for i, r := range s {
		if n -= max(utf16.RuneLen(r), 1); n < 0 {
			return s[:i], units(s[i:])
		}
	}
	return s, 0
}
