package events

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// StringOrNumber is a member that is a string in some events and a number in
// others. The zero StringOrNumber is the empty string.
type StringOrNumber struct {
	text     string
	isNumber bool
}

// StringOf returns a StringOrNumber that is a string.
func StringOf(s string) StringOrNumber { return StringOrNumber{text: s} }

// NumberOf returns a StringOrNumber that is a number.
func NumberOf(n Number) StringOrNumber { return StringOrNumber{text: n.String(), isNumber: true} }

// String returns the string, or the number's text.
func (s StringOrNumber) String() string { return s.text }

// IsNumber reports whether the value is a number.
func (s StringOrNumber) IsNumber() bool { return s.isNumber }

// Number returns the value as a number, also if it is a string that contains one.
// The error is Invalid.
func (s StringOrNumber) Number() (Number, error) {
	v := jsontext.Value(s.text)
	if !s.isNumber && (v.Kind() != '0' || !v.IsValid()) {
		return "", fault.Errorf(fault.Invalid, "%q is not a number", s.text)
	}
	return Number(s.text), nil
}

// MarshalJSONTo writes the string or the number.
func (s StringOrNumber) MarshalJSONTo(enc *jsontext.Encoder) error {
	if s.isNumber {
		return Number(s.text).MarshalJSONTo(enc)
	}
	return enc.WriteToken(jsontext.String(s.text))
}

// UnmarshalJSONFrom reads a string, a number, or null as the empty string.
func (s *StringOrNumber) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch k := token.Kind(); k {
	case '"', '0':
		*s = StringOrNumber{text: token.String(), isNumber: k == '0'}
	case 'n':
		*s = StringOrNumber{}
	default:
		return fault.Errorf(fault.Invalid, "must be a string or a number, not %s", kindName(k))
	}
	return nil
}

// MarshalJSON is for encoding/json.
func (s StringOrNumber) MarshalJSON() ([]byte, error) { return marshalTo(s) }

// UnmarshalJSON is for encoding/json.
func (s *StringOrNumber) UnmarshalJSON(b []byte) error { return unmarshalFrom(b, s) }
