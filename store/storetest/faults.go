package storetest

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A failer fails the n-th I/O after it was armed, once.
type failer struct {
	code fault.Code
	left atomic.Int64
	hit  atomic.Bool
}

func (f *failer) fail(op string) error {
	if f.left.Add(-1) != 0 {
		return nil
	}
	f.hit.Store(true)
	return fault.Errorf(f.code, "injected into %s", op)
}

func (f *failer) arm(n int) { f.left.Store(int64(n)) }
func (f *failer) disarm()   { f.left.Store(0) }

// forEveryIO runs a test with the first I/O failing, then with the second, and so on,
// until no I/O fails in a run.
func forEveryIO(t *testing.T, h Harness, code fault.Code, run func(l *ledger, f *failer, n int)) {
	for n := 1; ; n++ {
		f := &failer{code: code}
		l := openFaulty(t, h, f.fail)
		run(l, f, n)
		if t.Failed() {
			t.Fatalf("with I/O %d failing", n)
		}
		if !f.hit.Load() {
			if n == 1 {
				t.Fatal("the driver never called Env.Fault")
			}
			t.Logf("%d faults", n-1)
			return
		}
	}
}

func testFaultOnce(t *testing.T, h Harness) {
	forEveryIO(t, h, fault.Internal, func(l *ledger, f *failer, n int) {
		l.write(pet, "before", events.Post, `{"id":"rex","n":1}`)
		c := change(pet, "one", events.Put, l.find(pet), `{"id":"rex","n":2}`)
		c.TokenLimit = 1000
		f.arm(n)
		_, err := l.Commit(ctx, c)
		f.disarm()
		want(l.t, "commit failed", err != nil, f.hit.Load())
		l.wantAllOrNothing(c, err == nil)
	})
}

// wantAllOrNothing checks that the second change to pet is stored completely or not at
// all, and completely if it was acknowledged.
func (l *ledger) wantAllOrNothing(c store.Change, acknowledged bool) {
	l.t.Helper()
	record := l.find(pet)
	m, err := l.IdempotencyRecord(ctx, c.Idempotency.Key)
	if err != nil && !fault.Is(err, fault.NotFound) {
		l.t.Fatalf("idempotency record: %v", err)
	}
	whole := record.Revision == 2 && err == nil && m.Result.Version == record.Version && l.used("acme") == 2*tokens && len(m.Outputs.Entries) == 1
	nothing := record.Revision == 1 && err != nil && l.used("acme") == tokens && len(l.idempotencyRecords()) == 1
	if !whole && (acknowledged || !nothing) {
		l.t.Fatalf("acknowledged %v; revision %d, idempotency record: %v, tokens %d", acknowledged, record.Revision, err, l.used("acme"))
	}
}

func testFaultRetried(t *testing.T, h Harness) {
	// The driver may retry a fault of code Unavailable; if it does not, the steps do.
	forEveryIO(t, h, fault.Unavailable, func(l *ledger, f *failer, n int) {
		l.runHistory(f, n, func() {})
	})
}

func testCrash(t *testing.T, h Harness) {
	forEveryIO(t, h, fault.Internal, func(l *ledger, f *failer, n int) {
		l.runHistory(f, n, func() { l.kill() })
	})
}

// runHistory creates, changes, deletes and creates one record again. It repeats each
// step until it succeeds, and calls crash after each failure. It checks that each step
// has one effect, however often it was repeated.
func (l *ledger) runHistory(f *failer, n int, crash func()) {
	l.t.Helper()
	step := func(do func() error) {
		l.t.Helper()
		for try := 0; ; try++ {
			err := do()
			if err == nil {
				return
			}
			if try > 2 || !strings.Contains(err.Error(), "injected") {
				l.t.Fatalf("try %d: %v", try, err)
			}
			crash()
		}
	}
	write := func(name string, op events.Operation, data string) (r store.Result) {
		l.t.Helper()
		var prior store.Record
		step(func() error {
			h, err := l.Get(ctx, pet)
			if fault.Is(err, fault.NotFound) {
				err = nil
			}
			prior = h
			return err
		})
		c := change(pet, name, op, prior, data)
		c.TokenLimit = 1000
		step(func() (err error) {
			r, err = l.Commit(ctx, c)
			return err
		})
		return r
	}
	saveProgress := func(name string, s store.Progress) {
		step(func() error { return l.SaveProgress(ctx, idempotencyKey("acme", name), s) })
	}
	aggregate := func(names ...string) {
		var keys []store.IdempotencyKey
		for _, name := range names {
			keys = append(keys, idempotencyKey("acme", name))
		}
		step(func() error { return l.AggregateUsage(ctx, keys) })
	}

	f.arm(n)
	write("a", events.Post, `{"id":"rex","n":1}`)
	saveProgress("a", entryResult(0, store.EntryPublished, ""))
	aggregate("a")
	write("b", events.Patch, `{"id":"rex","n":2}`)
	write("c", events.Delete, "")
	aggregate("a", "b")
	last := write("d", events.Post, `{"id":"rex","n":3}`)
	step(func() error {
		_, err := l.Commit(ctx, rejection(pet, "e", events.Post, fault.Conflict, "taken"))
		return err
	})
	saveProgress("d", entryResult(0, store.EntryFailed, "MalformedDetail"))
	f.disarm()

	record := l.find(pet)
	want(l.t, "revision", record.Revision, 4)
	want(l.t, "version", record.Version, last.Version)
	if !store.Equal(record.Data, jsontext.Value(`{"id":"rex","n":3}`)) {
		l.t.Fatalf("the record is %s", record.Data)
	}
	want(l.t, "tokens", l.used("acme"), 4*tokens)
	want(l.t, "idempotency records", len(l.idempotencyRecords()), 5)
	want(l.t, "rejection", l.idempotencyRecord(idempotencyKey("acme", "e")).Result.Code, fault.Conflict)
	for name, state := range map[string]store.EntryState{
		"a": store.EntryPublished, "b": store.EntryPending, "c": store.EntryPending, "d": store.EntryFailed,
	} {
		m := l.idempotencyRecord(idempotencyKey("acme", name))
		want(l.t, "entries of "+name, len(m.Outputs.Entries), 1)
		want(l.t, "entry of "+name, m.Outputs.Entries[0].State, state)
	}
	opened := l.pendingKeys(start.Add(time.Hour))
	want(l.t, "b is open", opened[idempotencyKey("acme", "b")], true)
	want(l.t, "c is open", opened[idempotencyKey("acme", "c")], true)
	want(l.t, "a is open", opened[idempotencyKey("acme", "a")], false)
}
