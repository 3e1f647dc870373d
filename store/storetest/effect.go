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

	// Refused: neither record nor mark nor bill.
	stale := change(pet, "two", events.Put, store.Head{Revision: 1}, `{"id":"rex","n":2}`)
	stale.Prior = "stale"
	_, err := l.Commit(ctx, stale)
	moved, ok := errors.AsType[*store.Moved](err)
	if !ok {
		t.Fatalf("a stale prior: %v, want *store.Moved", err)
	}
	wantCode(t, "moved", err, fault.Unavailable)
	want(t, "the head found", moved.Head.Stamp, r.Stamp)
	if !store.Equal(moved.Head.Data, jsontext.Value(`{"id":"rex","n":1}`)) {
		t.Errorf("moved shows %s", moved.Head.Data)
	}
	_, err = l.Mark(ctx, idem("acme", "two"))
	wantCode(t, "the mark of a refused change", err, fault.NotFound)
	l.wantEffect(pet, "one", r, 1)
	want(t, "tokens", l.used("acme"), tokens)
	want(t, "marks", len(l.marks()), 1)

	// No head where one is expected: the same.
	none := change(ref("acme", "petstore", "gone"), "three", events.Put, store.Head{}, `{"id":"gone"}`)
	none.Prior = "stale"
	_, err = l.Commit(ctx, none)
	if moved, ok = errors.AsType[*store.Moved](err); !ok || moved.Head.Stamp != "" || moved.Head.Key != "gone" {
		t.Fatalf("a prior where there is no head: %v", err)
	}
	want(t, "marks", len(l.marks()), 1)
}

// wantEffect checks that record, mark and entries of a change say the same.
func (l *ledger) wantEffect(r store.Ref, key string, receipt store.Receipt, revision int64) {
	l.t.Helper()
	head, m := l.find(r), l.mark(idem(string(r.Tenant), key))
	want(l.t, "revision of the head", head.Revision, revision)
	want(l.t, "revision of the receipt", receipt.Revision, revision)
	want(l.t, "stamp of the head", head.Stamp, receipt.Stamp)
	want(l.t, "stamp of the mark", m.Receipt.Stamp, receipt.Stamp)
	want(l.t, "bill", m.Bill.Tokens, tokens)
	want(l.t, "entries", len(m.Outputs.Entries), 1)
	want(l.t, "state of the entry", m.Outputs.Entries[0].State, store.EntryPending)
	if len(receipt.Stamp) == 0 || receipt.Time.IsZero() {
		l.t.Fatalf("receipt without stamp or time: %+v", receipt)
	}
}

func testRoundTrip(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "full", events.Patch, store.Head{Revision: 41}, `{"id":"rex","nested":{"list":[1,"two",null,true,{}],"empty":""}}`)
	at := start.Add(time.Hour)
	c.Head.Backend, c.Head.Dirty, c.Head.KeyField = events.CSV, true, "name"
	c.Mark.Fingerprint = store.Fingerprint{0, 1, 2, 0xff}
	c.Mark.Project, c.Mark.Recheck = true, at
	c.Mark.Outputs.Record = jsontext.Value(`{"id":"rex","all":"of it"}`)
	c.Mark.Outputs.InputEventID, c.Mark.Outputs.CorrelationID = "11111111-2222", `cause "quoted" é`
	c.Mark.Outputs.Hops, c.Mark.Outputs.TraceHeader = 3, "Root=1-5759e988-bd862e3fe1be46a994272793"
	c.Mark.Outputs.Entries = append(c.Mark.Outputs.Entries, store.Entry{
		Bus: "arn:aws:events:eu-west-1:111111111111:event-bus/other", Source: "theirs", DetailType: "x",
		Record: true, Metadata: true, Outcome: true, State: store.EntryFailed, Attempts: 2, Error: "MalformedDetail", Settled: at,
	})
	r := l.commit(c)

	wantHead := *c.Head
	wantHead.Stamp, wantHead.Time = r.Stamp, start
	wantSame(t, "head", l.find(pet), wantHead)

	wantMark := c.Mark
	wantMark.Receipt, wantMark.Expires = r, start.Add(store.DefaultMarkAge)
	wantMark.Bill.Month = "2026-11"
	got := l.mark(c.Mark.Key)
	wantMark.Folded = got.Folded // a driver may fold at once
	wantSame(t, "mark", got, wantMark)

	refused := rejection(pet, "refused", events.Post, fault.Invalid, "it is not so")
	refused.Mark.Receipt.Violations = []fault.Violation{{Pointer: "/a", Message: "b"}, {Pointer: "", Message: "c"}}
	r = l.commit(refused)
	wantSame(t, "receipt", l.mark(refused.Mark.Key).Receipt, r)
	wantSame(t, "rejection", r.Err(), error(&fault.Error{Code: fault.Invalid, Message: "it is not so", Violations: refused.Mark.Receipt.Violations}))
}

// wantSame compares deeply, JSON by what it says.
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
	c := change(pet, "one", events.Post, store.Head{}, `{"id":"rex","n":1}`)
	first := l.commit(c)
	want(t, "replayed the first time", first.Replayed, false)
	l.write(pet, "two", events.Put, `{"id":"rex","n":2}`)
	l.clock.advance(time.Hour)

	again := l.commit(c)
	want(t, "replayed", again.Replayed, true)
	again.Replayed = false
	wantSame(t, "receipt", again, first)
	head := l.find(pet)
	want(t, "revision", head.Revision, 2)
	if !store.Equal(head.Data, jsontext.Value(`{"id":"rex","n":2}`)) {
		t.Fatalf("the redelivery changed the record to %s", head.Data)
	}
	want(t, "tokens", l.used("acme"), 2*tokens)
	want(t, "marks", len(l.marks()), 2)

	got, found, err := l.Receipt(ctx, c.Mark.Key, c.Mark.Fingerprint, nil)
	if err != nil || !found || !got.Replayed || got.Stamp != first.Stamp {
		t.Fatalf("stored receipt: %+v, %v, %v", got, found, err)
	}
	_, found, err = l.Receipt(ctx, idem("acme", "never"), c.Mark.Fingerprint, nil)
	if found || err != nil {
		t.Fatalf("receipt of a key that was never used: %v, %v", found, err)
	}
}

func testSendersAtOnce(t *testing.T, h Harness) {
	l := open(t, h)
	const senders = 32
	var fresh atomic.Int64
	receipts := make([]store.Receipt, senders)
	every(senders, func(i int) {
		r, err := l.Commit(ctx, change(pet, "one", events.Post, store.Head{}, `{"id":"rex"}`))
		if err != nil {
			t.Errorf("sender %d: %v", i, err)
		}
		if !r.Replayed {
			fresh.Add(1)
		}
		receipts[i] = r
	})
	want(t, "senders that were first", fresh.Load(), 1)
	for i := range receipts {
		want(t, "stamp", receipts[i].Stamp, receipts[0].Stamp)
	}
	l.wantEffect(pet, "one", receipts[0], 1)
	want(t, "tokens", l.used("acme"), tokens)
	want(t, "marks", len(l.marks()), 1)
}

func testMarkedRejections(t *testing.T, h Harness) {
	l := open(t, h)
	c := rejection(pet, "early", events.Put, fault.NotFound, "the record does not exist")
	first := l.commit(c)
	wantCode(t, "rejection", first.Err(), fault.NotFound)
	l.write(pet, "post", events.Post, `{"id":"rex","n":1}`)

	// By now the PUT would succeed; but it has been answered.
	again := l.commit(change(pet, "early", events.Put, l.find(pet), `{"id":"rex","n":2}`))
	want(t, "replayed", again.Replayed, true)
	wantCode(t, "rejection, again", again.Err(), fault.NotFound)
	want(t, "message", again.Message, "the record does not exist")
	want(t, "revision", l.find(pet).Revision, 1)
	want(t, "tokens", l.used("acme"), tokens)
}

func testMarkWins(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "one", events.Post, store.Head{}, `{"id":"rex"}`)
	c.TokenLimit = tokens
	first := l.commit(c)

	// The record is taken now, and the limit used up: the mark knows better.
	again := l.commit(c)
	want(t, "replayed", again.Replayed, true)
	want(t, "stamp", again.Stamp, first.Stamp)

	// Without a mark the record decides before the limit.
	c.Mark.Key = idem("acme", "two")
	_, err := l.Commit(ctx, c)
	if _, ok := errors.AsType[*store.Moved](err); !ok {
		t.Fatalf("taken and exhausted: %v, want *store.Moved", err)
	}
	c.Prior = first.Stamp
	_, err = l.Commit(ctx, c)
	wantCode(t, "exhausted", err, fault.Exhausted)
	want(t, "revision", l.find(pet).Revision, 1)
}

func testFingerprint(t *testing.T, h Harness) {
	l := open(t, h)
	first := l.write(pet, "one", events.Post, `{"id":"rex","n":1}`)
	other := change(pet, "one", events.Put, l.find(pet), `{"id":"rex","n":2}`)
	other.Mark.Fingerprint = store.Fingerprint{2}
	_, err := l.Commit(ctx, other)
	wantCode(t, "another request", err, fault.Conflict)
	_, _, err = l.Receipt(ctx, other.Mark.Key, other.Mark.Fingerprint, nil)
	wantCode(t, "the receipt of another request", err, fault.Conflict)
	l.wantEffect(pet, "one", first, 1)
	want(t, "tokens", l.used("acme"), tokens)
}

func testRivals(t *testing.T, h Harness) {
	l := open(t, h)
	l.write(pet, "start", events.Post, `{"id":"rex"}`)
	const rivals = 16
	for round := range 3 {
		prior := l.find(pet)
		stamps := make([]store.Stamp, rivals)
		seen := make([]store.Stamp, rivals)
		every(rivals, func(i int) {
			r, err := l.Commit(ctx, change(pet, named("rival", round*rivals+i), events.Put, prior, `{"id":"rex","by":`+named("1", i)+`}`))
			if moved, ok := errors.AsType[*store.Moved](err); ok {
				seen[i] = moved.Head.Stamp
			} else if err != nil {
				t.Errorf("rival %d: %v", i, err)
			}
			stamps[i] = r.Stamp
		})
		head := l.find(pet)
		winners := 0
		for i := range rivals {
			if stamps[i] != "" {
				winners++
				want(t, "stamp of the winner", head.Stamp, stamps[i])
			} else {
				want(t, "stamp that a loser was shown", seen[i], head.Stamp)
			}
		}
		want(t, "winners", winners, 1)
		want(t, "revision", head.Revision, prior.Revision+1)
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
	want(t, "expiry of the tombstone", tombstone.Expires.Equal(start.Add(store.DefaultMarkAge)), true)

	// Not even a tombstone may be there for a prior of "".
	_, err := l.Commit(ctx, change(pet, "blind", events.Post, store.Head{}, `{"id":"rex"}`))
	moved, ok := errors.AsType[*store.Moved](err)
	if !ok || moved.Head.Stamp != gone.Stamp || !moved.Head.Deleted {
		t.Fatalf("a create that does not know of the tombstone: %v", err)
	}
	again := l.write(pet, "again", events.Post, `{"id":"rex","new":true}`)
	want(t, "revision goes on", again.Revision, 3)
	want(t, "expiry of a record", l.find(pet).Expires.IsZero(), true)

	// A writer who still thinks of the first record must not hit the new one.
	for name, stamp := range map[string]store.Stamp{"first": first.Stamp, "deleted": gone.Stamp} {
		stale := change(pet, "stale-"+name, events.Patch, store.Head{Stamp: stamp, Revision: 1}, `{"id":"rex","old":true}`)
		_, err = l.Commit(ctx, stale)
		if moved, ok = errors.AsType[*store.Moved](err); !ok || moved.Head.Stamp != again.Stamp {
			t.Fatalf("stale prior (%s): %v", name, err)
		}
	}
}

func testAliasing(t *testing.T, h Harness) {
	l := open(t, h)
	c := change(pet, "one", events.Post, store.Head{}, `{"id":"rex"}`)
	l.commit(c)
	for i := range c.Head.Data {
		c.Head.Data[i] = 'x'
		c.Mark.Outputs.Payload[i] = 'x'
	}
	c.Mark.Outputs.Entries[0].State = store.EntryDropped
	head, m := l.find(pet), l.mark(c.Mark.Key)
	for i := range head.Data {
		head.Data[i] = 'y'
	}
	m.Outputs.Entries[0].State = store.EntryFailed
	head, m = l.find(pet), l.mark(c.Mark.Key)
	if !store.Equal(head.Data, jsontext.Value(`{"id":"rex"}`)) || !store.Equal(m.Outputs.Payload, jsontext.Value(`{"id":"rex"}`)) {
		t.Fatalf("the record is now %s, the payload %s", head.Data, m.Outputs.Payload)
	}
	want(t, "state of the entry", m.Outputs.Entries[0].State, store.EntryPending)
}
