package dynamostore

import (
	"testing"
	"time"

	"github.com/blockforger/eventrouter/store"
)

// meanwhile runs f once, before the next call of this name.
func (w *wire) meanwhile(name string, f func()) {
	w.before = func(c *call) error {
		if c.name == name {
			w.before = nil
			f()
		}
		return nil
	}
}

func saveProgress(t *testing.T, l *Ledger, key store.IdempotencyKey, s store.Progress) {
	t.Helper()
	if err := l.SaveProgress(t.Context(), key, s); err != nil {
		t.Fatalf("save progress: %v", err)
	}
}

func published(index int) store.Progress {
	return store.Progress{Entries: []store.EntryResult{{Index: index, State: store.EntryPublished, Time: now()}}}
}

// TestConcurrentSaveProgress: progress that another process saves between the read
// and the write is not overwritten.
func TestConcurrentSaveProgress(t *testing.T) {
	w := &wire{}
	slow := newLedger(t, atOnce, w.use)
	fast := New(newClient(t), *slow.name, nil)
	recheck := now().Add(time.Hour)
	for name, before := range map[string]func(*store.Change){
		"first change":  func(*store.Change) {},
		"second change": func(c *store.Change) { saveProgress(t, fast, c.Idempotency.Key, store.Progress{Recheck: now()}) },
	} {
		c := newChange("p1", name, `{}`)
		c.Record = nil
		commit(t, fast, c)
		before(c)
		w.meanwhile("UpdateItem", func() { saveProgress(t, fast, c.Idempotency.Key, published(0)) })
		saveProgress(t, slow, c.Idempotency.Key, store.Progress{Recheck: recheck})
		m, err := fast.IdempotencyRecord(t.Context(), c.Idempotency.Key)
		if err != nil {
			t.Fatal(err)
		}
		if m.Outputs.Entries[0].State != store.EntryPublished || !m.Recheck.Equal(recheck) {
			t.Errorf("%s: entry %s, recheck %v: one of the two is lost", name, m.Outputs.Entries[0].State, m.Recheck)
		}
	}
}

// TestSaveProgressAfterReplacement: progress is not saved to a new idempotency record
// that replaced an expired one between the read and the write.
func TestSaveProgressAfterReplacement(t *testing.T) {
	w := &wire{}
	slow := newLedger(t, atOnce, w.use)
	c := newChange("p1", "e1", `{}`)
	c.Record = nil
	c.Idempotency.Aggregated = true
	commit(t, slow, c)

	later := func() time.Time { return time.Now().Add(2 * store.DefaultRetention) }
	afterwards := New(newClient(t), *slow.name, &Options{Clock: later})
	next := newChange("p1", "e1", `{}`)
	next.Record = nil
	next.Idempotency.Result.Time, next.Idempotency.Expires = later(), later().Add(store.DefaultRetention)
	next.Idempotency.Outputs.Entries = append(next.Idempotency.Outputs.Entries, next.Idempotency.Outputs.Entries[0])
	w.meanwhile("BatchGetItem", func() {
		w.meanwhile("UpdateItem", func() { commit(t, afterwards, next) })
	})
	saveProgress(t, slow, c.Idempotency.Key, store.Progress{Recheck: now()})
	m, err := afterwards.IdempotencyRecord(t.Context(), next.Idempotency.Key)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Outputs.Entries) != 2 {
		t.Errorf("the new idempotency record has %d entries, want its own 2", len(m.Outputs.Entries))
	}
}

// TestExpiredBillIsAggregatedBeforeReplacement: an expired idempotency key can be used
// again, but only after its bill has been aggregated.
func TestExpiredBillIsAggregatedBeforeReplacement(t *testing.T) {
	at := now()
	l := newLedger(t, &Options{Clock: func() time.Time { return at }, Backoff: atOnce.Backoff})
	first := newChange("p1", "e1", `{}`)
	first.Idempotency.Expires = at.Add(time.Minute)
	commit(t, l, first)

	at = at.Add(time.Hour)
	next := newChange("p2", "e1", `{}`)
	next.Idempotency.Fingerprint = store.Fingerprint{9}
	if r := commit(t, l, next); r.Replayed {
		t.Error("the result of an expired idempotency record is returned")
	}
	usage, err := l.Usage(t.Context(), "acme", first.Idempotency.Bill.Month)
	if err != nil || usage.Tokens() != 20 {
		t.Errorf("usage is %d, %v; want both bills, 20", usage.Tokens(), err)
	}
}
