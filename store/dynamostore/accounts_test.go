package dynamostore

import (
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// TestAggregateLargeIdempotencyRecords: a transaction accepts at most 4 MB, so 25
// large idempotency records need several.
func TestAggregateLargeIdempotencyRecords(t *testing.T) {
	l := newLedger(t, nil)
	large := jsontext.Value(`"` + strings.Repeat("x", 350<<10) + `"`)
	var keys []store.IdempotencyKey
	for i := range store.MaxAggregate {
		id := strconv.Itoa(i)
		c := newChange(events.RecordKey(id), id, `{}`)
		c.Idempotency.Outputs.Payload = large
		commit(t, l, c)
		keys = append(keys, c.Idempotency.Key)
	}
	for range 2 {
		if err := l.AggregateUsage(t.Context(), keys); err != nil {
			t.Fatal(err)
		}
	}
	total, err := l.get(t.Context(), usageKey("acme", store.Month(now())))
	if err != nil {
		t.Fatal(err)
	}
	r := reader{item: total}
	if got := r.integer("op/pets/POST"); got != store.MaxAggregate*10 || r.err != nil {
		t.Errorf("the total is %d, %v; want each of 25 bills once", got, r.err)
	}
	m, err := l.IdempotencyRecord(t.Context(), keys[0])
	if err != nil || len(m.Outputs.Payload) != len(large) || !m.Aggregated {
		t.Errorf("an aggregated idempotency record: %d bytes of payload, aggregated %v, %v", len(m.Outputs.Payload), m.Aggregated, err)
	}
}

// TestRecordsReadsLittleMoreThanItReturns: the number of queries of a list depends on
// the limit, not on the size of the collection.
func TestRecordsReadsLittleMoreThanItReturns(t *testing.T) {
	w := &wire{}
	l := newLedger(t, nil, w.use)
	const stored = 200
	for i := range stored {
		commit(t, l, newChange(events.RecordKey("k"+strconv.Itoa(1000+i)), strconv.Itoa(i), `{}`))
	}
	w.reset()
	records, err := l.Records(t.Context(), pets, "k1049", 40)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range records {
		if want := "k" + strconv.Itoa(1050+i); string(h.Key) != want {
			t.Fatalf("record %d is %s, want %s", i, h.Key, want)
		}
	}
	if len(records) != 40 {
		t.Errorf("%d records, want 40", len(records))
	}
	if n := len(w.calls); n < parts || n > 2*parts {
		t.Errorf("%d queries for 40 of 200 records in %d parts", n, parts)
	}
}
