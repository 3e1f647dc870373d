package dynamostore

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// The conditions of a commit. An expired idempotency record counts as absent once
// its bill is in the totals. An expired tombstone counts as absent once the object
// or file shows the deletion.
const (
	idempotencyKeyIsFree = "attribute_not_exists(pk) OR (#expires <= :now AND (attribute_not_exists(#tokens) OR attribute_exists(#folded)) AND " + knownFormat + ")"
	recordIsAbsent       = "attribute_not_exists(pk) OR (#expires <= :now AND attribute_not_exists(#dirty) AND " + knownFormat + ")"
	recordHasVersion     = "#stamp = :prior AND " + knownFormat
)

var (
	idempotencyKeyIsFreeNames = map[string]string{"#expires": "expires", "#tokens": "tokens", "#folded": "folded", "#format": formatAttribute}
	recordIsAbsentNames       = map[string]string{"#expires": "expires", "#dirty": "dirty", "#format": formatAttribute}
	recordHasVersionNames     = map[string]string{"#stamp": "stamp", "#format": formatAttribute}
)

// Commit implements [store.Ledger] by one transaction. If a condition fails,
// DynamoDB returns the item that was found, so a redelivery needs no second call.
func (l *Ledger) Commit(ctx context.Context, c *store.Change) (store.Result, error) {
	for attempt := 0; ; attempt++ {
		how, err := l.counting(ctx, c)
		if err != nil {
			return store.Result{}, err
		}
		writes, err := l.writes(c, how)
		if err != nil {
			return store.Result{}, err
		}
		err = l.transact(ctx, writes)
		l.noteCommit(c, how, err)
		if err == nil {
			return c.Idempotency.Result, nil
		}
		failed, ok := errors.AsType[*conditionFailed](err)
		if !ok {
			return store.Result{}, err
		}
		result, err := l.resolveConflict(ctx, c, failed)
		if !errors.Is(err, errRetry) {
			return result, err
		}
		if !l.retry.Pause(ctx, attempt) {
			return store.Result{}, fault.Wrap("dynamostore.Commit", fault.Unavailable, failed)
		}
	}
}

// errRetry says that the reason for which a commit failed has been removed, so that
// the commit can be repeated.
var errRetry = errors.New("commit again")

// writes returns the writes of a change. Their order decides which failed condition
// is reported: API key, idempotency record, record, counter.
func (l *Ledger) writes(c *store.Change, how counting) ([]types.TransactWriteItem, error) {
	idempotency, err := encodeIdempotencyRecord(&c.Idempotency)
	if err != nil {
		return nil, err
	}
	if how != uncounted {
		idempotency["counted"] = boolean(true)
	}
	now := text(l.now())
	writes := make([]types.TransactWriteItem, 0, 4)
	if c.ActiveKey != "" {
		writes = append(writes, types.TransactWriteItem{ConditionCheck: l.activeKeyCheck(c)})
	}
	writes = append(writes, types.TransactWriteItem{Put: &types.Put{
		TableName:                           l.name,
		Item:                                idempotency,
		ConditionExpression:                 aws.String(idempotencyKeyIsFree),
		ExpressionAttributeNames:            idempotencyKeyIsFreeNames,
		ExpressionAttributeValues:           item{":now": now, ":format": integer(format.Idempotency)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}})
	if c.Record != nil {
		record, err := encodeRecord(c.Record)
		if err != nil {
			return nil, err
		}
		put := &types.Put{
			TableName:                           l.name,
			Item:                                record,
			ConditionExpression:                 aws.String(recordIsAbsent),
			ExpressionAttributeNames:            recordIsAbsentNames,
			ExpressionAttributeValues:           item{":now": now, ":format": integer(format.Record)},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}
		if c.IfVersion != "" {
			put.ConditionExpression = aws.String(recordHasVersion)
			put.ExpressionAttributeNames = recordHasVersionNames
			put.ExpressionAttributeValues = item{":prior": text(string(c.IfVersion)), ":format": integer(format.Record)}
		}
		writes = append(writes, types.TransactWriteItem{Put: put})
	}
	if how != uncounted {
		writes = append(writes, types.TransactWriteItem{Update: l.count(c, how)})
	}
	return writes, nil
}

// resolveConflict returns the result of a commit whose condition failed, or errRetry
// if the commit can be repeated.
func (l *Ledger) resolveConflict(ctx context.Context, c *store.Change, r *conditionFailed) (store.Result, error) {
	index := r.index
	if c.ActiveKey != "" {
		if index--; index < 0 {
			return store.Result{}, store.KeyRefused(c.ActiveKey)
		}
	}
	switch {
	case index == 0:
		m, err := decodeIdempotencyRecord(r.found)
		if err != nil {
			return store.Result{}, err
		}
		if l.isLive(&m) {
			return m.Replay(c)
		}
		// It has expired, but its bill has not been counted yet.
		if err := l.AggregateUsage(ctx, []store.IdempotencyKey{m.Key}); err != nil {
			return store.Result{}, err
		}
		return store.Result{}, errRetry
	case index == 1 && c.Record != nil:
		return store.Result{}, l.versionConflict(c.Record.Ref, r.found)
	}
	return store.Result{}, l.resolveLimit(ctx, c, r.found)
}

// versionConflict returns the error for a record that is not the expected one.
func (l *Ledger) versionConflict(ref store.Ref, found item) error {
	if found == nil {
		return &store.VersionConflict{Current: store.Record{Ref: ref}}
	}
	h, err := decodeRecord(found)
	if err != nil {
		return err
	}
	if l.isExpiredTombstone(&h) {
		h = store.Record{Ref: ref}
	}
	return &store.VersionConflict{Current: h}
}

// isLive reports whether an idempotency record has not expired.
func (l *Ledger) isLive(m *store.IdempotencyRecord) bool { return m.Expires.After(l.o.Clock()) }

// isExpiredTombstone reports whether a record is an expired tombstone, which counts
// as absent whether or not DynamoDB has deleted it.
func (l *Ledger) isExpiredTombstone(h *store.Record) bool {
	return h.Deleted && !h.Unprojected && !h.Expires.After(l.o.Clock())
}

// transact executes a transaction. After a missing response it sends the same bytes
// with the same token, so that DynamoDB executes them once. After a cancellation it
// uses a new token.
func (t *table) transact(ctx context.Context, writes []types.TransactWriteItem) error {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: writes, ClientRequestToken: aws.String(rand.Text())}
	return t.try(ctx, "TransactWriteItems", func(ctx context.Context) error {
		_, err := t.client.TransactWriteItems(ctx, in)
		if _, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
			in.ClientRequestToken = aws.String(rand.Text())
		}
		return err
	})
}
