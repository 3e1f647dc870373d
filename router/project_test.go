package router_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/projection/s3object"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// lifetime is that of an invocation in these tests.
const lifetime = 40 * time.Second

const invocation = 40 * time.Second // older than any invocation can be

// A bucket that can be down, and counts its calls.
type bucket struct {
	*blob.Memory
	down  bool
	calls atomic.Int64
}

func (b *bucket) ask() error {
	b.calls.Add(1)
	if b.down {
		return fault.Errorf(fault.Unavailable, "the bucket is down")
	}
	return nil
}

func (b *bucket) Get(ctx context.Context, key string, known blob.ETag) (blob.Object, error) {
	if err := b.ask(); err != nil {
		return blob.Object{}, err
	}
	return b.Memory.Get(ctx, key, known)
}

func (b *bucket) Put(ctx context.Context, key string, data []byte, metadata map[string]string, c blob.Condition) (blob.ETag, error) {
	if err := b.ask(); err != nil {
		return "", err
	}
	return b.Memory.Put(ctx, key, data, metadata, c)
}

func (b *bucket) Delete(ctx context.Context, key string, c blob.Condition) error {
	if err := b.ask(); err != nil {
		return err
	}
	return b.Memory.Delete(ctx, key, c)
}

// A shownHouse is a house whose records are shown in a bucket.
type shownHouse struct {
	*house
	bucket  *bucket
	backend events.Backend
}

func newShownHouse(t *testing.T, b events.Backend) *shownHouse {
	h := &shownHouse{house: newHouse(t), bucket: &bucket{Memory: blob.NewMemory()}, backend: b}
	h.file("acme/pet.json", strings.Replace(petSchema, `{`, fmt.Sprintf(`{"meta":{"backend":%q},`, b), 1))
	directory := tenant.NewCatalog(h.files, &tenant.CatalogOptions{Clock: h.clock.Now, Report: func(f diag.Diagnostic) { t.Log(f) }})
	h.store = projection.New(store.New(h.ledger, &store.Options{Clock: h.clock.Now}), &projection.Options{
		Backoff: func(int) time.Duration { return 0 },
		ByBackend: map[events.Backend]projection.Projection{
			events.S3: s3object.New(h.bucket), events.CSV: csvfile.New(h.bucket),
		},
		Layout: func(ctx context.Context, c store.Collection) (projection.Layout, error) {
			s, err := directory.Schema(ctx, c.Tenant, c.Schema)
			if err != nil {
				return projection.Layout{}, err
			}
			return projection.Layout{Backend: s.Backend, KeyField: s.KeyField, IntegerKey: s.IntegerKey, Columns: s.Columns, HideKey: !s.LogKey}, nil
		},
		Lifetime: lifetime,
	})
	h.wire()
	return h
}

// drain runs the relay, a minute later.
func (h *house) drain() outbox.RelayStats {
	h.t.Helper()
	if h.catchUp != nil {
		h.catchUp()
	}
	h.clock.advance(time.Minute)
	d, err := h.relay.Run(h.t.Context(), invocation)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// object is the name of what shows the record.
func (h *shownHouse) object(key string) string {
	if h.backend == events.CSV {
		return "data/acme/pet.csv"
	}
	return "data/acme/pet/" + key + ".json"
}

// shown is the text of what shows the record; "" where there is nothing.
func (h *shownHouse) shown(key string) string {
	h.t.Helper()
	o, err := h.bucket.Memory.Get(h.t.Context(), h.object(key), "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		h.t.Fatal(err)
	}
	return string(o.Data)
}

// edit changes what shows the record as a person would.
func (h *shownHouse) edit(key, from, to string) {
	h.t.Helper()
	text := h.shown(key)
	if !strings.Contains(text, from) {
		h.t.Fatalf("%s does not hold %s:\n%s", h.object(key), from, text)
	}
	if _, err := h.bucket.Memory.Put(h.t.Context(), h.object(key), []byte(strings.Replace(text, from, to, 1)), nil, blob.Condition{}); err != nil {
		h.t.Fatal(err)
	}
}

// open counts the marks that the relay has something left to do for.
func (h *shownHouse) open() (n int) {
	h.t.Helper()
	marks, _, err := h.store.IdempotencyRecords(h.t.Context(), "", 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range marks {
		if m.HasPendingWork() {
			n++
		}
	}
	return n
}

func onEachBackend(t *testing.T, test func(*testing.T, *shownHouse)) {
	for _, b := range []events.Backend{events.S3, events.CSV} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			test(t, newShownHouse(t, b))
		})
	}
}

func TestObjectsFollowEveryOperation(t *testing.T) {
	onEachBackend(t, func(t *testing.T, h *shownHouse) {
		for _, step := range []struct{ operation, payload, shows string }{
			{"POST", `{"id":"rex","name":"Rex"}`, "Rex"},
			{"PUT", `{"id":"rex","name":"Max"}`, "Max"},
			{"PATCH", `{"id":"rex","age":7}`, "7"},
			{"DELETE", `{"id":"rex"}`, ""},
			{"POST", `{"id":"rex","name":"Bo"}`, "Bo"},
		} {
			_, report, err := h.send(put{operation: step.operation, payload: step.payload})
			if err != nil || report.Published.Err != nil || report.Published.Published != 1 {
				t.Fatalf("%s: %+v, %v", step.operation, report.Published, err)
			}
			text := h.shown("rex")
			if step.shows == "" && strings.Contains(text, "Max") || !strings.Contains(text, step.shows) {
				t.Errorf("after %s it shows:\n%s", step.operation, text)
			}
			if head, _ := h.head("acme", "rex"); head.Unprojected {
				t.Errorf("after %s the head is dirty", step.operation)
			}
		}
		d := h.drain()
		if d.Aggregated != 5 || d.Rechecked != 5 || d.Projected != 0 || h.open() != 0 {
			t.Errorf("%+v, %d marks are open", d, h.open())
		}
		if !strings.Contains(h.shown("rex"), "Bo") {
			t.Errorf("after the recheck it shows:\n%s", h.shown("rex"))
		}
	})
}

// TestWithoutOutputsObjectsFollow: no entry, no publishing, and yet the object.
func TestWithoutOutputsObjectsFollow(t *testing.T) {
	onEachBackend(t, func(t *testing.T, h *shownHouse) {
		h.settings("acme", "eventbridge-input=true\n")
		h.must(put{payload: `{"id":"rex","name":"Rex"}`})
		if !strings.Contains(h.shown("rex"), "Rex") || len(h.sender.take()) != 0 {
			t.Errorf("it shows:\n%s", h.shown("rex"))
		}
		h.drain()
		if h.open() != 0 {
			t.Errorf("%d marks are open", h.open())
		}
	})
}

func TestABucketThatIsDownIsMadeUpFor(t *testing.T) {
	onEachBackend(t, func(t *testing.T, h *shownHouse) {
		h.must(put{payload: `{"id":"rex","name":"Rex"}`})
		h.sender.take()
		prior := h.shown("rex")
		// It fails between commit and projection: what comes before must read.
		h.failing = func(op string) error {
			if op == "commit:before" {
				h.bucket.down = true
			}
			return nil
		}
		receipt, report, err := h.send(put{operation: "PUT", payload: `{"id":"rex","name":"Max"}`})
		if err != nil || receipt.Revision != 2 || report.Published.Err == nil || report.Published.Published != 1 {
			t.Fatalf("%+v, %+v, %v", receipt, report.Published, err)
		}
		h.failing = nil
		if h.shown("rex") != prior || !strings.Contains(h.data("rex"), "Max") {
			t.Errorf("the dirty head does not answer itself: %s\n%s", h.data("rex"), h.shown("rex"))
		}
		h.clock.advance(time.Second)
		if _, err := h.relay.Run(t.Context(), 0); err == nil {
			t.Error("the relay does not say that the bucket is down")
		}
		h.bucket.down = false

		h.clock.advance(time.Minute)
		d, err := h.relay.Run(t.Context(), invocation)
		if err != nil || d.Projected != 1 || !strings.Contains(h.shown("rex"), "Max") {
			t.Errorf("%+v, %v, it shows:\n%s", d, err, h.shown("rex"))
		}
		h.drain()
		if h.open() != 0 {
			t.Errorf("%d marks are open", h.open())
		}
	})
}

// TestARedeliveryProjects: it publishes nothing anew, and mends the object; that
// of a DELETE too, which finds no record any more.
func TestARedeliveryProjects(t *testing.T) {
	onEachBackend(t, func(t *testing.T, h *shownHouse) {
		for i, step := range []struct{ operation, payload, shows string }{
			{"POST", `{"id":"rex","name":"Rex"}`, "Rex"}, {"DELETE", `{"id":"rex"}`, ""},
		} {
			p := put{id: fmt.Sprint("e", i), operation: step.operation, payload: step.payload, time: h.clock.Now().Format(time.RFC3339)}
			h.failing = func(op string) error {
				if op == "commit:after" {
					h.bucket.down = true
				}
				return nil
			}
			if _, report, err := h.send(p); err != nil || report.Published.Err == nil {
				t.Fatalf("%+v, %v", report.Published, err)
			}
			h.failing, h.bucket.down = nil, false
			h.sender.take()
			receipt, report, err := h.send(p)
			if err != nil || !receipt.Replayed || report.Published.Err != nil || len(h.sender.take()) != 0 {
				t.Fatalf("%+v, %+v, %v", receipt, report.Published, err)
			}
			if text := h.shown("rex"); !strings.Contains(text, step.shows) || step.shows == "" && strings.Contains(text, "Rex") {
				t.Errorf("after the redelivered %s it shows:\n%s", step.operation, text)
			}
			if head, _ := h.head("acme", "rex"); head.Unprojected {
				t.Errorf("after the redelivered %s the head is dirty", step.operation)
			}
		}
	})
}

// TestObjectsThatCannotBeMended: they do not keep the relay from ending, nor
// others from being served, however many there are.
func TestObjectsThatCannotBeMended(t *testing.T) {
	h := newShownHouse(t, events.CSV)
	h.must(put{payload: `{"id":"rex","name":"Rex"}`})
	h.drain()
	h.failing = func(op string) error {
		if op == "commit:before" {
			h.bucket.down = true
		} else if op == "saveprogress:after" {
			h.bucket.down = false
		}
		return nil
	}
	const n = 2500 // more than a page in each shard
	for i := range n {
		_, _, err := h.send(put{payload: fmt.Sprintf(`{"id":"p%d","name":"P"}`, i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	h.failing, h.bucket.down = nil, true
	h.clock.advance(time.Minute)
	d, err := h.relay.Run(t.Context(), invocation)
	if err == nil || d.Records != n || d.Aggregated != n || d.Projected != 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	h.bucket.down = false
	if d := h.drain(); d.Projected != n {
		t.Fatalf("%+v", d)
	}
	if got := strings.Count(h.shown("rex"), "\n"); got != n+2 {
		t.Errorf("%d lines", got)
	}

	// Nor do those that wait for their recheck stand in the way of younger ones.
	const younger = 50
	for range younger {
		h.must(put{})
	}
	h.clock.advance(30 * time.Second)
	if d, err := h.relay.Run(t.Context(), 0); err != nil || d.Aggregated != younger || d.Rechecked != 0 || d.Lag != 30*time.Second {
		t.Errorf("%+v, %v", d, err)
	}
	h.clock.advance(30 * time.Second)
	if d, err := h.relay.Run(t.Context(), 0); err != nil || d.Rechecked != n+younger || d.Lag != 20*time.Second || h.open() != 0 {
		t.Errorf("%+v, %v, %d marks are open", d, err, h.open())
	}
}

// TestWhatAPersonChangesIsReadBack: it is the record, for reads and for changes.
func TestWhatAPersonChangesIsReadBack(t *testing.T) {
	onEachBackend(t, func(t *testing.T, h *shownHouse) {
		h.must(put{payload: `{"id":"rex","name":"Rex"}`})
		h.clock.advance(time.Minute)
		h.edit("rex", "Rex", "Rexy")
		page, err := h.store.List(t.Context(), store.Collection{Tenant: "acme", Schema: "pet"}, "", 10)
		if err != nil || len(page) != 1 || !strings.Contains(string(page[0].Data), "Rexy") || page[0].Revision != 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		// and again, before anything of ours has been written
		h.clock.advance(time.Minute)
		h.edit("rex", "Rexy", "Rexina")
		page, err = h.store.List(t.Context(), store.Collection{Tenant: "acme", Schema: "pet"}, "", 10)
		if err != nil || len(page) != 1 || !strings.Contains(string(page[0].Data), "Rexina") || page[0].Revision != 3 {
			t.Fatalf("the second edit: %+v, %v", page, err)
		}
		if r := h.must(put{operation: "PATCH", payload: `{"id":"rex","age":3}`}); r.Revision != 4 {
			t.Errorf("%+v", r)
		}
		if text := h.shown("rex"); !strings.Contains(text, "Rexina") || !strings.Contains(text, "3") {
			t.Errorf("it shows:\n%s", text)
		}
		if got := h.tokens("acme"); got != 20 {
			t.Errorf("%d tokens: what a person does is not billed", got)
		}
	})
}

// TestWithoutObjectsNothingIsAsked: dynamodb pays nothing for the others.
func TestWithoutObjectsNothingIsAsked(t *testing.T) {
	h := newShownHouse(t, events.DynamoDB)
	settles := 0
	h.failing = func(op string) error {
		if op == "saveprogress:before" {
			settles++
		}
		return nil
	}
	h.must(put{id: "e1", payload: `{"id":"rex","name":"Rex"}`})
	h.must(put{id: "e2", operation: "PUT", payload: `{"id":"rex","name":"Max"}`})
	h.drain()
	if h.bucket.calls.Load() != 0 || settles != 2 || h.open() != 0 {
		t.Errorf("the bucket was called %d times, %d settles, %d records open", h.bucket.calls.Load(), settles, h.open())
	}
}
