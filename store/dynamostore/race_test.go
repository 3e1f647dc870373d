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

func settle(t *testing.T, l *Ledger, key store.IdempotencyKey, s store.Progress) {
	t.Helper()
	if err := l.SaveProgress(t.Context(), key, s); err != nil {
		t.Fatalf("settle: %v", err)
	}
}

func published(index int) store.Progress {
	return store.Progress{Entries: []store.EntryResult{{Index: index, State: store.EntryPublished, Time: now()}}}
}

// What another saves between reading and writing must not be undone.
func TestSettleMeetsAnother(t *testing.T) {
	w := &wire{}
	slow := newLedger(t, atOnce, w.use)
	fast := New(newClient(t), *slow.table, nil)
	recheck := now().Add(time.Hour)
	for name, before := range map[string]func(*store.Change){
		"first change":  func(*store.Change) {},
		"second change": func(c *store.Change) { settle(t, fast, c.Idempotency.Key, store.Progress{Recheck: now()}) },
	} {
		c := newChange("p1", name, `{}`)
		c.Record = nil
		commit(t, fast, c)
		before(c)
		w.meanwhile("UpdateItem", func() { settle(t, fast, c.Idempotency.Key, published(0)) })
		settle(t, slow, c.Idempotency.Key, store.Progress{Recheck: recheck})
		m, err := fast.IdempotencyRecord(t.Context(), c.Idempotency.Key)
		if err != nil {
			t.Fatal(err)
		}
		if m.Outputs.Entries[0].State != store.EntryPublished || !m.Recheck.Equal(recheck) {
			t.Errorf("%s: entry %s, recheck %v: one of the two is lost", name, m.Outputs.Entries[0].State, m.Recheck)
		}
	}
}

// An idempotency record may expire, and another take its place, while it is being saved.
func TestSettleMeetsAnotherMark(t *testing.T) {
	w := &wire{}
	slow := newLedger(t, atOnce, w.use)
	c := newChange("p1", "e1", `{}`)
	c.Record = nil
	c.Idempotency.Aggregated = true
	commit(t, slow, c)

	later := func() time.Time { return time.Now().Add(2 * store.DefaultRetention) }
	afterwards := New(newClient(t), *slow.table, &Options{Clock: later})
	next := newChange("p1", "e1", `{}`)
	next.Record = nil
	next.Idempotency.Result.Time, next.Idempotency.Expires = later(), later().Add(store.DefaultRetention)
	next.Idempotency.Outputs.Entries = append(next.Idempotency.Outputs.Entries, next.Idempotency.Outputs.Entries[0])
	w.meanwhile("BatchGetItem", func() {
		w.meanwhile("UpdateItem", func() { commit(t, afterwards, next) })
	})
	settle(t, slow, c.Idempotency.Key, store.Progress{Recheck: now()})
	m, err := afterwards.IdempotencyRecord(t.Context(), next.Idempotency.Key)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Outputs.Entries) != 2 {
		t.Errorf("the new mark has %d entries, want its own 2", len(m.Outputs.Entries))
	}
}

// The key of an expired idempotency record is free again, but its bill must be counted first.
func TestExpiredMarkIsFoldedBeforeItIsReplaced(t *testing.T) {
	at := now()
	l := newLedger(t, &Options{Clock: func() time.Time { return at }, Backoff: atOnce.Backoff})
	first := newChange("p1", "e1", `{}`)
	first.Idempotency.Expires = at.Add(time.Minute)
	commit(t, l, first)

	at = at.Add(time.Hour)
	next := newChange("p2", "e1", `{}`)
	next.Idempotency.Fingerprint = store.Fingerprint{9}
	if r := commit(t, l, next); r.Replayed {
		t.Error("an expired mark answers")
	}
	usage, err := l.Usage(t.Context(), "acme", first.Idempotency.Bill.Month)
	if err != nil || usage.Tokens() != 20 {
		t.Errorf("usage is %d, %v; want both bills, 20", usage.Tokens(), err)
	}
}
