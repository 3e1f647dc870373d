package pattern

import (
	"math/bits"
	"strings"
)

// The quick reader reads what most events consist of without making tokens. It
// accepts only text that the scanner accepts, with the same values. At anything else
// (an error, deep nesting) it gives up, and the caller uses the scanner, which
// reports errors in AWS's words.

// maxQuickDepth bounds the nesting that the quick reader reads.
const maxQuickDepth = 64

// valid reports whether text is an event without errors, as far as the quick reader
// can decide. What follows the event is ignored, as the scanner does.
func quickValid(text string) bool {
	i := skipSpace(text, 0)
	return i < len(text) && text[i] == '{' && skipValue(text, i) >= 0
}

func skipSpace(s string, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the offset after the value that starts at i, or -1.
func skipValue(s string, i int) int {
	var objects uint64 // a bit for each open container, the innermost last: 1 for an object
	depth := 0
value:
	if i = skipSpace(s, i); i >= len(s) {
		return -1
	}
	switch c := s[i]; c {
	case '"':
		if i, _ = skipString(s, i); i < 0 {
			return -1
		}
	case '{':
		if i = skipSpace(s, i+1); i < len(s) && s[i] == '}' {
			i++
			break
		}
		if depth++; depth > maxQuickDepth {
			return -1
		}
		objects = objects<<1 | 1
		goto name
	case '[':
		if i = skipSpace(s, i+1); i < len(s) && s[i] == ']' {
			i++
			break
		}
		if depth++; depth > maxQuickDepth {
			return -1
		}
		objects <<= 1
		goto value
	default:
		if i = skipWordOrNumber(s, i); i < 0 {
			return -1
		}
	}
	for depth > 0 {
		if i = skipSpace(s, i); i >= len(s) {
			return -1
		}
		switch c := s[i]; {
		case c == ',' && objects&1 == 1:
			i = skipSpace(s, i+1)
			goto name
		case c == ',':
			i++
			goto value
		case c == '}' && objects&1 == 1, c == ']' && objects&1 == 0:
			i++
			depth--
			objects >>= 1
		default:
			return -1
		}
	}
	return i
name:
	if i >= len(s) || s[i] != '"' {
		return -1
	}
	if i, _ = skipString(s, i); i < 0 {
		return -1
	}
	if i = skipSpace(s, i); i >= len(s) || s[i] != ':' {
		return -1
	}
	i++
	goto value
}

// skipString returns the offset after the string whose quotation mark is at i, or -1,
// and whether the string has an escape.
func skipString(s string, i int) (end int, escaped bool) {
	for i++; ; {
		i = endOfPlainText(s, i)
		if i >= len(s) {
			return -1, false
		}
		switch s[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			n := escapeLength(s[i:])
			if n == 0 {
				return -1, false
			}
			i += n
		default:
			return -1, false
		}
	}
}

// endOfPlainText returns the offset, from i, of the first quotation mark, backslash
// or control character; len(s) if there is none. It looks at eight bytes at a time.
func endOfPlainText(s string, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		x := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		// Subtraction sets the high bit of the first byte that is zero, or below the
		// bound; a borrow can set it wrongly only after that byte.
		quote, backslash := x^('"'*ones), x^('\\'*ones)
		found := ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-' '*ones)&^x) & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] != '"' && s[i] != '\\' && s[i] >= ' ' {
		i++
	}
	return i
}

// escapeLength returns the length of the escape that s starts with, 0 if it is
// invalid.
func escapeLength(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, err := hex4(s); err == nil {
			return 6
		}
	}
	return 0
}

// skipWordOrNumber returns the offset after the scalar other than a string that
// starts at i, or -1.
func skipWordOrNumber(s string, i int) int {
	switch c := s[i]; {
	case c == 't' && strings.HasPrefix(s[i:], "true"), c == 'n' && strings.HasPrefix(s[i:], "null"):
		return i + 4
	case c == 'f' && strings.HasPrefix(s[i:], "false"):
		return i + 5
	}
	start := i
	if s[i] == '-' {
		i++
	}
	first := i
	if i = skipDigits(s, i); i == first || s[first] == '0' && i > first+1 {
		return -1
	}
	if i < len(s) && s[i] == '.' {
		from := i + 1
		if i = skipDigits(s, from); i == from {
			return -1
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		from := i + 1
		if from < len(s) && (s[from] == '+' || s[from] == '-') {
			from++
		}
		if i = skipDigits(s, from); i == from {
			return -1
		}
	}
	if i-start > maxNumberLength {
		return -1
	}
	return i
}

func skipDigits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}
