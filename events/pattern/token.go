package pattern

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The scanner reads JSON as AWS's parser does, which no JSON library for Go does.
// Duplicate names are kept. Input after the first value is ignored. Errors are
// reported in reading order, so that a pattern with two errors is rejected with the
// one that AWS reports.

// Bounds of AWS's parser. They also bound the cost of hostile input.
const (
	maxDepth        = 1000
	maxNumberLength = 1000
)

type kind uint8

const (
	endOfInput kind = iota
	objectStart
	objectEnd
	arrayStart
	arrayEnd
	fieldName
	stringValue
	numberValue
	trueValue
	falseValue
	nullValue
)

// isScalar reports whether the token is a whole value.
func (k kind) isScalar() bool { return k >= stringValue }

type token struct {
	kind  kind
	start int
	// end is the offset after the token. scanned is the offset that AWS's parser has
	// reached when it reports the token: for a string, after the opening quotation
	// mark; for a field name, likewise within the field's value (set if the scanner
	// looks ahead).
	end, scanned int
	// raw is the source text; for names and strings it is the decoded text
	// between quotation marks.
	raw string
}

// text returns the value of a name or string, and the source text of any other token.
func (t token) text() string {
	if t.kind == fieldName || t.kind == stringValue {
		return t.raw[1 : len(t.raw)-1]
	}
	return t.raw
}

// A syntaxError is an error in the source. at is its offset; parsed is the offset
// that AWS reports, which is how far its parser had read.
type syntaxError struct {
	at, parsed int
	reason     string
	// marker is the offset of the container that is not closed, where the reason
	// ends with it; -1 otherwise.
	marker int
}

func (e *syntaxError) Error() string { return e.reason }

// startMarker returns the suffix of the message for a container that is not closed.
func (e *syntaxError) startMarker(src string) string {
	if e.marker < 0 {
		return ""
	}
	return " (start marker at " + sourceLocation(src, e.marker) + ")"
}

type scanner struct {
	src      string
	pos      int
	stack    []container
	comma    bool // the open container already has a member
	afterKey bool
	done     bool // the first value is complete
	// If lookAhead is set, reading a field name also reads the start of its value, as
	// AWS's parser does, so that a syntax error in the value is reported before an
	// error in the name.
	lookAhead bool
}

// A container is an open object or array: its bracket and where it is.
type container struct {
	bracket byte
	at      int
}

func newScanner(src string) scanner { return scanner{src: src} }

func fail(at int, format string, args ...any) *syntaxError {
	return &syntaxError{at: at, parsed: at, reason: fmt.Sprintf(format, args...), marker: -1}
}

const wantedValue = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

// next returns the next token, endOfInput after the first complete value.
func (s *scanner) next() (token, error) {
	if s.done {
		return s.endToken(), nil
	}
	if err := s.skipSpace(); err != nil {
		return token{}, err
	}
	if s.pos == len(s.src) {
		if s.afterKey {
			return token{}, s.endInside()
		}
		return s.atEnd()
	}
	if len(s.stack) == 0 || s.afterKey {
		s.afterKey = false
		return s.value()
	}
	inObject := s.inObject()
	c := s.src[s.pos]
	if inObject && c == '}' {
		return s.close(objectEnd), nil
	}
	if !inObject && c == ']' {
		return s.close(arrayEnd), nil
	}
	if s.comma {
		if c != ',' {
			return token{}, s.unexpected(separatorWanted(inObject))
		}
		s.pos++
		if err := s.skipSpace(); err != nil {
			return token{}, err
		}
		if s.pos == len(s.src) {
			return token{}, s.endInside()
		}
	}
	if inObject {
		return s.name()
	}
	return s.value()
}

func separatorWanted(inObject bool) string {
	if inObject {
		return "was expecting comma to separate Object entries"
	}
	return "was expecting comma to separate Array entries"
}

func (s *scanner) atEnd() (token, error) {
	if len(s.stack) == 0 {
		return s.endToken(), nil
	}
	err := fail(s.pos, "Unexpected end-of-input: expected close marker for %s", s.containerName())
	err.marker = s.stack[len(s.stack)-1].at
	return token{}, err
}

// endInside returns the error for input that ends inside a member.
func (s *scanner) endInside() error {
	return fail(s.pos, "Unexpected end-of-input within/between %s entries", s.containerName())
}

func (s *scanner) endToken() token {
	return token{kind: endOfInput, start: s.pos, end: s.pos, scanned: s.pos}
}

func (s *scanner) inObject() bool { return s.stack[len(s.stack)-1].bracket == '{' }

// containerName names the innermost container as AWS's parser does.
func (s *scanner) containerName() string {
	if s.inObject() {
		return "Object"
	}
	return "Array"
}

func (s *scanner) skipSpace() error {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		case '/':
			return s.unexpected("maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)")
		default:
			return nil
		}
	}
	return nil
}

func (s *scanner) unexpected(wanted string) *syntaxError {
	r, size := utf8.DecodeRuneInString(s.src[s.pos:])
	err := fail(s.pos, "Unexpected character ('%c' (code %d)): %s", r, r, wanted)
	err.parsed += size
	return err
}

func (s *scanner) open(k kind) (token, error) {
	if len(s.stack) == maxDepth {
		return token{}, fail(s.pos, "Document nesting depth (%d) exceeds the maximum allowed (%d, from `StreamReadConstraints.getMaxNestingDepth()`)", maxDepth+1, maxDepth)
	}
	s.stack = append(s.stack, container{s.src[s.pos], s.pos})
	s.comma = false
	return s.bracket(k), nil
}

func (s *scanner) close(k kind) token {
	s.stack = s.stack[:len(s.stack)-1]
	s.ended()
	return s.bracket(k)
}

// bracket reads one bracket.
func (s *scanner) bracket(k kind) token {
	start := s.pos
	s.pos++
	return token{kind: k, start: start, end: s.pos, scanned: s.pos, raw: s.src[start:s.pos]}
}

// ended notes that a value is complete.
func (s *scanner) ended() {
	s.comma = true
	s.done = len(s.stack) == 0
}

func (s *scanner) name() (token, error) {
	if s.src[s.pos] != '"' {
		err := s.unexpected("was expecting double-quote to start field name")
		err.parsed = err.at
		return token{}, err
	}
	start := s.pos
	raw, err := s.quoted()
	if err != nil {
		return token{}, err
	}
	end := s.pos
	if err := s.skipSpace(); err != nil {
		return token{}, err
	}
	if s.pos == len(s.src) {
		return token{}, s.endInside()
	}
	if s.src[s.pos] != ':' {
		return token{}, s.unexpected("was expecting a colon to separate field name and value")
	}
	s.pos++
	s.afterKey = true
	t := token{kind: fieldName, start: start, end: end, raw: raw}
	if s.lookAhead {
		t.scanned, err = s.valueScanned()
	}
	return t, err
}

// valueScanned returns how far AWS's parser reads into the value of a field when
// it reads the field's name.
func (s *scanner) valueScanned() (int, error) {
	ahead := *s
	if err := ahead.skipSpace(); err != nil {
		return 0, err
	}
	if ahead.pos == len(ahead.src) {
		return 0, ahead.endInside()
	}
	if ahead.src[ahead.pos] == '"' {
		return ahead.pos + 1, nil
	}
	ahead.stack = slices.Clone(ahead.stack)
	t, err := ahead.value()
	return t.scanned, err
}

func (s *scanner) value() (token, error) {
	start := s.pos
	switch c := s.src[s.pos]; {
	case c == '{':
		return s.open(objectStart)
	case c == '[':
		return s.open(arrayStart)
	case c == '"':
		raw, err := s.quoted()
		if err != nil {
			return token{}, err
		}
		s.ended()
		return token{kind: stringValue, start: start, end: s.pos, scanned: start + 1, raw: raw}, nil
	case c == '-' || isDigit(c):
		raw, err := s.number()
		if err != nil {
			return token{}, err
		}
		s.ended()
		return token{kind: numberValue, start: start, end: s.pos, scanned: s.pos, raw: raw}, nil
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return s.word()
	}
	return token{}, s.unexpected(wantedValue)
}

func (s *scanner) word() (token, error) {
	end := s.pos
	for end < len(s.src) && (isDigit(s.src[end]) || s.src[end]|0x20 >= 'a' && s.src[end]|0x20 <= 'z') {
		end++
	}
	t := token{start: s.pos, end: end, scanned: end, raw: s.src[s.pos:end]}
	switch t.raw {
	case "true":
		t.kind = trueValue
	case "false":
		t.kind = falseValue
	case "null":
		t.kind = nullValue
	default:
		err := fail(s.pos, "Unrecognized token '%s': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", t.raw)
		err.parsed = end
		return token{}, err
	}
	s.pos = end
	s.ended()
	return t, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *scanner) number() (string, error) {
	start := s.pos
	digits := func() int {
		from := s.pos
		for s.pos < len(s.src) && isDigit(s.src[s.pos]) {
			s.pos++
		}
		return s.pos - from
	}
	at := func(c byte) bool { return s.pos < len(s.src) && s.src[s.pos] == c }

	if at('-') {
		s.pos++
	}
	leadingZero := at('0')
	switch n := digits(); {
	case n == 0:
		return "", fail(s.pos, "Unexpected character in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value")
	case leadingZero && n > 1:
		return "", fail(start, "Invalid numeric value: Leading zeroes not allowed")
	}
	if at('.') {
		s.pos++
		if digits() == 0 {
			return "", fail(s.pos, "Unexpected character in numeric value: Decimal point not followed by a digit")
		}
	}
	if at('e') || at('E') {
		s.pos++
		if at('+') || at('-') {
			s.pos++
		}
		if digits() == 0 {
			return "", fail(s.pos, "Unexpected character in numeric value: Exponent indicator not followed by a digit")
		}
	}
	if n := s.pos - start; n > maxNumberLength {
		return "", fail(start, "Number value length (%d) exceeds the maximum allowed (%d, from `StreamReadConstraints.getMaxNumberLength()`)", n, maxNumberLength)
	}
	return s.src[start:s.pos], nil
}

// quoted reads a string and returns its decoded text between quotation marks:
// the source itself where nothing is escaped.
func (s *scanner) quoted() (string, error) {
	start := s.pos
	for i := s.pos + 1; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '"':
			s.pos = i + 1
			return s.src[start:s.pos], nil
		case c == '\\':
			return s.escaped(start, i)
		case c < 0x20:
			return "", controlCharacter(i, c)
		}
	}
	return "", fail(len(s.src), "Unexpected end-of-input: was expecting closing quote for a string value")
}

func controlCharacter(at int, c byte) error {
	return fail(at, "Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be included in string value", c)
}

// escaped reads the rest of a string, from its first backslash at i.
func (s *scanner) escaped(start, i int) (string, error) {
	var b strings.Builder
	b.WriteString(s.src[start:i])
	for i < len(s.src) {
		c := s.src[i]
		switch {
		case c == '"':
			b.WriteByte(c)
			s.pos = i + 1
			return b.String(), nil
		case c < 0x20:
			return "", controlCharacter(i, c)
		case c != '\\':
			b.WriteByte(c)
			i++
			continue
		}
		n, err := unescape(&b, s.src[i:])
		if err != nil {
			err.at += i
			err.parsed += i
			return "", err
		}
		i += n
	}
	return "", fail(len(s.src), "Unexpected end-of-input: was expecting closing quote for a string value")
}

// unescape decodes the escape that src starts with and returns its length.
func unescape(b *strings.Builder, src string) (int, *syntaxError) {
	if len(src) < 2 {
		return 0, fail(1, "Unexpected end-of-input in character escape sequence")
	}
	switch c := src[1]; c {
	case '"', '\\', '/':
		b.WriteByte(c)
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		high, err := hex4(src)
		if err != nil {
			return 0, err
		}
		if !utf16.IsSurrogate(high) {
			b.WriteRune(high)
			return 6, nil
		}
		if len(src) > 6 && src[6] == '\\' {
			if low, err := hex4(src[6:]); err == nil {
				if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
					b.WriteRune(r)
					return 12, nil
				}
			}
		}
		b.WriteRune(utf8.RuneError) // an unpaired surrogate decodes to U+FFFD
		return 6, nil
	default:
		r, _ := utf8.DecodeRuneInString(src[1:])
		return 0, fail(1, "Unrecognized character escape '%c' (code %d)", r, r)
	}
	return 2, nil
}

func hex4(src string) (rune, *syntaxError) {
	if len(src) < 6 || src[1] != 'u' {
		return 0, fail(1, "Unexpected end-of-input in character escape sequence")
	}
	n, err := strconv.ParseUint(src[2:6], 16, 32)
	if err != nil || strings.ContainsAny(src[2:6], "+-_") {
		return 0, fail(2, "Unexpected character: expected a hex-digit for character escape sequence")
	}
	return rune(n), nil
}
