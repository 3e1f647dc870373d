// Package cbor reads and writes as much of CBOR (RFC 8949) as AWS's RPC-v2
// protocol uses: CloudWatch's clients speak it by default.
//
// Values are those of encoding/json, with int64 for whole numbers, []byte, and
// time.Time for times (tag 1).
package cbor

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/blockforger/eventrouter/fault"
)

// The major types.
const (
	unsigned = iota
	negative
	byteString
	textString
	array
	dictionary
	tagged
	simple
)

const (
	indefinite = 31
	stop       = 0xff
	maxDepth   = 64
)

// Decode reads one value that fills the document. The fault is Invalid.
func Decode(document []byte) (any, error) {
	d := decoder{rest: document}
	v, err := d.value(0)
	if err == nil && len(d.rest) > 0 {
		err = malformed("has more than one value")
	}
	return v, err
}

func malformed(why string) error { return fault.Errorf(fault.Invalid, "CBOR document %s", why) }

type decoder struct{ rest []byte }

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, malformed("ends early")
	}
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out, nil
}

// head reads a value's first byte and the number that follows it.
func (d *decoder) head() (major, info byte, n uint64, err error) {
	b, err := d.take(1)
	if err != nil {
		return 0, 0, 0, err
	}
	major, info = b[0]>>5, b[0]&31
	switch {
	case info < 24 || info == indefinite:
		return major, info, uint64(info), nil
	case info > 27:
		return 0, 0, 0, malformed("has a reserved length")
	}
	b, err = d.take(1 << (info - 24))
	if err != nil {
		return 0, 0, 0, err
	}
	var wide [8]byte
	copy(wide[8-len(b):], b)
	return major, info, binary.BigEndian.Uint64(wide[:]), nil
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, malformed("is nested too deep")
	}
	major, info, n, err := d.head()
	if err != nil {
		return nil, err
	}
	if info == indefinite && (major < byteString || major > dictionary) {
		return nil, malformed("has a stray break")
	}
	switch major {
	case unsigned, negative:
		if n > math.MaxInt64 {
			return nil, malformed("has a whole number beyond 64 bits")
		}
		if major == negative {
			return -1 - int64(n), nil
		}
		return int64(n), nil
	case byteString:
		return d.str(n, info == indefinite, byteString)
	case textString:
		b, err := d.str(n, info == indefinite, textString)
		if err == nil && !utf8.Valid(b) {
			err = malformed("has text that is not UTF-8")
		}
		return string(b), err
	case array:
		return d.list(n, info == indefinite, depth)
	case dictionary:
		return d.members(n, info == indefinite, depth)
	case tagged:
		return d.tag(n, depth)
	}
	return number(info, n)
}

// ended tells whether the n-th element is past the end, and takes the break.
func (d *decoder) ended(i, n uint64, open bool) bool {
	if !open {
		return i == n
	}
	if len(d.rest) > 0 && d.rest[0] == stop {
		d.rest = d.rest[1:]
		return true
	}
	return false
}

func (d *decoder) str(n uint64, open bool, kind byte) ([]byte, error) {
	if !open {
		return d.take(n)
	}
	var out []byte
	for !d.ended(0, 0, true) {
		major, info, n, err := d.head()
		if err != nil {
			return nil, err
		}
		if major != kind || info == indefinite {
			return nil, malformed("has a string of other pieces")
		}
		piece, err := d.take(n)
		if err != nil {
			return nil, err
		}
		out = append(out, piece...)
	}
	return out, nil
}

func (d *decoder) list(n uint64, open bool, depth int) (any, error) {
	out := []any{}
	for i := uint64(0); !d.ended(i, n, open); i++ {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (d *decoder) members(n uint64, open bool, depth int) (any, error) {
	out := map[string]any{}
	for i := uint64(0); !d.ended(i, n, open); i++ {
		key, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if _, twice := out[name]; !ok || twice {
			return nil, malformed("has a name that is no text, or stands twice")
		}
		if out[name], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// tag reads a tagged value: 1 is a time in seconds, others are their value.
func (d *decoder) tag(n uint64, depth int) (any, error) {
	v, err := d.value(depth + 1)
	if err != nil || n != 1 {
		return v, err
	}
	seconds, ok := v.(float64)
	if whole, isWhole := v.(int64); isWhole {
		seconds, ok = float64(whole), true
	}
	if ok {
		const most = 253402300799 // the end of the year 9999
		if math.IsNaN(seconds) || math.Abs(seconds) > most {
			return nil, malformed("has a time out of range")
		}
		return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
	}
	return nil, malformed("has a time that is no number")
}

func number(info byte, n uint64) (any, error) {
	switch info {
	case 20, 21:
		return info == 21, nil
	case 22, 23:
		return nil, nil
	case 25:
		return half(uint16(n)), nil
	case 26:
		return float64(math.Float32frombits(uint32(n))), nil
	case 27:
		return math.Float64frombits(n), nil
	}
	return nil, malformed("has an unknown simple value")
}

// half reads a float of 16 bits.
func half(bits uint16) float64 {
	sign, exponent, fraction := 1.0, int(bits>>10&31), float64(bits&1023)
	if bits>>15 == 1 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// Encode writes a value; one of another type than Decode gives becomes null.
func Encode(v any) []byte { return appendValue(nil, v) }

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major<<5|byte(n))
	case n <= math.MaxUint8:
		return append(b, major<<5|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major<<5|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major<<5|27), n)
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		if v {
			return append(b, simple<<5|21)
		}
		return append(b, simple<<5|20)
	case int64:
		if v < 0 {
			return appendHead(b, negative, uint64(-1-v))
		}
		return appendHead(b, unsigned, uint64(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(b, simple<<5|27), math.Float64bits(v))
	case string:
		return append(appendHead(b, textString, uint64(len(v))), v...)
	case []byte:
		return append(appendHead(b, byteString, uint64(len(v))), v...)
	case time.Time:
		return appendValue(appendHead(b, tagged, 1), float64(v.UnixMilli())/1000)
	case []any:
		b = appendHead(b, array, uint64(len(v)))
		for _, e := range v {
			b = appendValue(b, e)
		}
		return b
	case map[string]any:
		b = appendHead(b, dictionary, uint64(len(v)))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b = appendValue(appendValue(b, name), v[name])
		}
		return b
	}
	return append(b, simple<<5|22)
}
