package cbor_test

import (
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/cbor"
)

// Samples of RFC 8949, appendix A.
func TestDecode(t *testing.T) {
	for in, want := range map[string]any{
		"00": int64(0), "1818": int64(24), "1903e8": int64(1000), "1b000000e8d4a51000": int64(1000000000000),
		"20": int64(-1), "3903e7": int64(-1000), "f90000": 0.0, "f93c00": 1.0, "f93e00": 1.5, "f97bff": 65504.0,
		"f90001": 5.960464477539063e-8, "f9c400": -4.0, "fa47c35000": 100000.0, "fb3ff199999999999a": 1.1,
		"f4": false, "f5": true, "f6": nil, "6449455446": "IETF", "62c3bc": "ü", "4401020304": []byte{1, 2, 3, 4},
		"83010203": []any{int64(1), int64(2), int64(3)}, "9f0102ff": []any{int64(1), int64(2)}, "a161610f": map[string]any{"a": int64(15)},
		"bf6346756ef563416d7421ff": map[string]any{"Fun": true, "Amt": int64(-2)}, "7f657374726561646d696e67ff": "streaming",
		"c11a514b67b0":         time.Unix(1363896240, 0).UTC(),
		"c1fb41d452d9ec200000": time.UnixMilli(1363896240500).UTC(),
	} {
		document, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := cbor.Decode(document)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v %v, want %#v", in, got, err, want)
		}
		again, err := cbor.Decode(cbor.Encode(got))
		if err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%s: after a round trip %#v %v", in, again, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, in := range []string{"", "18", "61", "62c328", "9f01", "ff", "1c", "a10102", "a2616101616102", "0001", "1bffffffffffffffff",
		"5f6161ff", "c16161", "c1fb7e37e43c8800759c", "f8ff", "3f", "dfff"} {
		document, _ := hex.DecodeString(in)
		if v, err := cbor.Decode(document); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %#v %v", in, v, err)
		}
	}
	deep := make([]byte, 1000)
	for i := range deep {
		deep[i] = 0x81
	}
	if _, err := cbor.Decode(deep); err == nil {
		t.Error("a nesting of 1000 was read")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xbf\x63Fun\xf5\xff"))
	f.Fuzz(func(t *testing.T, document []byte) {
		v, err := cbor.Decode(document)
		if err != nil {
			return
		}
		// NaN differs from itself, so the encodings are compared.
		once := cbor.Encode(v)
		again, err := cbor.Decode(once)
		if err != nil || string(cbor.Encode(again)) != string(once) {
			t.Errorf("%x became %x", once, cbor.Encode(again))
		}
	})
}
