package awsjson

import (
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// A Time is an instant as the JSON protocols write it: seconds since 1970, as a
// number that may have a fraction.
type Time struct{ time.Time }

// MarshalJSONTo writes seconds with milliseconds, as AWS does.
func (t Time) MarshalJSONTo(enc *jsontext.Encoder) error {
	ms := t.UnixMilli()
	text := strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64)
	return enc.WriteValue(jsontext.Value(text))
}

// UnmarshalJSONFrom reads a number of seconds.
func (t *Time) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != '0' {
		return fault.Errorf(fault.Invalid, "a time must be a number of seconds since 1970")
	}
	seconds, err := strconv.ParseFloat(tok.String(), 64)
	// Beyond the years 0 to 9999 no text form of the time exists.
	if err != nil || math.IsNaN(seconds) || seconds < -62167219200 || seconds > 253402300799 {
		return fault.Errorf(fault.Invalid, "a time must be a number of seconds since 1970, not after the year 9999")
	}
	whole, fraction := math.Modf(seconds)
	t.Time = time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1000).UTC()
	return nil
}
