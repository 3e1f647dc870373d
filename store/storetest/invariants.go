package storetest

import (
	"errors"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func testAtomicity(t *testing.T, h Harness) {
	l := open(t, h)
	r := l.write(pet, "one", events.Post, `{"id":"rex","n":1}`)
	l.wantEffect(pet, "one", r, 1)
	want(t, "tokens", l.used("acme"), tokens)

	// A rejected change stores neither a record nor an idempotency record nor a bill.
	stale := change(pet, "two", events.Put, store.Record{Revision: 1}, `{"id":"rex","n":2}`)
	stale.IfVersion = "stale"
	_, err := l.Commit(ctx, stale)
	conflict, ok := errors.AsType[*store.VersionConflict](err)
	if !ok {
		t.Fatalf("a stale prior: %v, want a version conflict", err)
	}
	wantCode(t, "moved", err, fault.Unavailable)
	want(t, "the record found", conflict.Current.Version, r.Version)
	if !store.Equal(conflict.Current.Data, jsontext.Value(`{"id":"rex","n":1}`)) {
		t.Errorf("moved shows %s", conflict.Current.Data)
	}
	_, err = l.IdempotencyRecord(ctx, idempotencyKey("acme", "two"))
	wantCode(t, "the idempotency record of a rejected change", err, fault.NotFound)
	l.wantEffect(pet, "one", r, 1)
	want(t, "tokens", l.used("acme"), tokens)
	want(t, "idempotency records", len(l.idempotencyRecords()), 1)

	// The same applies if the expected record does not exist.
	none := change(ref("acme", "petstore", "gone"), "three", events.Put, store.Record{}, `{"id":"gone"}`)
	none.IfVersion = "stale"
	_, err = l.Commit(ctx, none)
	if conflict, ok = errors.AsType[*store.VersionConflict](err); !ok || conflict.Current.Version != "" || conflict.Current.Key != "gone" {
		t.Fatalf("a prior where there is no record: %v", err)
	}
	want(t, "idempotency records", len(l.idempotencyRecords()), 1)
}

// wantEffect checks that record, idempotency record and entries of a change agree.
func (l *ledger) wantEffect(r store.Ref, key string, result store.Result, revision int64) {
	l.t.Helper()
	record, m := l.find(r), l.idempotencyRecord(idempotencyKey(string(r.Tenant), key))
	want(l.t, "revision of the record", record.Revision, revision)
	want(l.t, "revision of the result", result.Revision, revision)
	want(l.t, "version of the record", record.Version, result.Version)
	want(l.t, "version of the idempotency record", m.Result.Version, result.Version)
	want(l.t, "bill", m.Bill.Tokens, tokens)
	want(l.t, "entries", len(m.Outputs.Entries), 1)
	want(l.t, "state of the entry", m.Outputs.Entries[0].State, store.EntryPending)
	if len(result.Version) == 0 || result.Time.IsZero() {
		l.t.Fatalf("result without version or time: %+v", result)
	}
}

func testRoundTrip(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "full", events.Patch, store.Record{Revision: 41}, `{"id":"rex","nested":{"list":[1,"two",null,true,{}],"empty":""}}`)
	at := start.Add(time.Hour)
	c.Record.Backend, c.Record.Unprojected, c.Record.KeyField = events.CSV, true, "name"
	c.Idempotency.Fingerprint = store.Fingerprint{0, 1, 2, 0xff}
	c.Idempotency.NeedsProjection, c.Idempotency.Recheck = true, at
	c.Idempotency.Outputs.Document = jsontext.Value(`{"id":"rex","all":"of it"}`)
	c.Idempotency.Outputs.InputEventID, c.Idempotency.Outputs.CorrelationID = "11111111-2222", `cause "quoted" é`
	c.Idempotency.Outputs.Hops, c.Idempotency.Outputs.TraceHeader = 3, "Root=1-5759e988-bd862e3fe1be46a994272793"
	c.Idempotency.Outputs.Entries = append(c.Idempotency.Outputs.Entries, store.Entry{
		Bus: "arn:aws:events:eu-west-1:111111111111:event-bus/other", Source: "theirs", DetailType: "x",
		WholeRecord: true, Metadata: true, Outcome: true, State: store.EntryFailed, Attempts: 2, Error: "MalformedDetail", Settled: at,
	})
	r := l.commit(c)

	wantRecord := *c.Record
	wantRecord.Version, wantRecord.Time = r.Version, start
	wantSame(t, "record", l.find(pet), wantRecord)

	wantIdempotency := c.Idempotency
	wantIdempotency.Result, wantIdempotency.Expires = r, start.Add(store.DefaultRetention)
	wantIdempotency.Bill.Month = "2026-11"
	got := l.idempotencyRecord(c.Idempotency.Key)
	wantIdempotency.Aggregated = got.Aggregated // a driver may aggregate in the commit
	wantSame(t, "idempotency record", got, wantIdempotency)

	refused := rejection(pet, "rejected", events.Post, fault.Invalid, "it is not so")
	refused.Idempotency.Result.Violations = []fault.Violation{{Pointer: "/a", Message: "b"}, {Pointer: "", Message: "c"}}
	r = l.commit(refused)
	wantSame(t, "result", l.idempotencyRecord(refused.Idempotency.Key).Result, r)
	wantSame(t, "rejection", r.Err(), error(&fault.Error{Code: fault.Invalid, Message: "it is not so", Violations: refused.Idempotency.Result.Violations}))
}

// wantSame compares deeply, and JSON by its meaning.
func wantSame[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if where := differ(reflect.ValueOf(got), reflect.ValueOf(want)); where != "" {
		t.Fatalf("%s differs at %s:\n got %+v\nwant %+v", what, where, got, want)
	}
}

func differ(a, b reflect.Value) string {
	if !a.IsValid() || !b.IsValid() {
		if a.IsValid() != b.IsValid() {
			return "(nil)"
		}
		return ""
	}
	switch va := a.Interface().(type) {
	case jsontext.Value:
		if vb := b.Interface().(jsontext.Value); (len(va) > 0 || len(vb) > 0) && !store.Equal(va, vb) {
			return "(json)"
		}
		return ""
	case time.Time:
		if !va.Equal(b.Interface().(time.Time)) {
			return "(time)"
		}
		return ""
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		return differ(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if where := differ(a.Field(i), b.Field(i)); where != "" {
				return a.Type().Field(i).Name + "." + where
			}
		}
		return ""
	case reflect.Slice:
		if a.Len() != b.Len() {
			return "(len)"
		}
		for i := range a.Len() {
			if where := differ(a.Index(i), b.Index(i)); where != "" {
				return where
			}
		}
		return ""
	}
	if !a.Equal(b) {
		return "(value)"
	}
	return ""
}

func testRedelivery(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "one", events.Post, store.Record{}, `{"id":"rex","n":1}`)
	first := l.commit(c)
	want(t, "replayed the first time", first.Replayed, false)
	l.write(pet, "two", events.Put, `{"id":"rex","n":2}`)
	l.clock.advance(time.Hour)

	again := l.commit(c)
	want(t, "replayed", again.Replayed, true)
	again.Replayed = false
	wantSame(t, "result", again, first)
	record := l.find(pet)
	want(t, "revision", record.Revision, 2)
	if !store.Equal(record.Data, jsontext.Value(`{"id":"rex","n":2}`)) {
		t.Fatalf("the redelivery changed the record to %s", record.Data)
	}
	want(t, "tokens", l.used("acme"), 2*tokens)
	want(t, "idempotency records", len(l.idempotencyRecords()), 2)

	got, found, err := l.StoredResult(ctx, c.Idempotency.Key, c.Idempotency.Fingerprint, nil)
	if err != nil || !found || !got.Replayed || got.Version != first.Version {
		t.Fatalf("stored result: %+v, %v, %v", got, found, err)
	}
	_, found, err = l.StoredResult(ctx, idempotencyKey("acme", "never"), c.Idempotency.Fingerprint, nil)
	if found || err != nil {
		t.Fatalf("result of a key that was never used: %v, %v", found, err)
	}
}

func testConcurrentSenders(t *testing.T, h Harness) {
	l := open(t, h)
	const senders = 32
	var fresh atomic.Int64
	results := make([]store.Result, senders)
	concurrently(senders, func(i int) {
		r, err := l.Commit(ctx, change(pet, "one", events.Post, store.Record{}, `{"id":"rex"}`))
		if err != nil {
			t.Errorf("sender %d: %v", i, err)
		}
		if !r.Replayed {
			fresh.Add(1)
		}
		results[i] = r
	})
	want(t, "results that are not replays", fresh.Load(), 1)
	for i := range results {
		want(t, "version", results[i].Version, results[0].Version)
	}
	l.wantEffect(pet, "one", results[0], 1)
	want(t, "tokens", l.used("acme"), tokens)
	want(t, "idempotency records", len(l.idempotencyRecords()), 1)
}

func testStoredRejections(t *testing.T, h Harness) {
	l := open(t, h)
	c := rejection(pet, "early", events.Put, fault.NotFound, "the record does not exist")
	first := l.commit(c)
	wantCode(t, "rejection", first.Err(), fault.NotFound)
	l.write(pet, "post", events.Post, `{"id":"rex","n":1}`)

	// The PUT would succeed now, but its stored result is returned.
	again := l.commit(change(pet, "early", events.Put, l.find(pet), `{"id":"rex","n":2}`))
	want(t, "replayed", again.Replayed, true)
	wantCode(t, "rejection, again", again.Err(), fault.NotFound)
	want(t, "message", again.Message, "the record does not exist")
	want(t, "revision", l.find(pet).Revision, 1)
	want(t, "tokens", l.used("acme"), tokens)
}

func testStoredResultFirst(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "one", events.Post, store.Record{}, `{"id":"rex"}`)
	c.TokenLimit = tokens
	first := l.commit(c)

	// The record exists now and the limit is used up, but the stored result is returned.
	again := l.commit(c)
	want(t, "replayed", again.Replayed, true)
	want(t, "version", again.Version, first.Version)

	// Without a stored result, the version is checked before the limit.
	c.Idempotency.Key = idempotencyKey("acme", "two")
	_, err := l.Commit(ctx, c)
	if _, ok := errors.AsType[*store.VersionConflict](err); !ok {
		t.Fatalf("taken and exhausted: %v, want a version conflict", err)
	}
	c.IfVersion = first.Version
	_, err = l.Commit(ctx, c)
	wantCode(t, "exhausted", err, fault.Exhausted)
	want(t, "revision", l.find(pet).Revision, 1)
}

func testFingerprint(t *testing.T, h Harness) {
	l := open(t, h)
	first := l.write(pet, "one", events.Post, `{"id":"rex","n":1}`)
	other := change(pet, "one", events.Put, l.find(pet), `{"id":"rex","n":2}`)
	other.Idempotency.Fingerprint = store.Fingerprint{2}
	_, err := l.Commit(ctx, other)
	wantCode(t, "another request", err, fault.Conflict)
	_, _, err = l.StoredResult(ctx, other.Idempotency.Key, other.Idempotency.Fingerprint, nil)
	wantCode(t, "the result of another request", err, fault.Conflict)
	l.wantEffect(pet, "one", first, 1)
	want(t, "tokens", l.used("acme"), tokens)
}

func testConcurrentWriters(t *testing.T, h Harness) {
	l := open(t, h)
	l.write(pet, "start", events.Post, `{"id":"rex"}`)
	const writers = 16
	for round := range 3 {
		prior := l.find(pet)
		versions := make([]store.Version, writers)
		seen := make([]store.Version, writers)
		concurrently(writers, func(i int) {
			r, err := l.Commit(ctx, change(pet, named("writer", round*writers+i), events.Put, prior, `{"id":"rex","by":`+named("1", i)+`}`))
			if conflict, ok := errors.AsType[*store.VersionConflict](err); ok {
				seen[i] = conflict.Current.Version
			} else if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
			versions[i] = r.Version
		})
		record := l.find(pet)
		winners := 0
		for i := range writers {
			if versions[i] != "" {
				winners++
				want(t, "version of the winner", record.Version, versions[i])
			} else {
				want(t, "version returned to the others", seen[i], record.Version)
			}
		}
		want(t, "winners", winners, 1)
		want(t, "revision", record.Revision, prior.Revision+1)
		want(t, "tokens", l.used("acme"), int64(round+2)*tokens)
	}
}

func testRecreate(t *testing.T, h Harness) {
	l := open(t, h)
	first := l.write(pet, "post", events.Post, `{"id":"rex"}`)
	gone := l.write(pet, "delete", events.Delete, "")
	tombstone := l.find(pet)
	want(t, "deleted", tombstone.Deleted, true)
	want(t, "revision of the tombstone", tombstone.Revision, 2)
	want(t, "data of the tombstone", len(tombstone.Data), 0)
	want(t, "expiry of the tombstone", tombstone.Expires.Equal(start.Add(store.DefaultRetention)), true)

	// The expected version "" does not match a tombstone.
	_, err := l.Commit(ctx, change(pet, "blind", events.Post, store.Record{}, `{"id":"rex"}`))
	conflict, ok := errors.AsType[*store.VersionConflict](err)
	if !ok || conflict.Current.Version != gone.Version || !conflict.Current.Deleted {
		t.Fatalf("a create that does not know of the tombstone: %v", err)
	}
	again := l.write(pet, "again", events.Post, `{"id":"rex","new":true}`)
	want(t, "revision goes on", again.Revision, 3)
	want(t, "expiry of a record", l.find(pet).Expires.IsZero(), true)

	// A writer that has read the first record must not change the new one.
	for name, version := range map[string]store.Version{"first": first.Version, "deleted": gone.Version} {
		stale := change(pet, "stale-"+name, events.Patch, store.Record{Version: version, Revision: 1}, `{"id":"rex","old":true}`)
		_, err = l.Commit(ctx, stale)
		if conflict, ok = errors.AsType[*store.VersionConflict](err); !ok || conflict.Current.Version != again.Version {
			t.Fatalf("stale prior (%s): %v", name, err)
		}
	}
}

func testAliasing(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "one", events.Post, store.Record{}, `{"id":"rex"}`)
	l.commit(c)
	for i := range c.Record.Data {
		c.Record.Data[i] = 'x'
		c.Idempotency.Outputs.Payload[i] = 'x'
	}
	c.Idempotency.Outputs.Entries[0].State = store.EntryDropped
	record, m := l.find(pet), l.idempotencyRecord(c.Idempotency.Key)
	for i := range record.Data {
		record.Data[i] = 'y'
	}
	m.Outputs.Entries[0].State = store.EntryFailed
	record, m = l.find(pet), l.idempotencyRecord(c.Idempotency.Key)
	if !store.Equal(record.Data, jsontext.Value(`{"id":"rex"}`)) || !store.Equal(m.Outputs.Payload, jsontext.Value(`{"id":"rex"}`)) {
		t.Fatalf("the record is now %s, the payload %s", record.Data, m.Outputs.Payload)
	}
	want(t, "state of the entry", m.Outputs.Entries[0].State, store.EntryPending)
}
