package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

const (
	invocation = 40 * time.Second // longer than an invocation can run
	tokens     = 10               // billed for each request

	defaultBus = events.BusARN("arn:aws:events:us-east-1:000000000000:event-bus/default")
	ordersBus  = events.BusARN("arn:aws:events:us-east-1:000000000000:event-bus/orders")
)

var errDown = errors.New("the database is down")

// A fixture is a publisher and a relay over a ledger in memory.
type fixture struct {
	t         *testing.T
	clock     *clock
	ledger    *memstore.Driver
	store     *projection.Store
	sender    *sender
	publisher *outbox.Publisher
	relay     *outbox.Relay
	requests  int
	failing   func(op string) error // fails an I/O of the ledger
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, clock: &clock{now: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)}, sender: &sender{}}
	f.ledger = memstore.New(&memstore.Options{Clock: f.clock.Now, Fault: func(op string) error {
		if f.failing != nil {
			return f.failing(op)
		}
		return nil
	}})
	f.store = projection.New(store.New(f.ledger, &store.Options{Clock: f.clock.Now}), nil)
	f.watch(nil)
	return f
}

// watch makes a publisher and a relay that read missing buses from w.
func (f *fixture) watch(w *bus.Watch) {
	f.publisher = outbox.NewPublisher(f.store, bus.NewPublisher(f.sender), &outbox.Options{Clock: f.clock.Now, Watch: w})
	f.relay = outbox.NewRelay(f.publisher, "relay")
}

// key is the idempotency key of a request by its number, from 1.
func key(n int) store.IdempotencyKey {
	return store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: fmt.Sprintf("event-%d", n)}
}

// to is a pending entry for a bus.
func to(b events.BusARN, detailType events.DetailType) store.Entry {
	return store.Entry{Bus: b, Source: events.OutputSource, DetailType: detailType, State: store.EntryPending}
}

// request commits a new record with its entries, and publishes them, as an
// invocation does.
func (f *fixture) request(entries ...store.Entry) outbox.PublishResult {
	f.t.Helper()
	f.requests++
	id := fmt.Sprintf("p%d", f.requests)
	data := []byte(`{"id":"` + id + `"}`)
	ref := store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "pet"}, Key: events.RecordKey(id)}
	change := store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:     key(f.requests),
			Result:  store.Result{Ref: ref, Operation: events.Post, Revision: 1},
			Bill:    store.Bill{Tokens: tokens, KeyID: "key"},
			Outputs: store.Outputs{Entries: entries, Payload: data},
		},
		Record: &store.Record{Ref: ref, Backend: events.DynamoDB, KeyField: "id", Revision: 1, Data: data},
	}
	result, err := f.store.Commit(f.t.Context(), change)
	if err != nil {
		f.t.Fatal(err)
	}
	change.Idempotency.Result = result
	return f.publisher.Publish(f.t.Context(), change.Idempotency, false)
}

// runRelay runs the relay a minute later.
func (f *fixture) runRelay() outbox.RelayStats {
	f.t.Helper()
	f.clock.advance(time.Minute)
	stats, err := f.relay.Run(f.t.Context(), invocation)
	if err != nil {
		f.t.Fatal(err)
	}
	return stats
}

// entry returns the first entry of a request, as stored.
func (f *fixture) entry(n int) store.Entry {
	f.t.Helper()
	record, err := f.store.IdempotencyRecord(f.t.Context(), key(n))
	if err != nil {
		f.t.Fatal(err)
	}
	return record.Outputs.Entries[0]
}

// billed returns the tokens of the month.
func (f *fixture) billed() int64 {
	f.t.Helper()
	u, err := f.store.Usage(f.t.Context(), "acme", store.Month(f.clock.Now()))
	if err != nil {
		f.t.Fatal(err)
	}
	return u.Tokens()
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A sender records what was published. result, if set, decides on each entry.
type sender struct {
	mu     sync.Mutex
	sent   []events.Entry
	result func(e events.Entry) (bus.Result, error)
}

func (s *sender) Send(_ context.Context, _ string, entries []events.Entry) ([]bus.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	results := make([]bus.Result, len(entries))
	for i, e := range entries {
		if s.result != nil {
			result, err := s.result(e)
			if err != nil {
				return nil, err
			}
			if results[i] = result; result.Code != "" {
				continue
			}
		}
		s.sent = append(s.sent, e)
	}
	return results, nil
}

// take returns what was published since the last call.
func (s *sender) take() []events.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// throttled is the result of every entry while EventBridge throttles.
func throttled(events.Entry) (bus.Result, error) {
	return bus.Result{Code: "ThrottlingException"}, nil
}
