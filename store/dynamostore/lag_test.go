package dynamostore

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/dynamostore/dynamotest"
	"github.com/blockforger/eventrouter/store/storetest"
)

func newLaggingIndex(t testing.TB, table string) *dynamotest.LaggingIndex {
	return dynamotest.NewLaggingIndex(newClient(t), table)
}

// TestDriverWithLaggingIndex runs the suite while the index lags.
func TestDriverWithLaggingIndex(t *testing.T) {
	var mu sync.Mutex
	indexes := map[string]*dynamotest.LaggingIndex{}
	index := func(d store.Driver) *dynamotest.LaggingIndex {
		mu.Lock()
		defer mu.Unlock()
		return indexes[*d.(*Ledger).name]
	}
	reconnect := func(t testing.TB, d store.Driver, e storetest.Env) store.Driver {
		return connect(t, *d.(*Ledger).name, e, index(d).Use)
	}
	storetest.Run(t, storetest.Harness{
		Open: func(t testing.TB, e storetest.Env) store.Driver {
			d := openSuite(t, e).(*Ledger)
			mu.Lock()
			indexes[*d.name] = newLaggingIndex(t, *d.name)
			mu.Unlock()
			return reconnect(t, d, e)
		},
		Reopen:    reconnect,
		Another:   reconnect,
		SetFormat: setFormat,
		CatchUp:   func(d store.Driver) { index(d).CatchUp() },
		History:   300,
	})
}

// TestProjectionWithLaggingIndex runs the suite of projections while the index lags.
// The test of faults takes longest and does not read the index; TestProjection has it.
func TestProjectionWithLaggingIndex(t *testing.T) {
	testProjections(t, func(t testing.TB, e storetest.Env) store.Driver {
		l := openSuite(t, e).(*Ledger)
		return connect(t, *l.name, e, newLaggingIndex(t, *l.name).Use)
	}, "Projection/fault before and after every I/O")
}

// publishedCounts is a sender that counts the entries by their source.
type publishedCounts map[string]int

func (p publishedCounts) Send(_ context.Context, _ string, entries []events.Entry) ([]bus.Result, error) {
	for _, e := range entries {
		p[string(e.Source)]++
	}
	return make([]bus.Result, len(entries)), nil
}

// TestRelayListAndMigrateWithLaggingIndex: while the index lags, the relay publishes
// each output event exactly once and finally all of them, and records are listed and
// migrated completely at any moment.
func TestRelayListAndMigrateWithLaggingIndex(t *testing.T) {
	const records = 40
	table := *openSuite(t, storetest.Env{}).(*Ledger).name
	index := newLaggingIndex(t, table)
	s := projection.New(store.New(connect(t, table, storetest.Env{}, index.Use), nil), nil)
	published := publishedCounts{}
	relay := outbox.NewRelay(outbox.NewPublisher(s, bus.NewPublisher(published), nil), "relay")
	run := func() {
		t.Helper()
		if _, err := relay.Run(t.Context(), -time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	for i := range records {
		name := fmt.Sprint("pet", i)
		c := newChange(events.RecordKey(name), name, `{"id":"`+name+`"}`)
		c.Idempotency.Outputs.Entries[0].Source = name
		if _, err := s.Commit(t.Context(), *c); err != nil {
			t.Fatal(err)
		}
		if listed, err := s.List(t.Context(), pets, "", records+1); err != nil || len(listed) != i+1 {
			t.Fatalf("%d records are listed after %d commits: %v", len(listed), i+1, err)
		}
		if i%10 == 0 {
			run()
		}
	}
	done, err := s.Migrate(t.Context(), projection.Migration{Collection: pets, Backend: events.S3, KeyField: "id"}, false)
	if err != nil || done != (projection.MigrationStats{Records: records, Moved: records}) {
		t.Errorf("migrated %+v, %v; want all %d", done, err, records)
	}
	for range 50 { // each call advances the time of the index
		if len(published) == records {
			break
		}
		run()
	}
	run() // the index may still list published entries
	for i := range records {
		if n := published[fmt.Sprint("pet", i)]; n != 1 {
			t.Errorf("the output event of record %d was published %d times", i, n)
		}
	}
	index.CatchUp()
	month := store.Month(now())
	if usage, err := s.Usage(t.Context(), pets.Tenant, month); err != nil || usage.Tokens() != 10*records {
		t.Errorf("usage is %d tokens, %v; want %d", usage.Tokens(), err, 10*records)
	}
}
