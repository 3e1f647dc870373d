package dynamostore

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func fullIdempotencyRecord() store.IdempotencyRecord {
	m := newChange("p1", "a/b c", `{"id":"p1"}`).Idempotency
	m.Result.Rejected, m.Result.Code, m.Result.Message = true, fault.Precondition, "no"
	m.Result.Violations = []fault.Violation{{Pointer: "", Message: "a"}, {Pointer: "/x", Message: ""}}
	m.Aggregated, m.NeedsProjection, m.Recheck = true, true, now().Add(time.Hour)
	m.Outputs.Document = jsontext.Value(`{"id":"p1","all":true}`)
	m.Outputs.CorrelationID, m.Outputs.Hops, m.Outputs.TraceHeader = "c", 3, "Root=1"
	m.Outputs.Entries = append(m.Outputs.Entries, store.Entry{
		Bus: "b", Source: "s", DetailType: "d", WholeRecord: true, Metadata: true, Outcome: true,
		State: store.EntryFailed, Attempts: 3, Error: "NotAuthorizedForSourceException", Settled: now().Add(time.Nanosecond),
	})
	return m
}

func TestIdempotencyRecordRoundTrip(t *testing.T) {
	for name, m := range map[string]store.IdempotencyRecord{"plain": newChange("p1", "e1", `{}`).Idempotency, "full": fullIdempotencyRecord()} {
		it, err := encodeIdempotencyRecord(&m)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeIdempotencyRecord(it)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	live := *newChange("p/1 é", "e1", `{"id":"p1"}`).Record
	unprojected := live
	unprojected.Unprojected, unprojected.Backend = true, events.CSV
	tombstone := live
	tombstone.Data, tombstone.Deleted, tombstone.Expires = nil, true, now()
	written, edited, moved := unprojected, unprojected, live
	written.FileWrite, edited.RowVersion, moved.MovedFrom = 7, "u", store.Source{Key: "p 2", Version: "v"}
	formats := map[string]int64{"written": 2, "edited": 2, "moved": 2}
	for name, h := range map[string]store.Record{"live": live, "dirty": unprojected, "tombstone": tombstone, "written": written, "edited": edited, "moved": moved} {
		it, err := encodeRecord(&h)
		if err != nil {
			t.Fatal(err)
		}
		if r := (reader{item: it}); r.integer(formatAttribute) != formats[name] {
			t.Errorf("%s has format %d, want %d (0 is 1)", name, r.integer(formatAttribute), formats[name])
		}
		back, err := decodeRecord(it)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, back); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestTimeToLive: DynamoDB may delete only items that are no longer needed.
func TestTimeToLive(t *testing.T) {
	billed := newChange("p1", "e1", `{}`)
	aggregated := newChange("p1", "e1", `{}`)
	aggregated.Idempotency.Aggregated = true
	rejected := newChange("p1", "e1", `{}`)
	rejected.Idempotency.Bill = store.Bill{}
	for _, test := range []struct {
		name        string
		idempotency store.IdempotencyRecord
		ttl         bool
	}{
		{"a bill that is not aggregated", billed.Idempotency, false},
		{"a bill that is aggregated", aggregated.Idempotency, true},
		{"no bill", rejected.Idempotency, true},
	} {
		it, err := encodeIdempotencyRecord(&test.idempotency)
		if err != nil {
			t.Fatal(err)
		}
		ttl, ok := it[ttlAttribute].(*types.AttributeValueMemberN)
		if ok != test.ttl {
			t.Errorf("%s: ttl %v, want it %v", test.name, it[ttlAttribute], test.ttl)
		}
		if ok && ttl.Value <= integer(test.idempotency.Expires.Unix()).(*types.AttributeValueMemberN).Value {
			t.Errorf("%s: ttl %s is not after %v", test.name, ttl.Value, test.idempotency.Expires)
		}
	}

	tombstone := *billed.Record
	tombstone.Data, tombstone.Deleted, tombstone.Expires = nil, true, now()
	for _, unprojected := range []bool{true, false} {
		tombstone.Unprojected = unprojected
		it, err := encodeRecord(&tombstone)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := it[ttlAttribute]; ok == unprojected {
			t.Errorf("tombstone with Unprojected %v: has a ttl: %v", unprojected, ok)
		}
	}
	if it, _ := encodeRecord(billed.Record); it[ttlAttribute] != nil {
		t.Error("a record has a ttl")
	}
}

func TestUnexpectedAttributeTypes(t *testing.T) {
	m := fullIdempotencyRecord()
	h := *newChange("p1", "e1", `{}`).Record
	spoil := map[string]types.AttributeValue{
		"pk": text("other/x"), "revision": text("1"), "time": text("yesterday"), "stamp": integer(1),
	}
	for name, v := range spoil {
		idempotency, err := encodeIdempotencyRecord(&m)
		if err != nil {
			t.Fatal(err)
		}
		record, err := encodeRecord(&h)
		if err != nil {
			t.Fatal(err)
		}
		idempotency[name], record[name] = v, v
		if _, err := decodeIdempotencyRecord(idempotency); !fault.Is(err, fault.Internal) {
			t.Errorf("idempotency record with a %s of another type: %v", name, err)
		}
		if _, err := decodeRecord(record); !fault.Is(err, fault.Internal) {
			t.Errorf("record with a %s of another type: %v", name, err)
		}
	}
	for name, v := range map[string]types.AttributeValue{
		"entries": text("x"), "violations": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("x")}},
		"fingerprint": &types.AttributeValueMemberB{Value: []byte("short")}, "rejected": text("no such code"),
		"project": text("true"), "tokens": text("10"),
	} {
		idempotency, err := encodeIdempotencyRecord(&m)
		if err != nil {
			t.Fatal(err)
		}
		idempotency[name] = v
		if _, err := decodeIdempotencyRecord(idempotency); err == nil {
			t.Errorf("idempotency record with an unexpected %s is read", name)
		}
	}
}
