package pattern

import (
	"strings"
	"unicode/utf8"
)

// operators are the names that an expression may have.
var operators = []string{"prefix", "suffix", "equals-ignore-case", "wildcard", "numeric", "cidr", "exists", "anything-but", "exactly"}

// hints tell what would be right, by how AWS's reason begins.
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
