package boltstore

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/store"
)

// fill sets every field, at every depth, to a value other than zero, so that the test
// fails if the codec omits a field.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000, *n*1_000_003).UTC()))
		return
	case jsontext.Value:
		v.Set(reflect.ValueOf(jsontext.Value(`{"n":"` + string(rune('a'+*n%26)) + `"}`)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString("s" + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(*n - 5)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(*n % 200))
	default:
		panic("fill does not know " + v.Type().String())
	}
}

func checkRoundTrip[T any](t *testing.T, fields func(*codec, *T), forget func(*T)) {
	t.Helper()
	var v, zero T
	n := int64(0)
	fill(reflect.ValueOf(&v).Elem(), &n)
	if forget != nil {
		forget(&v)
	}
	for _, want := range []T{v, zero} {
		data := encode(nil, want, fields)
		got, err := decode(data, fields)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%T: %v\n got %+v\nwant %+v", v, err, got, want)
		}
		for i := range data { // truncated or extended data is an error, never a panic
			if _, err := decode(data[:i], fields); err == nil {
				t.Errorf("%T cut to %d of %d bytes is read", v, i, len(data))
			}
		}
		if _, err := decode(append(data, 0), fields); err == nil {
			t.Errorf("%T with an extra byte is read", v)
		}
	}
}

func TestEveryFieldIsStored(t *testing.T) {
	checkRoundTrip(t, recordFields, func(h *store.Record) {
		h.FileWrite, h.RowVersion, h.MovedFrom = 0, "", store.Source{} // fields of format 2
	})
	checkRoundTrip(t, recordFields2, nil)
	checkRoundTrip(t, idempotencyFields, func(m *store.IdempotencyRecord) {
		m.Result.Replayed, m.Format = false, 0 // the header of the value holds the format
		for i := range m.Result.Violations {
			m.Result.Violations[i].Indexes = 0 // not stored
		}
	})
	checkRoundTrip(t, keyFields, func(k *apikey.Key) { k.Replaces = "" }) // format 2 has it
	checkRoundTrip(t, keyFields2, nil)
}

// TestRecordFormat: a record has format 2 if it has a field that format 1 does not
// have, so that an older version of the program rejects the record instead of losing
// the field.
func TestRecordFormat(t *testing.T) {
	d := &Driver{sealer: plain{}}
	for want, h := range map[byte][]store.Record{
		1: {{Version: "v"}, {Version: "v", Unprojected: true}, {Version: "v", Deleted: true}},
		2: {{Version: "v", FileWrite: 1}, {Version: "v", RowVersion: "u", Unprojected: true}, {Version: "v", MovedFrom: store.Source{Key: "a", Version: "w"}}},
	} {
		for _, h := range h {
			v := d.encodeRecord([]byte("k"), &h)
			got, err := d.decodeRecord([]byte("k"), v)
			if err != nil || v[0] != want || !reflect.DeepEqual(got, h) {
				t.Errorf("%+v has format %d, want %d; %+v, %v", h, v[0], want, got, err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	var m store.IdempotencyRecord
	n := int64(0)
	fill(reflect.ValueOf(&m).Elem(), &n)
	f.Add(encode(nil, m, idempotencyFields))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decode(data, idempotencyFields)
		if err != nil {
			return
		}
		again, err := decode(encode(nil, m, idempotencyFields), idempotencyFields)
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v comes back as %+v, %v", m, again, err)
		}
	})
}

func TestTimesKeepTheirOrder(t *testing.T) {
	times := []time.Time{{}, time.Unix(-5, 0), time.Unix(0, 0), time.Unix(1, 0), time.Unix(1_700_000_000, 0), time.Unix(9_000_000_000, 0)}
	for i := range times[1:] {
		a, b := appendTime(nil, times[i]), appendTime(nil, times[i+1])
		if string(a) >= string(b) {
			t.Errorf("%v is not before %v", times[i], times[i+1])
		}
		if got := timeAt(b); !got.Equal(times[i+1]) {
			t.Errorf("%v comes back as %v", times[i+1], got)
		}
	}
}

func TestShardOfKey(t *testing.T) {
	for i := range 100 {
		k := store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: string(rune('a' + i))}
		if got := shardOf(idempotencyKey(k)); got != k.Shard() {
			t.Fatalf("shard %d by the stored key, %d by the key", got, k.Shard())
		}
	}
}
