package outbox_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

func TestRelayPublishesWhatAThrottleLeft(t *testing.T) {
	f := newFixture(t)
	f.sender.result = throttled
	if result := f.request(to(defaultBus, "pet")); result != (outbox.PublishResult{Pending: 1}) {
		t.Fatalf("%+v", result)
	}
	f.sender.result = nil
	f.clock.advance(30 * time.Second)
	if stats, err := f.relay.Run(t.Context(), invocation); err != nil || stats.Published != 0 {
		t.Errorf("the relay read a record whose invocation may still be running: %+v, %v", stats, err)
	}
	f.clock.advance(time.Minute)
	stats, err := f.relay.Run(t.Context(), invocation)
	if err != nil || stats.Published != 1 || stats.Aggregated != 1 || stats.Lag < time.Minute {
		t.Errorf("%+v, %v", stats, err)
	}
	sent := f.sender.take()
	if len(sent) != 1 || sent[0].OutputID == "" {
		t.Fatalf("sent %+v", sent)
	}
	if stats, err := f.relay.Run(t.Context(), invocation); err != nil || stats.Records != 0 || len(f.sender.take()) != 0 {
		t.Errorf("the relay is not done: %+v, %v", stats, err)
	}
	if got := f.billed(); got != tokens {
		t.Errorf("%d tokens once aggregated", got)
	}
}

func TestARefusedEntryIsParked(t *testing.T) {
	f := newFixture(t)
	f.sender.result = func(events.Entry) (bus.Result, error) {
		return bus.Result{Code: "NotAuthorizedForSourceException"}, nil
	}
	if result := f.request(to(defaultBus, "pet")); result != (outbox.PublishResult{Failed: 1}) {
		t.Fatalf("%+v", result)
	}
	if e := f.entry(1); e.State != store.EntryFailed || e.Error != "NotAuthorizedForSourceException" {
		t.Errorf("entry = %+v", e)
	}
	f.sender.result = nil
	f.clock.advance(time.Hour)
	// The relay does not publish it, and counts it in each run until an operator acts.
	for range 2 {
		stats, err := f.relay.Run(t.Context(), invocation)
		if err != nil || len(f.sender.take()) != 0 || stats.FailedRecords != 1 {
			t.Errorf("the relay sent a failed entry, or counts %d records with some, want 1: %v", stats.FailedRecords, err)
		}
	}
	if err := f.store.SaveProgress(t.Context(), key(1), store.Progress{Reopen: true, Entries: []store.EntryResult{{State: store.EntryDropped, Time: f.clock.Now()}}}); err != nil {
		t.Fatal(err)
	}
	if stats, err := f.relay.Run(t.Context(), invocation); err != nil || stats.FailedRecords != 0 {
		t.Errorf("after the entry was dropped the relay counts %d, %v", stats.FailedRecords, err)
	}
}

// TestFailedRecordsUnknown checks that a relay that cannot count the records with
// failed entries does not report that there are none.
func TestFailedRecordsUnknown(t *testing.T) {
	f := newFixture(t)
	f.failing = func(op string) error {
		if strings.HasPrefix(op, "listfailed") {
			return errDown
		}
		return nil
	}
	if stats, err := f.relay.Run(t.Context(), invocation); err == nil || stats.FailedRecords != -1 {
		t.Errorf("the relay counts %d, %v; want -1 and an error", stats.FailedRecords, err)
	}
}

// TestACrashBetweenPublishAndProgress: saving the progress fails, as after a
// crash; the relay publishes again under the same id.
func TestACrashBetweenPublishAndProgress(t *testing.T) {
	f := newFixture(t)
	failed := 0
	f.failing = func(op string) error {
		if op == "saveprogress:before" {
			failed++
			return errDown
		}
		return nil
	}
	if result := f.request(to(defaultBus, "pet")); result.Published != 1 || result.Err == nil || failed != 1 {
		t.Fatalf("%+v, %d failures", result, failed)
	}
	f.failing = nil
	first := f.sender.take()
	f.clock.advance(time.Minute)
	if _, err := f.relay.Run(t.Context(), invocation); err != nil {
		t.Fatal(err)
	}
	again := f.sender.take()
	if len(first) != 1 || len(again) != 1 || first[0].OutputID != again[0].OutputID || string(first[0].Detail) != string(again[0].Detail) {
		t.Errorf("first %+v, again %+v", first, again)
	}
}

// TestReplayedResultsPublishNothing: the entries of a redelivery belong to the
// invocation that committed them.
func TestReplayedResultsPublishNothing(t *testing.T) {
	f := newFixture(t)
	f.sender.result = throttled
	f.request(to(defaultBus, "pet"))
	f.sender.result = nil
	record, err := f.store.IdempotencyRecord(t.Context(), key(1))
	if err != nil || !record.Outputs.Pending() {
		t.Fatalf("%+v, %v", record.Outputs, err)
	}
	record.Result.Replayed = true
	if result := f.publisher.Publish(t.Context(), record, false); result != (outbox.PublishResult{}) || len(f.sender.take()) != 0 {
		t.Errorf("%+v", result)
	}
}

func TestTwoRelaysShareTheWork(t *testing.T) {
	f := newFixture(t)
	if ok, err := f.store.Lease(t.Context(), 3, "other", f.clock.Now(), f.clock.Now().Add(time.Minute)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	stats, err := f.relay.Run(t.Context(), 0)
	if err != nil || stats.Busy != 1 {
		t.Errorf("%+v, %v", stats, err)
	}
	f.clock.advance(2 * time.Minute)
	if stats, err := f.relay.Run(t.Context(), 0); err != nil || stats.Busy != 0 {
		t.Errorf("after the lease: %+v, %v", stats, err)
	}
}

func TestRelayWorksThroughManyRecords(t *testing.T) {
	f := newFixture(t)
	f.sender.result = func(events.Entry) (bus.Result, error) { return bus.Result{}, errDown }
	const n = 300
	for range n {
		f.request(to(defaultBus, "pet"))
	}
	f.sender.result = nil
	f.clock.advance(time.Minute)
	stats, err := f.relay.Run(t.Context(), invocation)
	if err != nil || stats.Published != n || stats.Aggregated != n {
		t.Errorf("%+v, %v", stats, err)
	}
	ids := map[string]bool{}
	for _, e := range f.sender.take() {
		ids[e.OutputID] = true
	}
	if len(ids) != n {
		t.Errorf("%d different output ids, want %d", len(ids), n)
	}
	if got := f.billed(); got != n*tokens {
		t.Errorf("%d tokens", got)
	}
}

// newerRecord is a ledger in which one idempotency record has a newer format.
type newerRecord struct {
	*memstore.Driver
	key *store.IdempotencyKey
}

func (d newerRecord) IdempotencyRecord(ctx context.Context, key store.IdempotencyKey) (store.IdempotencyRecord, error) {
	if d.key != nil && key == *d.key {
		return store.IdempotencyRecord{}, format.Check("item mark of the table", 99, format.Idempotency)
	}
	return d.Driver.IdempotencyRecord(ctx, key)
}

// TestRelayMeetsANewerFormat: an idempotency record of a newer format is left
// alone, reported, and does not keep the others of its shard from being published.
func TestRelayMeetsANewerFormat(t *testing.T) {
	f := newFixture(t)
	f.sender.result = throttled
	keys := map[int][]store.IdempotencyKey{}
	var shard int
	for n := 1; len(keys[shard]) < 2; n++ {
		f.request(to(defaultBus, "pet"))
		shard = key(n).Shard()
		keys[shard] = append(keys[shard], key(n))
	}
	all := 0
	for _, k := range keys {
		all += len(k)
	}
	f.sender.result = nil
	f.clock.advance(2 * invocation)
	relay := func(newer newerRecord) *outbox.Relay {
		s := projection.New(store.New(newer, &store.Options{Clock: f.clock.Now}), nil)
		return outbox.NewRelay(outbox.NewPublisher(s, bus.NewPublisher(f.sender), &outbox.Options{Clock: f.clock.Now}), "one")
	}
	stats, err := relay(newerRecord{Driver: f.ledger, key: &keys[shard][0]}).Run(t.Context(), invocation)
	if !format.IsNewer(err) || stats.Published != all-1 {
		t.Errorf("%d of %d published, error %v", stats.Published, all, err)
	}
	if stats, err := relay(newerRecord{Driver: f.ledger}).Run(t.Context(), invocation); err != nil || stats.Published != 1 {
		t.Errorf("by the newer version: %d published, error %v", stats.Published, err)
	}
}

// TestRelayReadsRecordsAtTheSameTime checks that a page is not read record by record.
func TestRelayReadsRecordsAtTheSameTime(t *testing.T) {
	f := newFixture(t)
	f.sender.result = func(events.Entry) (bus.Result, error) { return bus.Result{}, errDown }
	all, inShard := 0, map[int]int{}
	for full := 0; full < store.Shards; { // a relay may begin with any shard: each has two records
		f.request(to(defaultBus, "pet"))
		all++
		shard := key(all).Shard()
		if inShard[shard]++; inShard[shard] == 2 {
			full++
		}
	}
	f.sender.result = nil
	f.clock.advance(time.Hour)
	var reading atomic.Int32
	second := make(chan struct{})
	var once sync.Once
	f.failing = func(op string) error {
		if op != "idempotencyrecord:before" {
			return nil
		}
		defer reading.Add(-1)
		if reading.Add(1) > 1 {
			once.Do(func() { close(second) })
		}
		select {
		case <-second:
		case <-time.After(10 * time.Second):
			t.Error("one record is read at a time")
			once.Do(func() { close(second) })
		}
		return nil
	}
	stats, err := f.relay.Run(t.Context(), invocation)
	if err != nil || stats.Published != all {
		t.Errorf("%d published, %v; want %d", stats.Published, err, all)
	}
}
