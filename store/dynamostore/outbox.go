package dynamostore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// ListPending implements [store.Outbox]. The index follows the table with a delay.
func (l *Ledger) ListPending(ctx context.Context, shard int, before time.Time, limit int) ([]store.IdempotencyKey, error) {
	var keys []store.IdempotencyKey
	in := &dynamodb.QueryInput{
		TableName:                 l.table,
		IndexName:                 aws.String(Index),
		KeyConditionExpression:    aws.String("#open = :shard AND opened < :before"),
		ExpressionAttributeNames:  map[string]string{"#open": "open"},
		ExpressionAttributeValues: item{":shard": text(shardName(shard)), ":before": instant(before)},
	}
	for len(keys) < limit {
		in.Limit = aws.Int32(int32(limit - len(keys)))
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
			TableName:                l.table,
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
	if refusal, ok := errors.AsType[*refused](err); ok {
		return false, refusal.newer(format.Counter)
	}
	return err == nil, err
}

// IdempotencyRecords implements [store.Outbox]. It scans the table, records included: for an
// operator who looks for something, not for the path of a request. The cursor
// is the key of the last idempotency record.
func (l *Ledger) IdempotencyRecords(ctx context.Context, cursor string, limit int) ([]store.IdempotencyRecord, string, error) {
	in := &dynamodb.ScanInput{
		TableName:                 l.table,
		ConsistentRead:            aws.Bool(true),
		FilterExpression:          aws.String("begins_with(pk, :mark) AND expires > :now"),
		ExpressionAttributeValues: item{":mark": text(markPrefix), ":now": text(l.now())},
	}
	if cursor != "" {
		if !strings.HasPrefix(cursor, markPrefix) {
			return nil, "", fault.Errorf(fault.Invalid, "cursor is not one that a list of marks has answered")
		}
		in.ExclusiveStartKey = primaryKey(cursor, alone)
	}
	var marks []store.IdempotencyRecord
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
			marks = append(marks, m)
			last := i == len(out.Items)-1 && out.LastEvaluatedKey == nil
			if len(marks) == limit && !last {
				r := reader{item: it}
				return marks, r.text("pk"), nil
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return marks, "", nil
		}
	}
}

func (l *Ledger) scan(ctx context.Context, in *dynamodb.ScanInput) (out *dynamodb.ScanOutput, err error) {
	err = l.try(ctx, "Scan", func(ctx context.Context) (err error) {
		out, err = l.client.Scan(ctx, in)
		return err
	})
	return out, err
}
