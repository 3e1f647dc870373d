package projection_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

// A call whose work another call does must not fail because the other's time has
// run out.
func TestAnothersDeadlineIsNotTheCallers(t *testing.T) {
	puts := &steppedBucket{Bucket: blob.NewMemory(), started: make(chan struct{}), release: make(chan struct{})}
	csv := csvfile.New(puts)
	s := projection.New(store.New(memstore.New(nil), nil), &projection.Options{
		ByBackend: map[events.Backend]projection.Projection{events.CSV: csv},
		Layout: func(context.Context, store.Collection) (projection.Layout, error) {
			return projection.Layout{Backend: events.CSV, KeyField: "id", Columns: []string{"id"}}, nil
		},
	})
	var refs []store.Ref
	commit := func(key events.RecordKey) {
		t.Helper()
		r := store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "pet"}, Key: key}
		_, err := s.Commit(t.Context(), store.Change{
			Idempotency: store.IdempotencyRecord{
				Key:    store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: string(key)},
				Result: store.Result{Ref: r, Operation: events.Post},
			},
			Record: &store.Record{Ref: r, Backend: events.CSV, KeyField: "id", Revision: 1, Data: jsontext.Value(fmt.Sprintf(`{"id":%q}`, key))},
		})
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, r)
	}
	commit("zero")
	project := func(ctx context.Context, r store.Ref) <-chan error {
		done := make(chan error, 1)
		go func() {
			settlement, err := s.Project(ctx, r)
			if err == nil && (settlement.Projected == "" || settlement.FileWrite == 0) {
				err = fmt.Errorf("the settlement is %+v", settlement)
			}
			done <- err
		}()
		return done
	}
	made := project(t.Context(), refs[0]) // a new file shows all
	<-puts.started
	puts.release <- struct{}{}
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	for _, key := range []events.RecordKey{"first", "leader", "waiting"} {
		commit(key)
	}
	first := project(t.Context(), refs[1])
	<-puts.started
	leaderCtx, cancel := context.WithCancel(t.Context())
	leader := project(leaderCtx, refs[2])
	waitUntil(t, func() bool { return s.Waiting(csv.Object(refs[0])) == 1 })
	waiting := project(t.Context(), refs[3])
	waitUntil(t, func() bool { return s.Waiting(csv.Object(refs[0])) == 2 })
	puts.release <- struct{}{} // first is done; leader works for waiting too
	if err := <-first; err != nil {
		t.Error(err)
	}
	<-puts.started
	cancel()
	if err := <-leader; !errors.Is(err, context.Canceled) {
		t.Errorf("the leader's time has run out: %v", err)
	}
	select {
	case <-puts.started: // waiting tries again by itself
		puts.release <- struct{}{}
	case err := <-waiting:
		t.Fatalf("the one that waited: %v", err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
	keys, err := csv.Keys(t.Context(), refs[0].Collection, projection.Layout{KeyField: "id"})
	if err != nil || !slices.Contains(keys, "waiting") {
		t.Errorf("the file has %v, %v", keys, err)
	}
}

func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited 20 s")
		}
	}
}

// A steppedBucket reports the start of each put, and holds it until it is
// released or its context ends.
type steppedBucket struct {
	blob.Bucket
	started, release chan struct{}
}

func (b *steppedBucket) Put(ctx context.Context, key string, data []byte, metadata map[string]string, c blob.Condition) (blob.ETag, error) {
	b.started <- struct{}{}
	select {
	case <-b.release:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	return b.Bucket.Put(ctx, key, data, metadata, c)
}
