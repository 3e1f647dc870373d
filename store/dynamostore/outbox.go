package dynamostore

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// ListPending implements [store.Outbox]. It reads the index, which is updated a
// moment after the table.
func (l *Ledger) ListPending(ctx context.Context, shard int, before time.Time, limit int) ([]store.IdempotencyKey, error) {
	return indexed(ctx, l, &dynamodb.QueryInput{
		TableName:                 l.name,
		IndexName:                 aws.String(Index),
		KeyConditionExpression:    aws.String("#open = :shard AND opened < :before"),
		ExpressionAttributeNames:  map[string]string{"#open": "open"},
		ExpressionAttributeValues: item{":shard": text(shardName(shard)), ":before": instant(before)},
	}, limit)
}

// ListFailed implements [store.Outbox]. It reads the index.
func (l *Ledger) ListFailed(ctx context.Context, shard, limit int) ([]store.IdempotencyKey, error) {
	return indexed(ctx, l, &dynamodb.QueryInput{
		TableName:                 l.name,
		IndexName:                 aws.String(Index),
		KeyConditionExpression:    aws.String("#open = :shard"),
		ExpressionAttributeNames:  map[string]string{"#open": "open"},
		ExpressionAttributeValues: item{":shard": text(failedPrefix + shardName(shard))},
	}, limit)
}

// indexed lists the idempotency records that a query of the index returns.
func indexed(ctx context.Context, l *Ledger, in *dynamodb.QueryInput, limit int) (keys []store.IdempotencyKey, err error) {
	for len(keys) < limit {
		in.Limit = aws.Int32(int32(min(limit-len(keys), math.MaxInt32)))
		out, err := l.query(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, it := range out.Items {
			r := reader{item: it}
			if key, ok := parseIdempotencyKey(r.text("pk")); ok {
				keys = append(keys, key)
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			break
		}
	}
	return keys, nil
}

// Lease implements [store.Outbox].
func (l *Ledger) Lease(ctx context.Context, shard int, owner string, now, until time.Time) (bool, error) {
	err := l.try(ctx, "UpdateItem", func(ctx context.Context) error {
		_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                l.name,
			Key:                      leaseKey(shard),
			UpdateExpression:         aws.String("SET #owner = :owner, #until = :until"),
			ConditionExpression:      aws.String("attribute_not_exists(pk) OR (#owner = :owner OR #until <= :now) AND " + knownFormat),
			ExpressionAttributeNames: map[string]string{"#owner": "owner", "#until": "until", "#format": formatAttribute},
			ExpressionAttributeValues: item{
				":owner": text(owner), ":until": instant(until), ":now": instant(now), ":format": integer(format.Counter),
			},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	if failed, ok := errors.AsType[*conditionFailed](err); ok {
		return false, failed.newer(format.Counter)
	}
	return err == nil, err
}

// IdempotencyRecords implements [store.Outbox]. It scans the whole table, so it is
// meant for operators' commands, not for requests. The cursor is the pk of the last
// idempotency record.
func (l *Ledger) IdempotencyRecords(ctx context.Context, cursor string, limit int) ([]store.IdempotencyRecord, string, error) {
	in := &dynamodb.ScanInput{
		TableName:                 l.name,
		ConsistentRead:            aws.Bool(true),
		FilterExpression:          aws.String("begins_with(pk, :mark) AND expires > :now"),
		ExpressionAttributeValues: item{":mark": text(idempotencyPrefix), ":now": text(l.now())},
	}
	if cursor != "" {
		if !strings.HasPrefix(cursor, idempotencyPrefix) {
			return nil, "", fault.Errorf(fault.Invalid, "the cursor is not one that a list of idempotency records returned")
		}
		in.ExclusiveStartKey = primaryKey(cursor, onlySortKey)
	}
	var records []store.IdempotencyRecord
	for {
		out, err := l.scan(ctx, in)
		if err != nil {
			return nil, "", err
		}
		for i, it := range out.Items {
			m, err := decodeIdempotencyRecord(it)
			if err != nil {
				return nil, "", err
			}
			records = append(records, m)
			last := i == len(out.Items)-1 && out.LastEvaluatedKey == nil
			if len(records) == limit && !last {
				r := reader{item: it}
				return records, r.text("pk"), nil
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return records, "", nil
		}
	}
}

func (t *table) scan(ctx context.Context, in *dynamodb.ScanInput) (out *dynamodb.ScanOutput, err error) {
	err = t.try(ctx, "Scan", func(ctx context.Context) (err error) {
		out, err = t.client.Scan(ctx, in)
		return err
	})
	return out, err
}
