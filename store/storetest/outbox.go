package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func entryResult(index int, state store.EntryState, code string) store.Progress {
	return store.Progress{Entries: []store.EntryResult{{Index: index, State: state, Error: code, Time: start.Add(time.Minute)}}}
}

func testPending(t *testing.T, h Harness) {
	l := open(t, h)
	const n = 40
	for i := range n {
		l.write(ref("acme", "petstore", named("n", i)), named("n", i), events.Post, `{"id":"x"}`)
		l.clock.advance(time.Second)
	}
	silent := change(pet, "silent", events.Post, store.Record{}, `{"id":"rex"}`)
	silent.Idempotency.Outputs, silent.Idempotency.Bill = store.Outputs{}, store.Bill{}
	l.commit(silent)

	want(t, "pending idempotency records", len(l.pendingKeys(l.clock.Now().Add(time.Second))), n)
	half := l.pendingKeys(start.Add(n / 2 * time.Second))
	want(t, "pending idempotency records of the first half", len(half), n/2)
	for i := range n / 2 {
		want(t, named("pending ", i), half[idempotencyKey("acme", named("n", i))], true)
	}
	wantOldestFirst(l)

	// A published entry and an aggregated bill leave no pending work.
	key := idempotencyKey("acme", "n000")
	l.saveProgress(key, entryResult(0, store.EntryPublished, ""))
	l.aggregate(key)
	m := l.idempotencyRecord(key)
	want(t, "open", m.HasPendingWork(), false)
	want(t, "listed as open", l.pendingKeys(l.clock.Now())[key], false)
	want(t, "pending idempotency records", len(l.pendingKeys(l.clock.Now().Add(time.Second))), n-1)

	// A failed entry waits for an operator, not for the relay.
	key = idempotencyKey("acme", "n001")
	l.saveProgress(key, entryResult(0, store.EntryFailed, "MalformedDetail"))
	l.aggregate(key)
	want(t, "listed as open", l.pendingKeys(l.clock.Now())[key], false)
	want(t, "listed as failed", slices.Equal(failedKeys(l), []store.IdempotencyKey{key}), true)

	// A record that must be rechecked is pending until the recheck.
	l.saveProgress(key, store.Progress{Recheck: l.clock.Now().Add(time.Hour)})
	want(t, "listed as open for recheck", l.pendingKeys(l.clock.Now())[key], true)
	l.saveProgress(key, store.Progress{Rechecked: true})
	want(t, "listed as open after recheck", l.pendingKeys(l.clock.Now())[key], false)

	// An operator's retry makes the entry pending again, and settles it.
	want(t, "listed as failed after recheck", len(failedKeys(l)), 1)
	retry := entryResult(0, store.EntryPending, "")
	retry.Reopen = true
	l.saveProgress(key, retry)
	want(t, "listed as open after retry", l.pendingKeys(l.clock.Now())[key], true)
	want(t, "failed records after retry", len(failedKeys(l)), 0)
	l.saveProgress(key, entryResult(0, store.EntryFailed, "MalformedDetail"))
	want(t, "failed records after another failure", len(failedKeys(l)), 1)
	l.clock.advance(store.DefaultRetention + time.Hour)
	want(t, "failed records after they expired", len(failedKeys(l)), 0)
}

// failedKeys returns the keys of the live idempotency records that are listed as
// failed.
func failedKeys(l *ledger) (failed []store.IdempotencyKey) {
	l.t.Helper()
	l.catchUp()
	for shard := range store.Shards {
		keys, err := l.ListFailed(ctx, shard, 1000)
		if err != nil {
			l.t.Fatalf("failed: %v", err)
		}
		for _, k := range keys {
			want(l.t, "shard of the key", k.Shard(), shard)
			if _, err := l.IdempotencyRecord(ctx, k); err == nil {
				failed = append(failed, k)
			} else if !fault.Is(err, fault.NotFound) {
				l.t.Fatalf("failed: %v", err)
			}
		}
	}
	return failed
}

// wantOldestFirst checks the order and the limit of every shard, and that each
// idempotency record is in the shard of its key.
func wantOldestFirst(l *ledger) {
	l.t.Helper()
	for shard := range store.Shards {
		l.catchUp()
		all, err := l.ListPending(ctx, shard, l.clock.Now(), 1000)
		if err != nil {
			l.t.Fatal(err)
		}
		if !slices.IsSortedFunc(all, func(a, b store.IdempotencyKey) int {
			return l.idempotencyRecord(a).Result.Time.Compare(l.idempotencyRecord(b).Result.Time)
		}) {
			l.t.Errorf("shard %d is not oldest first", shard)
		}
		for _, key := range all {
			want(l.t, "shard of the key", key.Shard(), shard)
		}
		if len(all) < 2 {
			continue
		}
		first, err := l.ListPending(ctx, shard, l.clock.Now(), 1)
		if err != nil || len(first) != 1 || first[0] != all[0] {
			l.t.Errorf("shard %d: the first is %v (%v), want %v", shard, first, err, all[0])
		}
	}
}

func testSaveProgress(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "one", events.Post, store.Record{}, `{"id":"rex"}`)
	for range 3 {
		c.Idempotency.Outputs.Entries = append(c.Idempotency.Outputs.Entries, c.Idempotency.Outputs.Entries[0])
	}
	l.commit(c)
	key := c.Idempotency.Key
	entry := func(i int) store.Entry { return l.idempotencyRecord(key).Outputs.Entries[i] }

	l.saveProgress(key, entryResult(0, store.EntryPending, "ThrottlingException"))
	e := entry(0)
	want(t, "state", e.State, store.EntryPending)
	want(t, "attempts", e.Attempts, 1)
	want(t, "error", e.Error, "ThrottlingException")

	l.saveProgress(key, entryResult(0, store.EntryPublished, ""))
	e = entry(0)
	want(t, "state", e.State, store.EntryPublished)
	want(t, "attempts", e.Attempts, 2)
	want(t, "error", e.Error, "")
	want(t, "saved", e.Settled.Equal(start.Add(time.Minute)), true)

	// Progress that is saved late, or twice, undoes nothing.
	for _, startDelayed := range []store.EntryState{store.EntryPending, store.EntryFailed, store.EntryDropped, store.EntryPublished} {
		s := entryResult(0, startDelayed, "InternalFailure")
		s.Entries[0].Time = start.Add(time.Hour)
		l.saveProgress(key, s)
		wantSame(t, "the published entry", entry(0), e)
	}
	l.saveProgress(key, entryResult(1, store.EntryFailed, "AccessDeniedException"))
	l.saveProgress(key, entryResult(1, store.EntryPending, "InternalFailure"))
	want(t, "a failed one stays", entry(1).State, store.EntryFailed)
	l.saveProgress(key, entryResult(1, store.EntryPublished, ""))
	want(t, "unless it was published after all", entry(1).State, store.EntryPublished)
	l.saveProgress(key, entryResult(2, store.EntryDropped, ""))
	l.saveProgress(key, entryResult(2, store.EntryFailed, "MalformedDetail"))
	want(t, "a dropped one stays", entry(2).State, store.EntryDropped)
	want(t, "dropping is no attempt", entry(2).Attempts, 0)
	want(t, "the other entries are unchanged", entry(3).State, store.EntryPending)

	// Concurrent calls with several entries, one of which does not exist.
	concurrently(8, func(i int) {
		s := entryResult(3, store.EntryPublished, "")
		s.Entries = append(s.Entries, store.EntryResult{Index: 99, State: store.EntryFailed})
		if err := l.SaveProgress(ctx, key, s); err != nil {
			t.Errorf("save progress: %v", err)
		}
	})
	want(t, "attempts of the last", entry(3).Attempts, 1)
	want(t, "the record is unchanged", l.find(pet).Revision, 1)
	want(t, "the payload is unchanged", string(l.idempotencyRecord(key).Outputs.Payload), `{"id":"rex"}`)
	l.saveProgress(idempotencyKey("acme", "never"), entryResult(0, store.EntryPublished, ""))
	_, err := l.IdempotencyRecord(ctx, idempotencyKey("acme", "never"))
	wantCode(t, "saving progress creates no idempotency record", err, fault.NotFound)
}

func testReopen(t *testing.T, h Harness) {
	l := open(t, h)
	l.write(pet, "one", events.Post, `{"id":"rex"}`)
	key := idempotencyKey("acme", "one")
	l.aggregate(key)
	for _, state := range []store.EntryState{store.EntryPublished, store.EntryFailed, store.EntryDropped} {
		l.saveProgress(key, entryResult(0, state, ""))
		want(t, "open", l.pendingKeys(start.Add(time.Hour))[key], false)
		again := entryResult(0, store.EntryPending, "")
		again.Reopen = true
		l.saveProgress(key, again)
		want(t, "state", l.idempotencyRecord(key).Outputs.Entries[0].State, store.EntryPending)
		want(t, "open", l.pendingKeys(start.Add(time.Hour))[key], true)
	}
}

func testProjected(t *testing.T, h Harness) {
	for name, unread := range map[string]bool{"aggregated": false, "with the record's name, not aggregated": true} {
		t.Run(name, func(t *testing.T) { testProjectedOnce(t, h, unread) })
	}
}

// testProjectedOnce saves projections. If unread is set, the progress names the record
// and the bills are not aggregated, as right after a commit.
func testProjectedOnce(t *testing.T, h Harness, unread bool) {
	l := open(t, h)
	saveProjected := func(key store.IdempotencyKey, s store.Progress) {
		t.Helper()
		if unread {
			s.Ref, s.Expires = pet, l.find(pet).Expires
		}
		l.saveProgress(key, s)
	}
	writeUnprojected := func(name string, op events.Operation) (store.IdempotencyKey, store.Result) {
		c := change(pet, name, op, l.find(pet), `{"id":"rex"}`)
		c.Record.Backend, c.Record.Unprojected, c.Idempotency.NeedsProjection = events.S3, true, true
		c.Idempotency.Outputs = store.Outputs{}
		r := l.commit(c)
		if !unread {
			l.aggregate(c.Idempotency.Key)
		}
		return c.Idempotency.Key, r
	}
	first, r1 := writeUnprojected("first", events.Post)
	second, r2 := writeUnprojected("second", events.Put)
	want(t, "open", len(l.pendingKeys(start.Add(time.Hour))), 2)

	// A slow process has projected the first version, but the record has changed since.
	saveProjected(first, store.Progress{Projected: r1.Version})
	want(t, "unprojected", l.find(pet).Unprojected, true)
	want(t, "needs a projection", l.idempotencyRecord(first).NeedsProjection, true)

	recheck := start.Add(15 * time.Minute)
	saveProjected(second, store.Progress{Projected: r2.Version, FileWrite: 1<<40 + 1, Recheck: recheck})
	record, m := l.find(pet), l.idempotencyRecord(second)
	want(t, "write of the file", record.FileWrite, 1<<40+1)
	want(t, "unprojected", record.Unprojected, false)
	want(t, "version is kept", record.Version, r2.Version)
	want(t, "needs a projection", m.NeedsProjection, false)
	want(t, "recheck", m.Recheck.Equal(recheck), true)

	saveProjected(first, store.Progress{Projected: r2.Version, FileWrite: 5})
	want(t, "write of the file", l.find(pet).FileWrite, 1<<40+1)
	want(t, "needs a projection", l.idempotencyRecord(first).NeedsProjection, false)
	l.saveProgress(second, store.Progress{Rechecked: true})
	if unread {
		l.aggregate(first, second)
	}
	want(t, "open", len(l.pendingKeys(start.Add(time.Hour))), 0)

	third, r3 := writeUnprojected("third", events.Delete)
	want(t, "tombstones are unprojected too", l.find(pet).Unprojected, true)
	want(t, "write of the file", l.find(pet).FileWrite, 0)
	saveProjected(third, store.Progress{Projected: r3.Version, FileWrite: 7})
	want(t, "unprojected", l.find(pet).Unprojected, false)
	want(t, "write of the file", l.find(pet).FileWrite, 7)
	want(t, "deleted", l.find(pet).Deleted, true)
}

func testLease(t *testing.T, h Harness) {
	l := open(t, h)
	lease := func(shard int, owner string, at, length time.Duration) bool {
		t.Helper()
		ok, err := l.Lease(ctx, shard, owner, start.Add(at), start.Add(at+length))
		if err != nil {
			t.Fatalf("lease: %v", err)
		}
		return ok
	}
	want(t, "free", lease(3, "a", 0, time.Minute), true)
	want(t, "held by another", lease(3, "b", time.Minute-time.Second, time.Minute), false)
	want(t, "another shard", lease(4, "b", 0, time.Minute), true)
	want(t, "renewed", lease(3, "a", 30*time.Second, time.Minute), true)
	want(t, "held by renewal", lease(3, "b", time.Minute, time.Minute), false)
	want(t, "ended", lease(3, "b", 90*time.Second, time.Minute), true)
	want(t, "taken over", lease(3, "a", 91*time.Second, time.Minute), false)
	want(t, "given back", lease(3, "b", 92*time.Second, 0), true)
	want(t, "free again", lease(3, "a", 92*time.Second, time.Minute), true)

	held := make([]bool, 16)
	concurrently(len(held), func(i int) {
		ok, err := l.Lease(ctx, 0, named("owner", i), start, start.Add(time.Minute))
		held[i] = ok && err == nil
	})
	owners := 0
	for _, ok := range held {
		if ok {
			owners++
		}
	}
	want(t, "owners", owners, 1)
}

func testIdempotencyRecords(t *testing.T, h Harness) {
	l := open(t, h)
	all, cursor, err := l.IdempotencyRecords(ctx, "", 10)
	if err != nil || len(all) != 0 || cursor != "" {
		t.Fatalf("idempotency records of an empty ledger: %d, %q, %v", len(all), cursor, err)
	}
	const n = 30
	for i := range n {
		l.write(ref([]string{"a", "a-b", "b"}[i%3], "petstore", named("n", i)), named("n", i), events.Post, `{"id":"x"}`)
	}
	for _, limit := range []int{1, 7, n, 100} {
		seen := map[store.IdempotencyKey]int{}
		for cursor := ""; ; {
			page, next, err := l.IdempotencyRecords(ctx, cursor, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) > limit {
				t.Fatalf("a page of %d, limit %d", len(page), limit)
			}
			for _, m := range page {
				seen[m.Key]++
			}
			if next == "" {
				break
			}
			cursor = next
			// Changes between two pages hide no idempotency record.
			l.saveProgress(page[0].Key, entryResult(0, store.EntryPublished, ""))
		}
		want(t, "idempotency records", len(seen), n)
		for key, times := range seen {
			if times != 1 {
				t.Errorf("%s was listed %d times", key.Value, times)
			}
		}
	}
}
