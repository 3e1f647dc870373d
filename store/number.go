package store

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// What DynamoDB keeps of a number exactly, and so every backend.
const (
	maxDigits    = 38
	maxMagnitude = 125  // of the leading digit, as a power of ten
	minMagnitude = -130 // likewise
)

// CheckNumbers verifies that every number of a valid JSON document can be kept
// exactly on every backend: at most 38 significant digits, and but for 0 a
// magnitude from 1E-130 to below 1E+126. What counts is the value: 1.500 has two
// digits. The error is TooLarge with the JSON Pointer of the first that fails.
func CheckNumbers(doc jsontext.Value) error {
	for i := 0; i < len(doc); {
		switch c := doc[i]; {
		case c == '"':
			_, i = stringSize(doc, i)
		case c == '-' || '0' <= c && c <= '9':
			end := endOfNumber(doc, i)
			if reason := parseDecimal(doc[i:end]).unstorable(); reason != "" {
				return refuseNumber(doc, i, reason)
			}
			i = end
		default:
			i++
		}
	}
	return nil
}

// refuseNumber makes the fault; only now is the pointer worth its price.
func refuseNumber(doc jsontext.Value, offset int, reason string) error {
	pointer := ""
	dec := jsontext.NewDecoder(bytes.NewReader(doc))
	for {
		_, err := dec.ReadToken()
		if err != nil {
			break
		}
		if dec.InputOffset() > int64(offset) {
			pointer = string(dec.StackPointer())
			break
		}
	}
	return &fault.Error{
		Code:       fault.TooLarge,
		Message:    fmt.Sprintf("the number at %q %s", pointer, reason),
		Violations: []fault.Violation{{Pointer: pointer, Message: reason}},
	}
}

// A decimal is the exact value of a JSON number: 0.d1d2d3... times ten to the
// exponent, where the digits are head and tail without zeros at either end.
// They point into the text. Zero has no digits.
type decimal struct {
	negative   bool
	head, tail []byte
	exponent   int64
}

// parseDecimal reads a valid JSON number. Exponents beyond 64 bits saturate:
// they are rejected anyhow.
func parseDecimal(text []byte) decimal {
	var d decimal
	if len(text) > 0 && text[0] == '-' {
		d.negative, text = true, text[1:]
	}
	var exponent int64
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		exponent, text = saturatedInt(text[i+1:]), text[:i]
	}
	whole, fraction, _ := bytes.Cut(text, []byte{'.'})
	whole = bytes.TrimLeft(whole, "0")
	fraction = bytes.TrimRight(fraction, "0")
	d.exponent = int64(len(whole)) + exponent
	if len(fraction) == 0 {
		d.head = bytes.TrimRight(whole, "0")
	} else if len(whole) == 0 {
		d.head = bytes.TrimLeft(fraction, "0")
		d.exponent -= int64(len(fraction) - len(d.head))
	} else {
		d.head, d.tail = whole, fraction
	}
	if len(d.head) == 0 {
		return decimal{}
	}
	return d
}

func saturatedInt(text []byte) int64 {
	const most = 1 << 40
	sign := int64(1)
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	var n int64
	for _, c := range text {
		n = min(n*10+int64(c-'0'), most)
	}
	return sign * n
}

func (d decimal) digits() int { return len(d.head) + len(d.tail) }

// unstorable says why the number cannot be kept exactly, or nothing.
func (d decimal) unstorable() string {
	magnitude := d.exponent - 1
	switch {
	case d.digits() == 0:
		return ""
	case d.digits() > maxDigits:
		return fmt.Sprintf("has %d significant digits, at most %d are kept", d.digits(), maxDigits)
	case magnitude > maxMagnitude || magnitude < minMagnitude:
		return fmt.Sprintf("is out of range: but for 0 its magnitude must be from 1E%d to 9.9E+%d", minMagnitude, maxMagnitude)
	}
	return ""
}

func (d decimal) equal(o decimal) bool {
	return d.negative == o.negative && d.exponent == o.exponent && d.digits() == o.digits() && d.text() == o.text()
}

func (d decimal) text() string {
	var b strings.Builder
	b.Grow(d.digits())
	b.Write(d.head)
	b.Write(d.tail)
	return b.String()
}
