// Package dynamotest has fault injection for tests on DynamoDB Local.
package dynamotest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/blockforger/eventrouter/internal/names"
)

// A LaggingIndex replaces a table's index, which DynamoDB updates some time after a
// write. It shows each change of an item with a delay of 0 to 5 s, in simulated time:
// each call advances the time by up to half a second.
type LaggingIndex struct {
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

const (
	longestLag        = 5000    // ms
	idempotencyPrefix = "mark/" // of pk of the items that the index contains
)

// An item holds the attributes of one item of the table, or only its key.
type item = map[string]types.AttributeValue

// text returns an attribute; "" if it is absent.
func text(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

// NewLaggingIndex returns the index of an empty table. The reader is a client without
// the option that Use sets.
func NewLaggingIndex(reader *dynamodb.Client, table string) *LaggingIndex {
	return &LaggingIndex{reader: reader, table: table, states: map[string][]indexState{}}
}

// Use is an option for the client of the ledger.
func (x *LaggingIndex) Use(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("lag", x.handle), middleware.After)
	})
}

// CatchUp advances the time until the index shows every write.
func (x *LaggingIndex) CatchUp() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now += longestLag
}

func (x *LaggingIndex) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	x.mu.Lock()
	x.now += rand.IntN(500)
	x.mu.Unlock()
	if q, ok := in.Parameters.(*dynamodb.QueryInput); ok && aws.ToString(q.IndexName) == names.Index {
		return middleware.InitializeOutput{Result: x.query(q)}, middleware.Metadata{}, nil
	}
	out, meta, err := next.HandleInitialize(ctx, in)
	if err == nil {
		err = x.written(context.WithoutCancel(ctx), in.Parameters)
	}
	return out, meta, err
}

// written adds the new states of the items that a call has written.
func (x *LaggingIndex) written(ctx context.Context, in any) error {
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
		pk := text(key, names.TableHash)
		if !strings.HasPrefix(pk, idempotencyPrefix) {
			continue
		}
		x.mu.Lock()
		from := x.now + rand.IntN(longestLag)
		x.mu.Unlock()
		out, err := x.reader.GetItem(ctx, &dynamodb.GetItemInput{TableName: &x.table, Key: primaryKey(pk), ConsistentRead: aws.Bool(true)})
		if err != nil {
			return err
		}
		s := indexState{from: from, open: text(out.Item, names.IndexHash), opened: text(out.Item, names.IndexSort)}
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
func (x *LaggingIndex) query(q *dynamodb.QueryInput) *dynamodb.QueryOutput {
	type entry struct{ opened, pk string }
	order := func(a, b entry) int { return cmp.Or(cmp.Compare(a.opened, b.opened), cmp.Compare(a.pk, b.pk)) }
	var found []entry
	before := text(q.ExpressionAttributeValues, ":before")
	x.mu.Lock()
	for pk, states := range x.states {
		var shown indexState
		for _, s := range states {
			if s.from <= x.now {
				shown = s
			}
		}
		if shown.open == text(q.ExpressionAttributeValues, ":shard") && (before == "" || shown.opened < before) &&
			strings.HasPrefix(pk, text(q.ExpressionAttributeValues, ":tenant")) {
			found = append(found, entry{shown.opened, pk})
		}
	}
	x.mu.Unlock()
	slices.SortFunc(found, order)
	if start := q.ExclusiveStartKey; start != nil {
		after := entry{text(start, names.IndexSort), text(start, names.TableHash)}
		found = slices.DeleteFunc(found, func(e entry) bool { return order(e, after) <= 0 })
	}
	out := &dynamodb.QueryOutput{}
	for i, e := range found {
		it := primaryKey(e.pk)
		it[names.IndexHash], it[names.IndexSort] = q.ExpressionAttributeValues[":shard"], &types.AttributeValueMemberS{Value: e.opened}
		out.Items = append(out.Items, it)
		if q.Limit != nil && i+1 == int(*q.Limit) {
			out.LastEvaluatedKey = it
			break
		}
	}
	return out
}

// primaryKey returns the key of an item that is the only one with its pk.
func primaryKey(pk string) item {
	return item{names.TableHash: &types.AttributeValueMemberS{Value: pk}, names.TableSort: &types.AttributeValueMemberS{Value: "-"}}
}
