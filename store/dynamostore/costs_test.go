package dynamostore

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// TestCosts checks the calls and capacity units of an event by operation, as counted
// by DynamoDB Local, which counts an update in a transaction once. Each item is below 1 KB: a transaction needs 2 write units each
// for the idempotency record, its entry in the index, and the record; a strongly
// consistent read needs one unit.
func TestCosts(t *testing.T) {
	w := &wire{}
	l := newLedger(t, nil, w.use)
	ref := newChange("p1", "", `{}`).Record.Ref

	var last *store.Change
	post := func(t *testing.T) {
		last = newChange("p1", "post", `{"id":"p1","name":"Rex"}`)
		commit(t, l, last)
	}
	// change does what the router does for an operation on a record that exists.
	change := func(id string, op events.Operation) func(*testing.T) {
		return func(t *testing.T) {
			h, err := l.Record(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			c := newChange("p1", id, `{"id":"p1","name":"Max"}`)
			c.IfVersion, c.Record.Revision, c.Idempotency.Result.Operation = h.Version, h.Revision+1, op
			if op == events.Delete {
				c.Record.Deleted, c.Record.Data, c.Record.Expires = true, nil, c.Idempotency.Expires
			}
			commit(t, l, c)
			last = c
		}
	}
	saveProgress := func(t *testing.T) {
		s := store.Progress{Entries: []store.EntryResult{{State: store.EntryPublished, Time: now()}}}
		if err := l.SaveProgress(t.Context(), last.Idempotency.Key, s); err != nil {
			t.Fatal(err)
		}
	}
	redeliver := func(t *testing.T) {
		if r := commit(t, l, last); !r.Replayed {
			t.Error("not a redelivery")
		}
	}
	// project does what the router does after the object was written.
	project := func(t *testing.T) {
		h := last.Record
		s := store.Progress{
			Entries:   []store.EntryResult{{State: store.EntryPublished, Time: now()}},
			Projected: h.Version, Ref: h.Ref, Expires: h.Expires, FileWrite: 3, Recheck: now().Add(time.Hour),
		}
		if err := l.SaveProgress(t.Context(), last.Idempotency.Key, s); err != nil {
			t.Fatal(err)
		}
	}
	projectedPost := func(t *testing.T) {
		last = newChange("p2", "projected", `{"id":"p2","name":"Rex"}`)
		last.Record.Backend, last.Record.Unprojected, last.Idempotency.NeedsProjection = events.S3, true, true
		commit(t, l, last)
	}
	limited := func(id string) func(*testing.T) {
		return func(t *testing.T) {
			c := newChange(events.RecordKey(id), id, `{}`)
			c.TokenLimit = 1000
			commit(t, l, c)
		}
	}
	for _, test := range []struct {
		name  string
		do    func(*testing.T)
		calls string
		units float64
	}{
		{"POST", post, "TransactWriteItems", 6},
		{"POST, again", redeliver, "TransactWriteItems", 0},
		{"save progress", saveProgress, "UpdateItem", 1},
		{"PUT", change("put", events.Put), "GetItem TransactWriteItems", 7},
		{"PATCH", change("patch", events.Patch), "GetItem TransactWriteItems", 7},
		{"DELETE", change("delete", events.Delete), "GetItem TransactWriteItems", 7},
		{"DELETE, again", redeliver, "TransactWriteItems", 0},
		{"POST, s3 or csv", projectedPost, "TransactWriteItems", 6},
		{"save progress, s3 or csv", project, "TransactWriteItems", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.reset()
			test.do(t)
			if got := w.names(); got != test.calls {
				t.Errorf("calls %s, want %s", got, test.calls)
			}
			if got := w.units(); got != test.units {
				t.Errorf("%v capacity units, want %v", got, test.units)
			}
			t.Logf("cost: %s: %s, %v units", test.name, w.names(), w.units()) // for make bench
		})
	}

	limited("first")(t) // adds the counter
	w.reset()
	limited("second")(t)
	if got := w.names(); got != "TransactWriteItems" {
		t.Errorf("a tenant with a limit: calls %s, want one transaction", got)
	}
}

// event is one whose envelope has some 600 bytes.
const event = `{"id":"3f6f5d2e-6f0e-4a0c-9b43-5d9d5d0c7a11","name":"Rex","species":"dog","age":7,"weight":31.5,` +
	`"vaccinated":true,"owner":{"name":"Ada Lovelace","email":"ada@example.com","phone":null},"tags":["friendly","brown"]}`

func BenchmarkRequest(b *testing.B) {
	l := New(newOfflineClient(), "t", nil)
	c := newChange("3f6f5d2e-6f0e-4a0c-9b43-5d9d5d0c7a11", "e1", event)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.writes(c, uncounted); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValue(b *testing.B) {
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parseValue(jsontext.Value(event)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		v, err := parseValue(jsontext.Value(event))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := appendValue(nil, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
