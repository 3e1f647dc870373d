package events

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// A RecordKey names a record within its schema: the text of a string of 1 to 256
// UTF-8 bytes without control characters, or an integer in canonical form. The
// schema decides which of the two it is, so that the text alone is unambiguous.
type RecordKey string

const maxKey = 256

// ParseRecordKey checks the text of a string key. The error is Invalid.
func ParseRecordKey(s string) (RecordKey, error) {
	switch {
	case s == "":
		return "", fault.Errorf(fault.Invalid, "key is empty")
	case len(s) > maxKey:
		return "", fault.Errorf(fault.Invalid, "key has %d bytes, at most %d are allowed", len(s), maxKey)
	case !utf8.ValidString(s):
		return "", fault.Errorf(fault.Invalid, "key is not valid UTF-8")
	}
	if i := indexControl(s); i >= 0 {
		return "", fault.Errorf(fault.Invalid, "key has a control character at byte %d", i)
	}
	return RecordKey(s), nil
}

// ParseIntegerRecordKey checks the text of an integer key in canonical form, without
// fraction, exponent, leading zero or plus sign, and not -0. The error is Invalid.
func ParseIntegerRecordKey(s string) (RecordKey, error) {
	digits := s
	if len(digits) > 1 && digits[0] == '-' && digits[1] != '0' {
		digits = digits[1:]
	}
	const most = 38 // as many digits as DynamoDB keeps
	canonical := digits == "0" || digits != "" && digits[0] != '0' && len(digits) <= most
	for i := range len(digits) {
		canonical = canonical && '0' <= digits[i] && digits[i] <= '9'
	}
	if !canonical {
		return "", fault.Errorf(fault.Invalid, "key must be an integer of at most %d digits in canonical form, for example 42 or -7", most)
	}
	return RecordKey(s), nil
}

// KeyOf reads a key from its JSON value: a string, or an integer if integer is set. The error is Invalid.
func KeyOf(v jsontext.Value, integer bool) (RecordKey, error) {
	switch {
	case integer && v.Kind() == '0':
		return ParseIntegerRecordKey(string(v))
	case integer:
		return "", fault.Errorf(fault.Invalid, "key must be an integer")
	case v.Kind() == '"':
		text, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return "", fault.Errorf(fault.Invalid, "key is not a valid string")
		}
		return ParseRecordKey(string(text))
	}
	return "", fault.Errorf(fault.Invalid, "key must be a string")
}

// Value returns the key as the JSON value that [KeyOf] reads.
func (k RecordKey) Value(integer bool) jsontext.Value {
	if integer {
		return jsontext.Value(k)
	}
	b, _ := jsontext.AppendQuote(nil, string(k))
	return b
}

// Escape returns the key for URLs and object names: every byte outside
// [A-Za-z0-9_-] as %XX. Distinct keys have distinct escapes.
func (k RecordKey) Escape() string {
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(k))
	for i := range len(k) {
		if c := k[i]; alphanumeric(c) || c == '_' || c == '-' {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}

// UnescapeKey is the inverse of [RecordKey.Escape]; %XX is accepted in
// upper and lower case. The result is not checked. The error is Invalid.
func UnescapeKey(s string) (string, error) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fault.Errorf(fault.Invalid, "%q ends within a %%XX escape", s)
		}
		b, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", fault.Errorf(fault.Invalid, "%q has a malformed %%XX escape", s)
		}
		out = append(out, byte(b))
		i += 2
	}
	return string(out), nil
}
