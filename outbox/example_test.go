package outbox_test

import (
	"context"
	"fmt"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

// printer is a bus.Sender that prints what it is given.
type printer struct{}

func (printer) Send(_ context.Context, _ string, entries []events.Entry) ([]bus.Result, error) {
	for _, e := range entries {
		fmt.Println("published", e.DetailType, string(e.Detail))
	}
	return make([]bus.Result, len(entries)), nil
}

// An invocation commits a change and crashes before it publishes. The relay
// publishes the entry a minute later.
func ExampleRelay_Run() {
	ctx := context.Background()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s := projection.New(store.New(memstore.New(&memstore.Options{Clock: clock}), &store.Options{Clock: clock}), nil)
	defer s.Close()
	relay := outbox.NewRelay(outbox.NewPublisher(s, bus.NewPublisher(printer{}), &outbox.Options{Clock: clock}), "relay-1")

	pet := store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "pet"}, Key: "rex"}
	data := []byte(`{"id":"rex"}`)
	_, err := s.Commit(ctx, store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:    store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: "event-1"},
			Result: store.Result{Ref: pet, Operation: events.Post, Revision: 1},
			Bill:   store.Bill{Tokens: 10, KeyID: "key-1"},
			Outputs: store.Outputs{Payload: data, Entries: []store.Entry{{
				Bus:    "arn:aws:events:us-east-1:000000000000:event-bus/default",
				Source: events.OutputSource, DetailType: "pet.POST", State: store.EntryPending,
			}}},
		},
		Record: &store.Record{Ref: pet, Backend: events.DynamoDB, KeyField: "id", Revision: 1, Data: data},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		now = now.Add(time.Minute)
		stats, err := relay.Run(ctx, 40*time.Second) // longer than an invocation can run
		fmt.Println("entries:", stats.Published, "bills:", stats.Aggregated, "error:", err)
	}
	// Output:
	// published pet.POST {"tenant":"acme","rootSchema":"pet","operation":"POST","payload":{"id":"rex"}}
	// entries: 1 bills: 1 error: <nil>
	// entries: 0 bills: 0 error: <nil>
}
