// Package cbor reads and writes CBOR (RFC 8949) as AWS's RPC v2 protocol uses it:
// CloudWatch's clients speak it by default.
//
// Values are those of encoding/json, with int64 for whole numbers, []byte, and
// time.Time for times (tag 1).
package cbor

import (
	"reflect"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/blockforger/eventrouter/fault"
)

const maxDepth = 64

// Decode reads one value that fills the document. The fault is Invalid.
func Decode(document []byte) (any, error) {
	mode, err := cbor.DecOptions{
		DupMapKey:            cbor.DupMapKeyEnforcedAPF,
		IntDec:               cbor.IntDecConvertSignedOrFail,
		DefaultMapType:       reflect.TypeFor[map[string]any](),
		MaxNestedLevels:      maxDepth,
		ByteStringToTime:     cbor.ByteStringToTimeForbidden,
		UnrecognizedTagToAny: cbor.UnrecognizedTagContentToAny,
	}.DecMode()
	if err != nil {
		return nil, err
	}
	var v any
	if err := mode.Unmarshal(document, &v); err != nil {
		return nil, &fault.Error{Code: fault.Invalid, Message: "the CBOR document is malformed", Err: err}
	}
	return normalize(v)
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

// normalize returns a value as the package's types, with times in UTC and whole
// milliseconds.
func normalize(v any) (_ any, err error) {
	switch v := v.(type) {
	case time.Time:
		if second := v.Unix(); second < -lastSecond || second > lastSecond {
			return nil, fault.Errorf(fault.Invalid, "the CBOR document has a time out of range")
		}
		return v.Round(time.Millisecond).UTC(), nil
	case []any:
		for i := range v {
			if v[i], err = normalize(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name := range v {
			if v[name], err = normalize(v[name]); err != nil {
				return nil, err
			}
		}
	case nil, bool, int64, float64, string, []byte:
	default: // simple values and numbers beyond int64
		return nil, fault.Errorf(fault.Invalid, "the CBOR document has a value of a type that is not supported")
	}
	return v, nil
}

// Encode writes a value; it panics on one that is not of the package's types.
func Encode(v any) []byte {
	mode, err := cbor.EncOptions{Sort: cbor.SortBytewiseLexical, Time: cbor.TimeUnixMicro, TimeTag: cbor.EncTagRequired}.EncMode()
	if err != nil {
		panic(err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
