package pattern

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A condition is one alternative of a field's list. Conditions are immutable.
type condition interface {
	// holds reports whether a leaf of the event satisfies the condition.
	holds(v *value) bool
	// appendJSON appends the condition as it is written in a pattern.
	appendJSON(b []byte) []byte
}

// literal is a string compared exactly; exactly is the same spelled out.
type (
	literal string
	exactly string
)

func (c literal) holds(v *value) bool { return v.kind == stringValue && v.text() == string(c) }
func (c exactly) holds(v *value) bool { return v.kind == stringValue && v.text() == string(c) }

// address is a literal that is an IP address: however an event writes it.
type address struct{ text, digits string }

func (c address) holds(v *value) bool {
	digits, ok := v.address()
	return ok && strings.HasPrefix(digits, c.digits)
}

// keyword is true, false or null.
type keyword struct{ kind kind }

func (c keyword) holds(v *value) bool { return v.kind == c.kind }

// number is a numeric literal: equal by value where both sides can be compared,
// else by their text.
type number struct {
	text       string
	value      float64
	comparable bool
}

func newNumber(text string) number {
	f, ok := comparableNumber(text)
	return number{text: text, value: f, comparable: ok}
}

func (c number) holds(v *value) bool {
	if v.kind != numberValue || v.comparable != c.comparable {
		return false
	}
	if c.comparable {
		return v.number == c.value
	}
	return v.raw == c.text
}

// prefix, suffix and their folded forms see the string with its quotation
// marks, as AWS does: the prefix `ab"` holds for the string ab alone.
type (
	prefix     string
	suffix     string
	foldPrefix struct {
		text string
		fold fold
	}
	foldSuffix struct {
		text string
		fold fold
	}
	foldEqual struct {
		text string
		fold fold
	}
)

func (c prefix) holds(v *value) bool {
	return v.kind == stringValue && strings.HasPrefix(v.raw[1:], string(c))
}

func (c suffix) holds(v *value) bool {
	return v.kind == stringValue && strings.HasSuffix(v.raw[:len(v.raw)-1], string(c))
}

func (c foldPrefix) holds(v *value) bool {
	if v.kind != stringValue {
		return false
	}
	_, ok := c.fold.prefixOf(v.raw[1:])
	return ok
}

func (c foldSuffix) holds(v *value) bool {
	return v.kind == stringValue && c.fold.suffixOf(v.raw[:len(v.raw)-1])
}

func (c foldEqual) holds(v *value) bool { return v.kind == stringValue && c.fold.equals(v.text()) }

// wildcard holds where its literals occur in order; see parseWildcard.
type wildcard struct {
	text     string
	literals []string
}

func (c wildcard) holds(v *value) bool {
	return v.kind == stringValue && matchWildcard(c.literals, v.text())
}

// parseWildcard splits a wildcard at its stars and removes its escapes; or
// gives AWS's reason to refuse it, whose positions count bytes from 1.
func parseWildcard(s string) (literals []string, reason string) {
	var literal strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			if i+1 < len(s) && s[i+1] == '*' {
				return nil, fmt.Sprintf("Consecutive wildcard characters at pos %d", i+1)
			}
			literals = append(literals, literal.String())
			literal.Reset()
		case '\\':
			if i+1 == len(s) || s[i+1] != '*' && s[i+1] != '\\' {
				return nil, fmt.Sprintf("Invalid escape character at pos %d", i+1)
			}
			i++
			literal.WriteByte(s[i])
		default:
			literal.WriteByte(s[i])
		}
	}
	return append(literals, literal.String()), ""
}

// matchWildcard reports whether the literals occur in s in this order, the
// first at its start and the last at its end. Taking each at its first chance
// is enough, so the time is that of searching s once per literal.
func matchWildcard(literals []string, s string) bool {
	last := len(literals) - 1
	if last == 0 {
		return s == literals[0]
	}
	s, ok := strings.CutPrefix(s, literals[0])
	if !ok {
		return false
	}
	for _, literal := range literals[1:last] {
		i := strings.Index(s, literal)
		if i < 0 {
			return false
		}
		s = s[i+len(literal):]
	}
	return strings.HasSuffix(s, literals[last])
}

// A bound is one end of a numeric range.
type bound struct {
	operator string
	operand  number
}

func (b bound) admits(f float64) bool {
	switch b.operator {
	case "=":
		return f == b.operand.value
	case ">":
		return f > b.operand.value
	case ">=":
		return f >= b.operand.value
	case "<":
		return f < b.operand.value
	default:
		return f <= b.operand.value
	}
}

// numeric is one comparison or a range.
type numeric []bound

func (c numeric) holds(v *value) bool {
	if v.kind != numberValue || !v.comparable {
		return false
	}
	for _, b := range c {
		if !b.admits(v.number) {
			return false
		}
	}
	return true
}

// block is a CIDR block.
type block struct{ text, bottom, top string }

func (c block) holds(v *value) bool {
	digits, ok := v.address()
	return ok && inBlock(digits, c.bottom, c.top)
}

// exists holds for every leaf; absent is decided without one, by the matcher.
type (
	exists struct{}
	absent struct{}
)

func (exists) holds(*value) bool { return true }
func (absent) holds(*value) bool { return false }

// anythingBut holds for every leaf for which none of its conditions holds. All of them
// have the same operator; "" means literals.
type anythingBut struct {
	operator string
	excluded []condition
}

func (c anythingBut) holds(v *value) bool {
	for _, e := range c.excluded {
		if e.holds(v) {
			return false
		}
	}
	return true
}

func appendString(b []byte, s string) []byte {
	b, err := jsontext.AppendQuote(b, s)
	if err != nil { // not UTF-8, which the scanner lets nothing be
		return append(b, `""`...)
	}
	return b
}

func appendOperator(b []byte, name, operand string) []byte {
	b = append(b, '{')
	b = appendString(b, name)
	b = append(b, ':')
	b = appendString(b, operand)
	return append(b, '}')
}

func appendFolded(b []byte, name, operand string) []byte {
	b = append(b, '{')
	b = appendString(b, name)
	b = append(b, ':')
	b = appendOperator(b, "equals-ignore-case", operand)
	return append(b, '}')
}

func (c literal) appendJSON(b []byte) []byte    { return appendString(b, string(c)) }
func (c exactly) appendJSON(b []byte) []byte    { return appendOperator(b, "exactly", string(c)) }
func (c address) appendJSON(b []byte) []byte    { return appendString(b, c.text) }
func (c number) appendJSON(b []byte) []byte     { return append(b, c.text...) }
func (c prefix) appendJSON(b []byte) []byte     { return appendOperator(b, "prefix", string(c)) }
func (c suffix) appendJSON(b []byte) []byte     { return appendOperator(b, "suffix", string(c)) }
func (c foldPrefix) appendJSON(b []byte) []byte { return appendFolded(b, "prefix", c.text) }
func (c foldSuffix) appendJSON(b []byte) []byte { return appendFolded(b, "suffix", c.text) }
func (c foldEqual) appendJSON(b []byte) []byte {
	return appendOperator(b, "equals-ignore-case", c.text)
}
func (c wildcard) appendJSON(b []byte) []byte { return appendOperator(b, "wildcard", c.text) }
func (c block) appendJSON(b []byte) []byte    { return appendOperator(b, "cidr", c.text) }
func (exists) appendJSON(b []byte) []byte     { return append(b, `{"exists":true}`...) }
func (absent) appendJSON(b []byte) []byte     { return append(b, `{"exists":false}`...) }

func (c keyword) appendJSON(b []byte) []byte {
	switch c.kind {
	case trueValue:
		return append(b, "true"...)
	case falseValue:
		return append(b, "false"...)
	default:
		return append(b, "null"...)
	}
}

func (c numeric) appendJSON(b []byte) []byte {
	b = append(b, `{"numeric":[`...)
	for i, bound := range c {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, bound.operator)
		b = append(b, ',')
		b = append(b, bound.operand.text...)
	}
	return append(b, `]}`...)
}

func (c anythingBut) appendJSON(b []byte) []byte {
	b = append(b, `{"anything-but":`...)
	if c.operator != "" {
		b = append(b, '{')
		b = appendString(b, c.operator)
		b = append(b, ':')
	}
	if len(c.excluded) == 1 {
		b = c.appendExcluded(b, c.excluded[0])
	} else {
		b = append(b, '[')
		for i, e := range c.excluded {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.appendExcluded(b, e)
		}
		b = append(b, ']')
	}
	if c.operator != "" {
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendExcluded writes the operand alone, since the operator is written once.
func (c anythingBut) appendExcluded(b []byte, e condition) []byte {
	switch e := e.(type) {
	case prefix:
		return appendString(b, string(e))
	case suffix:
		return appendString(b, string(e))
	case foldEqual:
		return appendString(b, e.text)
	case wildcard:
		return appendString(b, e.text)
	default:
		return e.appendJSON(b)
	}
}

func appendConditions(b []byte, conditions []condition) []byte {
	b = append(b, '[')
	for i, c := range conditions {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.appendJSON(b)
	}
	return append(b, ']')
}
