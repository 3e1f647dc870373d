package dynamostore

import (
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// A transaction takes 4 MB: 25 large idempotency records do not go into one.
func TestFoldOfLargeMarks(t *testing.T) {
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
		t.Errorf("the total says %d, %v; want each of 25 bills once", got, r.err)
	}
	m, err := l.IdempotencyRecord(t.Context(), keys[0])
	if err != nil || len(m.Outputs.Payload) != len(large) || !m.Aggregated {
		t.Errorf("a folded mark: %d bytes of payload, folded %v, %v", len(m.Outputs.Payload), m.Aggregated, err)
	}
}

// A list reads little more than it returns.
func TestHeadsReadsNoMoreThanItNeeds(t *testing.T) {
	w := &wire{}
	l := newLedger(t, nil, w.use)
	const records = 200
	for i := range records {
		commit(t, l, newChange(events.RecordKey("k"+strconv.Itoa(1000+i)), strconv.Itoa(i), `{}`))
	}
	w.reset()
	heads, err := l.Records(t.Context(), pets, "k1049", 40)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range heads {
		if want := "k" + strconv.Itoa(1050+i); string(h.Key) != want {
			t.Fatalf("head %d is %s, want %s", i, h.Key, want)
		}
	}
	if len(heads) != 40 {
		t.Errorf("%d heads, want 40", len(heads))
	}
	if n := len(w.calls); n < parts || n > 2*parts {
		t.Errorf("%d queries for 40 of 200 records in %d parts", n, parts)
	}
}
