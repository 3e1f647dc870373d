package events

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// A Number is the text of a JSON number, with all its digits. The zero Number is 0.
type Number string

// Float64 returns the nearest float64. The error is Invalid.
func (n Number) Float64() (float64, error) {
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return 0, fault.Errorf(fault.Invalid, "%s is out of the range of a float64", n)
	}
	return f, nil
}

// Int64 returns the number if it is written as an integer of 64 bits. The error is
// Invalid.
func (n Number) Int64() (int64, error) {
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil {
		return 0, fault.Errorf(fault.Invalid, "%s is not an integer of 64 bits", n)
	}
	return i, nil
}

// String returns the number's text.
func (n Number) String() string {
	if n == "" {
		return "0"
	}
	return string(n)
}

// MarshalJSONTo writes the number's text.
func (n Number) MarshalJSONTo(enc *jsontext.Encoder) error {
	v := jsontext.Value(n.String())
	if v.Kind() != '0' {
		return fault.Errorf(fault.Invalid, "%q is not a number", string(n))
	}
	return enc.WriteValue(v)
}

// UnmarshalJSONFrom reads a number, or null as 0.
func (n *Number) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch tok.Kind() {
	case '0':
		*n = Number(tok.String())
	case 'n':
		*n = ""
	default:
		return fault.Errorf(fault.Invalid, "must be a number, not %s", kindName(tok.Kind()))
	}
	return nil
}

// MarshalJSON is for encoding/json.
func (n Number) MarshalJSON() ([]byte, error) { return marshalTo(n) }

// UnmarshalJSON is for encoding/json.
func (n *Number) UnmarshalJSON(b []byte) error { return unmarshalFrom(b, n) }
