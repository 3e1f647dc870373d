package store_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

// A redelivery of a request changes nothing and returns the stored result.
func ExampleStore_Commit() {
	ctx := context.Background()
	s := store.New(memstore.New(nil), nil)
	defer s.Close()

	pet := store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "pet"}, Key: "rex"}
	data := []byte(`{"id":"rex","status":"available"}`)
	create := store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:    store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: "event-1"},
			Result: store.Result{Ref: pet, Operation: events.Post, Revision: 1},
			Bill:   store.Bill{Tokens: 10, KeyID: "key-1"},
		},
		Record: &store.Record{Ref: pet, Backend: events.DynamoDB, KeyField: "id", Revision: 1, Data: data},
		// IfVersion is "": the record must not exist.
	}
	for range 2 {
		result, err := s.Commit(ctx, create)
		fmt.Println("revision", result.Revision, "replayed", result.Replayed, "error", err)
	}

	// Another request with the same condition gets the record that exists.
	create.Idempotency.Key.Value = "event-2"
	_, err := s.Commit(ctx, create)
	if conflict, ok := errors.AsType[*store.VersionConflict](err); ok {
		fmt.Println("conflict with revision", conflict.Current.Revision)
	}

	record, err := s.Get(ctx, pet)
	fmt.Println(record.Path(), string(record.Data), err)
	usage, err := s.Usage(ctx, "acme", store.Month(record.Time))
	fmt.Println(usage.BySchema["pet"][events.Post], "tokens", err)
	// Output:
	// revision 1 replayed false error <nil>
	// revision 1 replayed true error <nil>
	// conflict with revision 1
	// /acme/pet/rex {"id":"rex","status":"available"} <nil>
	// 10 tokens <nil>
}
