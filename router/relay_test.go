package router_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

const invocation = 40 * time.Second // older than any invocation can be

// entry returns the state of the one entry that has been committed.
func (h *house) entry() store.Entry {
	h.t.Helper()
	marks, _, err := h.store.IdempotencyRecords(h.t.Context(), "", 10)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range marks {
		if len(m.Outputs.Entries) > 0 {
			return m.Outputs.Entries[0]
		}
	}
	h.t.Fatal("there is no entry")
	return store.Entry{}
}

func TestRelayPublishesWhatAThrottleLeft(t *testing.T) {
	h := newHouse(t)
	h.sender.answer = func(events.Entry) (bus.Result, error) { return bus.Result{Code: "ThrottlingException"}, nil }
	_, report, err := h.send(put{id: "e1"})
	if err != nil || report.Published.Pending != 1 {
		t.Fatalf("%+v, %v", report.Published, err)
	}
	h.sender.answer = nil
	h.clock.advance(30 * time.Second)
	if d, err := h.relay.Run(t.Context(), invocation); err != nil || d.Published != 0 {
		t.Errorf("the relay took a mark whose invocation may still be at work: %+v, %v", d, err)
	}
	h.clock.advance(time.Minute)
	d, err := h.relay.Run(t.Context(), invocation)
	if err != nil || d.Published != 1 || d.Aggregated != 1 || d.Lag < time.Minute {
		t.Errorf("%+v, %v", d, err)
	}
	sent := h.sender.take()
	if len(sent) != 1 || sent[0].OutputID == "" {
		t.Fatalf("sent %+v", sent)
	}
	if d, err := h.relay.Run(t.Context(), invocation); err != nil || d.Records != 0 || len(h.sender.take()) != 0 {
		t.Errorf("the relay is not done: %+v, %v", d, err)
	}
	if got := h.tokens("acme"); got != 10 {
		t.Errorf("%d tokens once folded", got)
	}
}

func TestARefusedEntryIsParked(t *testing.T) {
	h := newHouse(t)
	h.sender.answer = func(events.Entry) (bus.Result, error) {
		return bus.Result{Code: "NotAuthorizedForSourceException"}, nil
	}
	_, report, err := h.send(put{})
	if err != nil || report.Published.Failed != 1 {
		t.Fatalf("%+v, %v", report.Published, err)
	}
	if e := h.entry(); e.State != store.EntryFailed || e.Error != "NotAuthorizedForSourceException" {
		t.Errorf("entry = %+v", e)
	}
	h.sender.answer = nil
	h.clock.advance(time.Hour)
	if _, err := h.relay.Run(t.Context(), invocation); err != nil || len(h.sender.take()) != 0 {
		t.Errorf("the relay sent a parked entry, %v", err)
	}
}

// TestACrashBetweenCommitAndEmit: the settle fails, as after a crash; the relay
// publishes again under the same id.
func TestACrashBetweenCommitAndEmit(t *testing.T) {
	h := newHouse(t)
	h.failing = func(op string) error {
		if strings.Contains(strings.ToLower(op), "settle") {
			return errDown
		}
		return nil
	}
	_, report, err := h.send(put{})
	if err != nil || report.Published.Err == nil {
		t.Fatalf("%+v, %v", report.Published, err)
	}
	h.failing = nil
	first := h.sender.take()
	h.clock.advance(time.Minute)
	if _, err := h.relay.Run(t.Context(), invocation); err != nil {
		t.Fatal(err)
	}
	again := h.sender.take()
	if len(first) != 1 || len(again) != 1 || first[0].OutputID != again[0].OutputID || string(first[0].Detail) != string(again[0].Detail) {
		t.Errorf("first %+v, again %+v", first, again)
	}
}

func TestTwoRelaysShareTheWork(t *testing.T) {
	h := newHouse(t)
	if ok, err := h.store.Lease(t.Context(), 3, "other", h.clock.Now(), h.clock.Now().Add(time.Minute)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	d, err := h.relay.Run(t.Context(), 0)
	if err != nil || d.Busy != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	h.clock.advance(2 * time.Minute)
	if d, err := h.relay.Run(t.Context(), 0); err != nil || d.Busy != 0 {
		t.Errorf("after the lease: %+v, %v", d, err)
	}
}

func TestRelayWorksThroughManyMarks(t *testing.T) {
	h := newHouse(t)
	h.sender.answer = func(events.Entry) (bus.Result, error) { return bus.Result{}, errDown }
	const n = 300
	for range n {
		h.must(put{})
	}
	h.sender.answer = nil
	h.clock.advance(time.Minute)
	d, err := h.relay.Run(t.Context(), invocation)
	if err != nil || d.Published != n || d.Aggregated != n {
		t.Errorf("%+v, %v", d, err)
	}
	ids := map[string]bool{}
	for _, e := range h.sender.take() {
		ids[e.OutputID] = true
	}
	if len(ids) != n {
		t.Errorf("%d different output ids, want %d", len(ids), n)
	}
	if got := h.tokens("acme"); got != n*10 {
		t.Errorf("%d tokens", got)
	}
}

// newerMark is a ledger in which one idempotency record is of a newer format.
type newerMark struct {
	*memstore.Driver
	key *store.IdempotencyKey
}

func (d newerMark) IdempotencyRecord(ctx context.Context, key store.IdempotencyKey) (store.IdempotencyRecord, error) {
	if d.key != nil && key == *d.key {
		return store.IdempotencyRecord{}, format.Check("item mark of the table", 99, format.Idempotency)
	}
	return d.Driver.IdempotencyRecord(ctx, key)
}

// TestRelayMeetsANewerFormat: an idempotency record of a newer format is left
// alone, reported, and does not keep the others of its shard from being published.
func TestRelayMeetsANewerFormat(t *testing.T) {
	h := newHouse(t)
	h.sender.answer = func(events.Entry) (bus.Result, error) { return bus.Result{Code: "ThrottlingException"}, nil }
	keys := map[int][]store.IdempotencyKey{}
	var shard int
	for i := 0; len(keys[shard]) < 2; i++ {
		id := fmt.Sprintf("e%d", i)
		if _, _, err := h.send(put{id: id, payload: fmt.Sprintf(`{"id":"p%d","name":"x"}`, i)}); err != nil {
			t.Fatal(err)
		}
		key := store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: id}
		shard = key.Shard()
		keys[shard] = append(keys[shard], key)
	}
	all := 0
	for _, k := range keys {
		all += len(k)
	}
	h.sender.answer = nil
	h.clock.advance(2 * invocation)
	newer := newerMark{Driver: h.ledger, key: &keys[shard][0]}
	relay := router.NewRelay(store.New(newer, &store.Options{Clock: h.clock.Now}), bus.NewPublisher(h.sender), "one", &router.Options{Clock: h.clock.Now})
	d, err := relay.Run(t.Context(), invocation)
	if !format.IsNewer(err) || d.Published != all-1 {
		t.Errorf("%d of %d published, error %v", d.Published, all, err)
	}
	newer.key = nil
	relay = router.NewRelay(store.New(newer, &store.Options{Clock: h.clock.Now}), bus.NewPublisher(h.sender), "one", &router.Options{Clock: h.clock.Now})
	if d, err := relay.Run(t.Context(), invocation); err != nil || d.Published != 1 {
		t.Errorf("by the newer version: %d published, error %v", d.Published, err)
	}
}
