package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// wantNewer checks that err names the format and is not a rejection, so that a newer
// version can retry.
func wantNewer(t testing.TB, what string, err error) {
	t.Helper()
	if !format.IsNewer(err) || fault.IsRejection(err) || !strings.Contains(err.Error(), "format 99") || !strings.Contains(err.Error(), "use a version that reads format 99") {
		t.Fatalf("%s: %v, want the error of format 99", what, err)
	}
}

// testNewerFormats stores records of a newer format: each operation on one fails and
// changes nothing.
func testNewerFormats(t *testing.T, h Harness) {
	const newer, first = 99, 1
	l := open(t, h)
	l.write(pet, "w1", events.Post, `{"id":"rex"}`)
	other := ref("acme", "petstore", "tom")
	l.write(other, "w2", events.Post, `{"id":"tom"}`)
	gone := ref("acme", "petstore", "gone")
	l.write(gone, "w3", events.Post, `{"id":"gone"}`)
	l.write(gone, "w4", events.Delete, ``)
	key := idempotencyKey("acme", "w1")
	record, tombstone, idempotency := l.find(pet), l.find(gone), l.idempotencyRecord(key)
	get := func(r store.Ref) error {
		_, err := l.driver.Record(ctx, r)
		return err
	}
	commit := func(c store.Change) error {
		_, err := l.Commit(ctx, c)
		return err
	}

	h.SetFormat(t, l.driver, pet, store.IdempotencyKey{}, newer)
	wantNewer(t, "get", get(pet))
	wantNewer(t, "commit", commit(change(pet, "w5", events.Put, record, `{"id":"rex","n":5}`)))
	wantNewer(t, "commit of a new record", commit(change(pet, "w6", events.Post, store.Record{}, `{"id":"rex","n":6}`)))
	_, err := l.List(ctx, pet.Collection, "", 10)
	wantNewer(t, "list", err)
	wantNewer(t, "save progress", l.SaveProgress(ctx, key, store.Progress{Projected: record.Version}))
	h.SetFormat(t, l.driver, pet, store.IdempotencyKey{}, first)
	if diff := cmp.Diff(record, l.find(pet)); diff != "" {
		t.Fatalf("the record was changed: %s", diff)
	}
	for _, k := range []string{"w5", "w6"} {
		_, err := l.IdempotencyRecord(ctx, idempotencyKey("acme", k))
		wantCode(t, "idempotency record of a rejected commit", err, fault.NotFound)
	}

	h.SetFormat(t, l.driver, store.Ref{}, key, newer)
	again := change(pet, "w1", events.Post, store.Record{}, `{"id":"rex"}`)
	reads := map[string]func() error{
		"redelivery": func() error { return commit(again) },
		"read":       func() error { _, err := l.IdempotencyRecord(ctx, key); return err },
		"result":     func() error { _, _, err := l.StoredResult(ctx, key, store.Fingerprint{1}, nil); return err },
		"save progress": func() error {
			return l.SaveProgress(ctx, key, store.Progress{Entries: []store.EntryResult{{Index: 0, State: store.EntryPublished, Time: start}}})
		},
		"save progress again": func() error {
			return l.SaveProgress(ctx, key, store.Progress{Reopen: true, Entries: []store.EntryResult{{Index: 0, State: store.EntryDropped, Time: start}}})
		},
	}
	if !idempotency.Aggregated {
		reads["aggregation"] = func() error { return l.AggregateUsage(ctx, []store.IdempotencyKey{key}) }
	}
	for what, read := range reads {
		wantNewer(t, what, read())
	}
	h.SetFormat(t, l.driver, store.Ref{}, key, first)
	if diff := cmp.Diff(idempotency, l.idempotencyRecord(key)); diff != "" {
		t.Fatalf("the idempotency record was changed: %s", diff)
	}
	if idempotency.Bill.Tokens > 0 && !idempotency.Aggregated {
		l.aggregate(key, idempotencyKey("acme", "w3"))
	}

	// Expired records of a newer format are kept.
	h.SetFormat(t, l.driver, store.Ref{}, key, newer)
	h.SetFormat(t, l.driver, gone, store.IdempotencyKey{}, newer)
	l.clock.advance(store.DefaultRetention + 24*time.Hour)
	for i := range 8 { // a commit may delete expired items
		l.write(ref("acme", "petstore", named("k", i)), named("later", i), events.Post, `{"id":"k"}`)
	}
	wantNewer(t, "expired, redelivered", commit(again))
	wantNewer(t, "expired tombstone", commit(change(gone, "w7", events.Post, store.Record{}, `{"id":"gone"}`)))
	l.clock.advance(-store.DefaultRetention - 24*time.Hour)
	h.SetFormat(t, l.driver, store.Ref{}, key, first)
	h.SetFormat(t, l.driver, gone, store.IdempotencyKey{}, first)
	idempotency.Aggregated = true
	if diff := cmp.Diff(idempotency, l.idempotencyRecord(key)); diff != "" {
		t.Fatalf("the idempotency record was changed when it had expired: %s", diff)
	}
	if diff := cmp.Diff(tombstone, l.find(gone)); diff != "" {
		t.Fatalf("the tombstone was changed when it had expired: %s", diff)
	}
}

// testOlderFingerprint redelivers a request after an upgrade that changed the
// algorithm of fingerprints: the stored fingerprint is compared with one that is
// computed by the algorithm of its own format.
func testOlderFingerprint(t *testing.T, h Harness) {
	l := open(t, h)
	first := l.write(pet, "w1", events.Post, `{"id":"rex"}`)
	again := change(pet, "w1", events.Post, store.Record{}, `{"id":"rex"}`)
	stored := again.Idempotency.Fingerprint
	again.Idempotency.Format, again.Idempotency.Fingerprint = 2, store.Fingerprint{2, 2, 2}
	again.Idempotency.Expires = start.Add(time.Hour)
	again.Idempotency.Result.Time, again.Idempotency.Result.Version = start, "another"
	again.Record.Version, again.Record.Time = "another", start
	again.Fingerprints = func(number int) store.Fingerprint {
		want(t, "format of the stored fingerprint", number, 1)
		return stored
	}
	r, err := l.driver.Commit(ctx, &again)
	if err != nil || !r.Replayed || r.Version != first.Version {
		t.Fatalf("redelivery after an upgrade: %+v, %v", r, err)
	}
	again.Fingerprints = func(int) store.Fingerprint { return store.Fingerprint{3} }
	_, err = l.driver.Commit(ctx, &again)
	wantCode(t, "another request", err, fault.Conflict)
}
