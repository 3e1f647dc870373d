package dynamostore

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/storetest"
)

// A laggingIndex replaces a table's index, which DynamoDB updates some time after a
// write. It shows each change of an item with a delay of 0 to 5 s, in simulated time:
// each call advances the time by up to half a second.
type laggingIndex struct {
	reader *dynamodb.Client
	table  string

	mu     sync.Mutex
	now    int                     // in ms
	states map[string][]indexState // by pk, in the order in which they are shown
}

// An indexState is the state of an item in the index from a time on.
type indexState struct {
	from         int
	open, opened string // "": the item is not in the index
}

const longestLag = 5000 // ms

func newLaggingIndex(t testing.TB, table string) *laggingIndex {
	return &laggingIndex{reader: newClient(t), table: table, states: map[string][]indexState{}}
}

func (x *laggingIndex) use(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("lag", x.handle), middleware.After)
	})
}

// catchUp advances the time until the index shows every write.
func (x *laggingIndex) catchUp() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now += longestLag
}

func (x *laggingIndex) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	x.mu.Lock()
	x.now += rand.IntN(500)
	x.mu.Unlock()
	if q, ok := in.Parameters.(*dynamodb.QueryInput); ok && aws.ToString(q.IndexName) == Index {
		return middleware.InitializeOutput{Result: x.query(q)}, middleware.Metadata{}, nil
	}
	out, meta, err := next.HandleInitialize(ctx, in)
	if err == nil {
		err = x.written(context.WithoutCancel(ctx), in.Parameters)
	}
	return out, meta, err
}

// written adds the new states of the items that a call has written.
func (x *laggingIndex) written(ctx context.Context, in any) error {
	var keys []item
	switch in := in.(type) {
	case *dynamodb.UpdateItemInput:
		keys = append(keys, in.Key)
	case *dynamodb.PutItemInput:
		keys = append(keys, in.Item)
	case *dynamodb.TransactWriteItemsInput:
		for _, w := range in.TransactItems {
			switch {
			case w.Put != nil:
				keys = append(keys, w.Put.Item)
			case w.Update != nil:
				keys = append(keys, w.Update.Key)
			}
		}
	case *dynamodb.BatchWriteItemInput:
		for _, w := range in.RequestItems[x.table] {
			keys = append(keys, w.DeleteRequest.Key)
		}
	}
	for _, key := range keys {
		pk := key["pk"].(*types.AttributeValueMemberS).Value
		if !strings.HasPrefix(pk, idempotencyPrefix) {
			continue
		}
		x.mu.Lock()
		from := x.now + rand.IntN(longestLag)
		x.mu.Unlock()
		out, err := x.reader.GetItem(ctx, &dynamodb.GetItemInput{TableName: &x.table, Key: primaryKey(pk, onlySortKey), ConsistentRead: aws.Bool(true)})
		if err != nil {
			return err
		}
		r := reader{item: out.Item}
		s := indexState{from: from, open: r.text("open"), opened: r.text("opened")}
		x.mu.Lock()
		if before := x.states[pk]; len(before) > 0 {
			s.from = max(s.from, before[len(before)-1].from)
		}
		x.states[pk] = append(x.states[pk], s)
		x.mu.Unlock()
	}
	return nil
}

// query returns the result of a query of the index.
func (x *laggingIndex) query(q *dynamodb.QueryInput) *dynamodb.QueryOutput {
	value := func(of item, name string) string {
		r := reader{item: of}
		return r.text(name)
	}
	type entry struct{ opened, pk string }
	order := func(a, b entry) int { return cmp.Or(cmp.Compare(a.opened, b.opened), cmp.Compare(a.pk, b.pk)) }
	var found []entry
	before := value(q.ExpressionAttributeValues, ":before")
	x.mu.Lock()
	for pk, states := range x.states {
		var shown indexState
		for _, s := range states {
			if s.from <= x.now {
				shown = s
			}
		}
		if shown.open == value(q.ExpressionAttributeValues, ":shard") && (before == "" || shown.opened < before) &&
			strings.HasPrefix(pk, value(q.ExpressionAttributeValues, ":tenant")) {
			found = append(found, entry{shown.opened, pk})
		}
	}
	x.mu.Unlock()
	slices.SortFunc(found, order)
	if start := q.ExclusiveStartKey; start != nil {
		after := entry{value(start, "opened"), value(start, "pk")}
		found = slices.DeleteFunc(found, func(e entry) bool { return order(e, after) <= 0 })
	}
	out := &dynamodb.QueryOutput{}
	for i, e := range found {
		it := primaryKey(e.pk, onlySortKey)
		it["open"], it["opened"] = q.ExpressionAttributeValues[":shard"], text(e.opened)
		out.Items = append(out.Items, it)
		if q.Limit != nil && i+1 == int(*q.Limit) {
			out.LastEvaluatedKey = it
			break
		}
	}
	return out
}

// TestDriverWithLaggingIndex runs the suite while the index lags.
func TestDriverWithLaggingIndex(t *testing.T) {
	var mu sync.Mutex
	indexes := map[string]*laggingIndex{}
	index := func(d store.Driver) *laggingIndex {
		mu.Lock()
		defer mu.Unlock()
		return indexes[*d.(*Ledger).table]
	}
	reconnect := func(t testing.TB, d store.Driver, e storetest.Env) store.Driver {
		return connect(t, *d.(*Ledger).table, e, index(d).use)
	}
	storetest.Run(t, storetest.Harness{
		Open: func(t testing.TB, e storetest.Env) store.Driver {
			d := openSuite(t, e).(*Ledger)
			mu.Lock()
			indexes[*d.table] = newLaggingIndex(t, *d.table)
			mu.Unlock()
			return reconnect(t, d, e)
		},
		Reopen:    reconnect,
		Another:   reconnect,
		SetFormat: setFormat,
		CatchUp:   func(d store.Driver) { index(d).catchUp() },
		History:   300,
	})
}

// TestProjectionWithLaggingIndex runs the suite of projections while the index lags.
func TestProjectionWithLaggingIndex(t *testing.T) {
	h := storetest.S3()
	h.Ledger = func(t testing.TB, e storetest.Env) store.Driver {
		l := openSuite(t, e).(*Ledger)
		return connect(t, *l.table, e, newLaggingIndex(t, *l.table).use)
	}
	h.Bucket = func(testing.TB) blob.Bucket { return blob.NewMemory() }
	storetest.RunProjection(t, h)
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
	table := *openSuite(t, storetest.Env{}).(*Ledger).table
	index := newLaggingIndex(t, table)
	s := store.New(connect(t, table, storetest.Env{}, index.use), nil)
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
	done, err := s.Migrate(t.Context(), store.Migration{Collection: pets, Backend: events.S3, KeyField: "id"}, false)
	if err != nil || done != (store.MigrationStats{Records: records, Moved: records}) {
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
	index.catchUp()
	month := store.Month(now())
	if usage, err := s.Usage(t.Context(), pets.Tenant, month); err != nil || usage.Tokens() != 10*records {
		t.Errorf("usage is %d tokens, %v; want %d", usage.Tokens(), err, 10*records)
	}
}
