package dynamostore

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/storetest"
)

// A laggingIndex takes the place of a table's index, whose state DynamoDB brings
// up to date some time after a write: it shows each change of an item 0 to 5 s
// late. The time is its own: each call takes up to half a second of it.
type laggingIndex struct {
	reader *dynamodb.Client
	table  string

	mu     sync.Mutex
	now    int                     // in ms
	states map[string][]indexState // by pk, in the order in which they are shown
}

// indexState is what the index shows of an item from a time on.
type indexState struct {
	from         int
	open, opened string // "": the index does not have the item
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

// catchUp shows all that has been written.
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

// written notes the new states of the items that a call has written.
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
		if !strings.HasPrefix(pk, markPrefix) {
			continue
		}
		x.mu.Lock()
		from := x.now + rand.IntN(longestLag)
		x.mu.Unlock()
		out, err := x.reader.GetItem(ctx, &dynamodb.GetItemInput{TableName: &x.table, Key: primaryKey(pk, alone), ConsistentRead: aws.Bool(true)})
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

// query is what the driver asks of the index.
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
		it := primaryKey(e.pk, alone)
		it["open"], it["opened"] = q.ExpressionAttributeValues[":shard"], text(e.opened)
		out.Items = append(out.Items, it)
		if q.Limit != nil && i+1 == int(*q.Limit) {
			out.LastEvaluatedKey = it
			break
		}
	}
	return out
}

// TestDriverWithLaggingIndex keeps the promises while the index lags.
func TestDriverWithLaggingIndex(t *testing.T) {
	var mu sync.Mutex
	indexes := map[string]*laggingIndex{}
	index := func(d store.Driver) *laggingIndex {
		mu.Lock()
		defer mu.Unlock()
		return indexes[*d.(*Ledger).table]
	}
	again := func(t testing.TB, d store.Driver, e storetest.Env) store.Driver {
		return connect(t, *d.(*Ledger).table, e, index(d).use)
	}
	storetest.Run(t, storetest.Harness{
		Open: func(t testing.TB, e storetest.Env) store.Driver {
			d := openSuite(t, e).(*Ledger)
			mu.Lock()
			indexes[*d.table] = newLaggingIndex(t, *d.table)
			mu.Unlock()
			return again(t, d, e)
		},
		Reopen:    again,
		Another:   again,
		SetFormat: setFormat,
		CatchUp:   func(d store.Driver) { index(d).catchUp() },
		History:   300,
	})
}
