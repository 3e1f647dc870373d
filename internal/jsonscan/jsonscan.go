// Package jsonscan finds where the values of a JSON text end, without decoding them.
//
// It is for the quick path of a reader: a function that returns -1 has found an error,
// or something that it does not read, and the caller uses its complete decoder, which
// reports errors. Text is accepted only if RFC 8259 allows it; that it is UTF-8 must be
// checked before.
package jsonscan

import "math/bits"

const (
	// MaxDepth is the deepest nesting that is read.
	MaxDepth = 64
	// maxNumber is the length of the longest number that is read.
	maxNumber = 1000
)

// A Text is a JSON text.
type Text interface{ string | []byte }

// Space returns the offset of the first byte, from i, that is not white space.
func Space[T Text](s T, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// Value returns the offset after the value that starts at i, or -1 also if it is nested
// more than [MaxDepth] deep. Names may repeat.
func Value[T Text](s T, i int) int {
	var objects uint64 // a bit for each open container, the innermost last: 1 for an object
	depth := 0
value:
	if i = Space(s, i); i >= len(s) {
		return -1
	}
	switch c := s[i]; c {
	case '"':
		if i, _ = String(s, i); i < 0 {
			return -1
		}
	case '{':
		if depth == MaxDepth {
			return -1
		}
		if i = Space(s, i+1); i < len(s) && s[i] == '}' {
			i++
			break
		}
		depth++
		objects = objects<<1 | 1
		goto name
	case '[':
		if depth == MaxDepth {
			return -1
		}
		if i = Space(s, i+1); i < len(s) && s[i] == ']' {
			i++
			break
		}
		depth++
		objects <<= 1
		goto value
	default:
		if i = Scalar(s, i); i < 0 {
			return -1
		}
	}
	for depth > 0 {
		if i = Space(s, i); i >= len(s) {
			return -1
		}
		switch c := s[i]; {
		case c == ',' && objects&1 == 1:
			i = Space(s, i+1)
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
	if i, _ = String(s, i); i < 0 {
		return -1
	}
	if i = Space(s, i); i >= len(s) || s[i] != ':' {
		return -1
	}
	i++
	goto value
}

// String returns the offset after the string whose quotation mark is at i, or -1,
// and whether the string has an escape.
func String[T Text](s T, i int) (end int, escaped bool) {
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
func endOfPlainText[T Text](s T, i int) int {
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
func escapeLength[T Text](s T) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(s) >= 6 && isHex(s[2]) && isHex(s[3]) && isHex(s[4]) && isHex(s[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// Scalar returns the offset after the number, true, false or null that starts at i,
// or -1 also if a number has more than 1000 bytes. What follows it is not checked.
func Scalar[T Text](s T, i int) int {
	switch c := s[i]; {
	case c == 't' && i+4 <= len(s) && string(s[i:i+4]) == "true", c == 'n' && i+4 <= len(s) && string(s[i:i+4]) == "null":
		return i + 4
	case c == 'f' && i+5 <= len(s) && string(s[i:i+5]) == "false":
		return i + 5
	}
	start := i
	if s[i] == '-' {
		i++
	}
	first := i
	if i = digits(s, i); i == first || s[first] == '0' && i > first+1 {
		return -1
	}
	if i < len(s) && s[i] == '.' {
		from := i + 1
		if i = digits(s, from); i == from {
			return -1
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		from := i + 1
		if from < len(s) && (s[from] == '+' || s[from] == '-') {
			from++
		}
		if i = digits(s, from); i == from {
			return -1
		}
	}
	if i-start > maxNumber {
		return -1
	}
	return i
}

func digits[T Text](s T, i int) int {
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

// Members calls f with the members of the object whose brace is at i, until f returns
// false: with a name, between its quotation marks, and the offsets of its value and after
// it. It returns false at an error, and at a name that has an escape. Names may repeat.
func Members(b []byte, i int, f func(name []byte, from, to int) bool) bool {
	if i = Space(b, i+1); i < len(b) && b[i] == '}' {
		return true
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return false
		}
		end, escaped := String(b, i)
		if end < 0 || escaped {
			return false
		}
		name := b[i+1 : end-1]
		if i = Space(b, end); i >= len(b) || b[i] != ':' {
			return false
		}
		from := Space(b, i+1)
		to := Value(b, from)
		if to < 0 {
			return false
		}
		if !f(name, from, to) {
			return true
		}
		if i = Space(b, to); i >= len(b) {
			return false
		}
		switch b[i] {
		case ',':
			i = Space(b, i+1)
		case '}':
			return true
		default:
			return false
		}
	}
}

// A Strict scanner accepts what a strict decoder accepts: names do not repeat and no
// string holds half of a surrogate pair. It does not read names that have escapes,
// escapes by number (\u), nor objects of more than 64 members. The zero value is ready
// for use.
type Strict struct {
	// names are those of the open objects, of which the innermost begins at a place
	// that its reader knows.
	names []name
	depth int
}

// A name is text[from:to], between the quotation marks.
type name struct{ from, to int32 }

// usualNames is how many names room is made for at once.
const usualNames = 32

// maxMembers is the number of members of an object that are compared with one another.
const maxMembers = 64

// Value returns the offset after the value that starts at i, or -1.
func (s *Strict) Value(b []byte, i int) int {
	if i = Space(b, i); i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return PlainString(b, i)
	case '{':
		return s.Object(b, i, nil)
	case '[':
		return s.array(b, i)
	default:
		return Scalar(b, i)
	}
}

// Object returns the offset after the object whose brace is at i, or -1. member, if not
// nil, is called with each name and the offset of its value, and returns the offset after
// the value, or -1 to end.
func (s *Strict) Object(b []byte, i int, member func(name []byte, at int) int) int {
	if s.depth++; s.depth > MaxDepth {
		return -1
	}
	first := len(s.names)
	if i = Space(b, i+1); i < len(b) && b[i] == '}' {
		s.depth--
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return -1
		}
		end, escaped := String(b, i)
		if end < 0 || escaped || !s.add(b, first, name{int32(i + 1), int32(end - 1)}) {
			return -1
		}
		from := i + 1
		if i = Space(b, end); i >= len(b) || b[i] != ':' {
			return -1
		}
		if i = Space(b, i+1); i >= len(b) {
			return -1
		}
		if member != nil {
			i = member(b[from:end-1], i)
		} else {
			i = s.Value(b, i)
		}
		if i < 0 {
			return -1
		}
		if i = Space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i = Space(b, i+1)
		case '}':
			s.names = s.names[:first]
			s.depth--
			return i + 1
		default:
			return -1
		}
	}
}

// add adds a name to the innermost object, and reports whether it is new there.
func (s *Strict) add(b []byte, first int, n name) bool {
	if len(s.names)-first >= maxMembers {
		return false
	}
	text := b[n.from:n.to]
	for _, o := range s.names[first:] {
		if int(o.to-o.from) == len(text) && string(b[o.from:o.to]) == string(text) {
			return false
		}
	}
	if s.names == nil {
		s.names = make([]name, 0, usualNames)
	}
	s.names = append(s.names, n)
	return true
}

func (s *Strict) array(b []byte, i int) int {
	if s.depth++; s.depth > MaxDepth {
		return -1
	}
	if i = Space(b, i+1); i < len(b) && b[i] == ']' {
		s.depth--
		return i + 1
	}
	for {
		if i = s.Value(b, i); i < 0 {
			return -1
		}
		if i = Space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i++
		case ']':
			s.depth--
			return i + 1
		default:
			return -1
		}
	}
}

// PlainString returns the offset after the string whose quotation mark is at i, or -1
// also if it has an escape other than one of a quotation mark, backslash or control
// character by one letter.
func PlainString(b []byte, i int) int {
	for i++; ; {
		i = endOfPlainText(b, i)
		if i >= len(b) || b[i] < ' ' {
			return -1
		}
		if b[i] == '"' {
			return i + 1
		}
		if escapeLength(b[i:]) != 2 || b[i+1] == '/' {
			return -1
		}
		i += 2
	}
}
