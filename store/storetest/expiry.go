package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func testExpiry(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "one", events.Post, store.Record{}, `{"id":"rex"}`)
	first := l.commit(c)
	l.clock.advance(store.DefaultRetention - time.Millisecond)
	want(t, "replayed just before", l.commit(c).Replayed, true)
	want(t, "idempotency records just before", len(l.idempotencyRecords()), 1)

	l.clock.advance(time.Millisecond)
	_, err := l.IdempotencyRecord(ctx, c.Idempotency.Key)
	wantCode(t, "an expired idempotency record", err, fault.NotFound)
	_, found, err := l.StoredResult(ctx, c.Idempotency.Key, c.Idempotency.Fingerprint, nil)
	want(t, "result of an expired idempotency record", found || err != nil, false)
	want(t, "idempotency records", len(l.idempotencyRecords()), 0)
	l.saveProgress(c.Idempotency.Key, store.Progress{Entries: []store.EntryResult{{State: store.EntryPublished}}})

	// The key can be used again, even by another request.
	c.Idempotency.Fingerprint = store.Fingerprint{2}
	_, err = l.Commit(ctx, c)
	if _, ok := errors.AsType[*store.VersionConflict](err); !ok {
		t.Fatalf("a create of what is there: %v", err)
	}
	c.IfVersion, c.Record.Revision = first.Version, 2
	second := l.commit(c)
	want(t, "replayed", second.Replayed, false)
	want(t, "a new version", second.Version != first.Version, true)
	want(t, "revision", l.find(pet).Revision, 2)
	want(t, "state of the entry", l.idempotencyRecord(c.Idempotency.Key).Outputs.Entries[0].State, store.EntryPending)
	want(t, "pending idempotency records", len(l.pendingKeys(l.clock.Now().Add(time.Hour))), 1)
}

func testTombstoneExpiry(t *testing.T, h Harness) {
	l := open(t, h)
	gone, kept, back := pet, ref("acme", "petstore", "kept"), ref("acme", "petstore", "back")
	l.write(kept, "kept", events.Post, `{"id":"kept"}`)
	l.write(back, "back 1", events.Post, `{"id":"back"}`)
	l.write(back, "back 2", events.Delete, "")
	l.write(back, "back 3", events.Post, `{"id":"back"}`) // in place of its tombstone
	l.write(gone, "post", events.Post, `{"id":"rex"}`)
	l.write(gone, "delete", events.Delete, "")
	l.clock.advance(2 * store.DefaultRetention)

	// Commits work whether or not the database has deleted the expired items.
	for i := range 10 {
		l.write(ref("acme", "petstore", named("later", i)), named("later", i), events.Post, `{"id":"x"}`)
	}
	want(t, "revision of the record", l.find(kept).Revision, 1)
	want(t, "revision of the record that was a tombstone", l.find(back).Revision, 3)
	revision := l.find(gone).Revision
	if revision != 0 && revision != 2 {
		t.Fatalf("an expired tombstone shows revision %d", revision)
	}
	want(t, "revision of the new record", l.write(gone, "again", events.Post, `{"id":"rex"}`).Revision, revision+1)
	l.clock.advance(2 * store.DefaultRetention)
	for i := range 10 {
		l.write(ref("acme", "petstore", named("much later", i)), named("much later", i), events.Post, `{"id":"x"}`)
	}
	want(t, "the record made anew stays", l.find(gone).Revision, revision+1)
}

// A deletion that the object or file does not show yet must be visible to a POST.
// Otherwise the revision of the new record would start at 1 again.
func testUnprojectedTombstone(t *testing.T, h Harness) {
	l := open(t, h)
	l.write(pet, "post", events.Post, `{"id":"rex"}`)
	c := change(pet, "delete", events.Delete, l.find(pet), "")
	c.Record.Backend, c.Record.Unprojected, c.Idempotency.NeedsProjection = events.S3, true, true
	deleted := l.commit(c)
	l.clock.advance(2 * store.DefaultRetention)
	_, err := l.Commit(ctx, change(pet, "again", events.Post, store.Record{}, `{"id":"rex"}`))
	conflict, ok := errors.AsType[*store.VersionConflict](err)
	if !ok || conflict.Current.Version != deleted.Version || !conflict.Current.Unprojected {
		t.Fatalf("a POST over an unprojected tombstone: %v, want a version conflict with the tombstone", err)
	}
	want(t, "revision", l.find(pet).Revision, 2)
}

func testBillOutlivesIdempotencyRecord(t *testing.T, h Harness) {
	l := open(t, h)
	for i := range 3 {
		l.write(pet, named("put", i), events.Put, `{"id":"rex"}`)
	}
	l.aggregate(idempotencyKey("acme", "put001"))
	month := store.Month(l.clock.Now())
	l.clock.advance(store.DefaultRetention)
	for i := range 5 {
		l.write(ref("acme", "petstore", named("later", i)), named("later", i), events.Post, `{"id":"x"}`)
	}
	l.catchUp()
	u, err := l.Usage(ctx, "acme", month)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "tokens of the month before", u.Tokens(), 3*tokens)
	want(t, "tokens of this month", l.used("acme"), 5*tokens)
}
