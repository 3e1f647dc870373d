package dynamostore

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// Record implements [store.Ledger].
func (l *Ledger) Record(ctx context.Context, ref store.Ref) (store.Record, error) {
	it, err := l.get(ctx, recordKey(ref))
	if err != nil {
		return store.Record{}, err
	}
	if it != nil {
		h, err := decodeRecord(it)
		if err != nil || !l.isExpiredTombstone(&h) {
			return h, err
		}
	}
	return store.Record{}, fault.Errorf(fault.NotFound, "the record does not exist")
}

// IdempotencyRecord implements [store.Ledger].
func (l *Ledger) IdempotencyRecord(ctx context.Context, key store.IdempotencyKey) (store.IdempotencyRecord, error) {
	it, err := l.get(ctx, idempotencyKey(key))
	if err != nil {
		return store.IdempotencyRecord{}, err
	}
	if it != nil {
		m, err := decodeIdempotencyRecord(it)
		if err != nil || l.isLive(&m) {
			return m, err
		}
	}
	return store.IdempotencyRecord{}, fault.Errorf(fault.NotFound, "the idempotency key has not been used")
}

// Records implements [store.Ledger]. It merges the parts of the collection, each of
// which is in the order of its keys, and reads of each only the pages it needs.
func (l *Ledger) Records(ctx context.Context, c store.Collection, after events.RecordKey, limit int) ([]store.Record, error) {
	if limit <= 0 {
		return nil, nil
	}
	// Each part holds about the same share of any range of keys.
	page := int32(min(limit, limit/parts+4))
	var sources [parts]partReader
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range sources {
		sources[i] = partReader{table: l.table, partition: recordPartition(c, i), after: string(after), page: page}
		group.Go(func() error { return sources[i].fill(groupCtx) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var records []store.Record
	for len(records) < limit {
		smallest, err := smallestKey(ctx, sources[:])
		if err != nil {
			return nil, err
		}
		if smallest == nil {
			break
		}
		h, err := decodeRecord(smallest.pop())
		if err != nil {
			return nil, err
		}
		records = append(records, h)
	}
	return records, nil
}

// smallestKey returns the part whose next key is the smallest, or nil if all parts
// are at their end.
func smallestKey(ctx context.Context, sources []partReader) (smallest *partReader, err error) {
	for i := range sources {
		s := &sources[i]
		if err := s.fill(ctx); err != nil {
			return nil, err
		}
		if len(s.items) > 0 && (smallest == nil || s.key() < smallest.key()) {
			smallest = s
		}
	}
	return smallest, nil
}

// A partReader reads the live records of one part of a collection, page by page.
type partReader struct {
	table     *table
	partition string
	after     string // the last key read; "" before the first
	page      int32
	items     []item
	end       bool // the last page has been read
}

func (p *partReader) key() string {
	r := reader{item: p.items[0]}
	return r.text("sk")
}

func (p *partReader) pop() item {
	it := p.items[0]
	p.items = p.items[1:]
	return it
}

// fill reads pages until it has an item or has reached the end.
func (p *partReader) fill(ctx context.Context) error {
	for len(p.items) == 0 && !p.end {
		in := &dynamodb.QueryInput{
			TableName:                 p.table.name,
			ConsistentRead:            aws.Bool(true),
			Limit:                     aws.Int32(p.page),
			KeyConditionExpression:    aws.String("pk = :pk"),
			FilterExpression:          aws.String("attribute_not_exists(#deleted)"),
			ExpressionAttributeNames:  map[string]string{"#deleted": "deleted"},
			ExpressionAttributeValues: item{":pk": text(p.partition)},
		}
		if p.after != "" {
			in.KeyConditionExpression = aws.String("pk = :pk AND sk > :after")
			in.ExpressionAttributeValues[":after"] = text(p.after)
		}
		out, err := p.table.query(ctx, in)
		if err != nil {
			return err
		}
		p.items = out.Items
		p.end = out.LastEvaluatedKey == nil
		if last, ok := out.LastEvaluatedKey["sk"].(*types.AttributeValueMemberS); ok {
			p.after = last.Value
		}
	}
	return nil
}

func (t *table) query(ctx context.Context, in *dynamodb.QueryInput) (out *dynamodb.QueryOutput, err error) {
	err = t.try(ctx, "Query", func(ctx context.Context) (err error) {
		out, err = t.client.Query(ctx, in)
		return err
	})
	return out, err
}
