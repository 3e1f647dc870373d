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

// The conditions of a commit. An expired idempotency record counts as absent once its bill
// is in the totals; an expired tombstone, once object or file show it.
const (
	markIsFree  = "attribute_not_exists(pk) OR (#expires <= :now AND (attribute_not_exists(#tokens) OR attribute_exists(#folded)) AND " + knownFormat + ")"
	headIsFree  = "attribute_not_exists(pk) OR (#expires <= :now AND attribute_not_exists(#dirty) AND " + knownFormat + ")"
	headIsPrior = "#stamp = :prior AND " + knownFormat
)

var (
	markIsFreeNames  = map[string]string{"#expires": "expires", "#tokens": "tokens", "#folded": "folded", "#format": formatAttribute}
	headIsFreeNames  = map[string]string{"#expires": "expires", "#dirty": "dirty", "#format": formatAttribute}
	headIsPriorNames = map[string]string{"#stamp": "stamp", "#format": formatAttribute}
)

// Commit implements [store.Ledger]: one transaction. An idempotency record or record that is in
// the way comes back with the rejection, so that a redelivery costs no more.
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
		l.committed(c, how, err)
		if err == nil {
			return c.Idempotency.Result, nil
		}
		refusal, ok := errors.AsType[*refused](err)
		if !ok {
			return store.Result{}, err
		}
		receipt, err := l.resolveRefused(ctx, c, refusal)
		if !errors.Is(err, errRetry) {
			return receipt, err
		}
		if !l.retry.Pause(ctx, attempt) {
			return store.Result{}, fault.Wrap("dynamostore.Commit", fault.Unavailable, refusal)
		}
	}
}

// errRetry says that what stood in the way of a commit has been removed.
var errRetry = errors.New("commit again")

// writes are the items of a change, in the order in which they decide: API key,
// idempotency record, record, counter.
func (l *Ledger) writes(c *store.Change, how counting) ([]types.TransactWriteItem, error) {
	mark, err := encodeIdempotencyRecord(&c.Idempotency)
	if err != nil {
		return nil, err
	}
	if how != uncounted {
		mark["counted"] = boolean(true)
	}
	now := text(l.now())
	writes := make([]types.TransactWriteItem, 0, 4)
	if c.ActiveKey != "" {
		writes = append(writes, types.TransactWriteItem{ConditionCheck: l.active(c)})
	}
	writes = append(writes, types.TransactWriteItem{Put: &types.Put{
		TableName:                           l.table,
		Item:                                mark,
		ConditionExpression:                 aws.String(markIsFree),
		ExpressionAttributeNames:            markIsFreeNames,
		ExpressionAttributeValues:           item{":now": now, ":format": integer(format.Idempotency)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}})
	if c.Record != nil {
		head, err := encodeRecord(c.Record)
		if err != nil {
			return nil, err
		}
		put := &types.Put{
			TableName:                           l.table,
			Item:                                head,
			ConditionExpression:                 aws.String(headIsFree),
			ExpressionAttributeNames:            headIsFreeNames,
			ExpressionAttributeValues:           item{":now": now, ":format": integer(format.Record)},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}
		if c.IfVersion != "" {
			put.ConditionExpression = aws.String(headIsPrior)
			put.ExpressionAttributeNames = headIsPriorNames
			put.ExpressionAttributeValues = item{":prior": text(string(c.IfVersion)), ":format": integer(format.Record)}
		}
		writes = append(writes, types.TransactWriteItem{Put: put})
	}
	if how != uncounted {
		writes = append(writes, types.TransactWriteItem{Update: l.count(c, how)})
	}
	return writes, nil
}

// judge says what a rejected commit comes to; errRetry where it can be tried anew.
func (l *Ledger) resolveRefused(ctx context.Context, c *store.Change, r *refused) (store.Result, error) {
	place := r.place
	if c.ActiveKey != "" {
		if place--; place < 0 {
			return store.Result{}, store.KeyRefused(c.ActiveKey)
		}
	}
	switch {
	case place == 0:
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
	case place == 1 && c.Record != nil:
		return store.Result{}, l.versionConflict(c.Record.Ref, r.found)
	}
	return store.Result{}, l.countRefused(ctx, c, r.found)
}

// moved tells what stands where the prior record should have been.
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

// live reports whether an idempotency record still counts.
func (l *Ledger) isLive(m *store.IdempotencyRecord) bool { return m.Expires.After(l.o.Clock()) }

// gone reports whether a record is a tombstone past its time, which counts as
// absent whether or not DynamoDB has deleted it yet.
func (l *Ledger) isExpiredTombstone(h *store.Record) bool {
	return h.Deleted && !h.Unprojected && !h.Expires.After(l.o.Clock())
}

// transact carries out a transaction. The same bytes are sent again under the
// same token where no response came, so that DynamoDB takes them for one; after a
// rejection it is a new transaction.
func (l *Ledger) transact(ctx context.Context, writes []types.TransactWriteItem) error {
	in := &dynamodb.TransactWriteItemsInput{TransactItems: writes, ClientRequestToken: aws.String(rand.Text())}
	return l.try(ctx, "TransactWriteItems", func(ctx context.Context) error {
		_, err := l.client.TransactWriteItems(ctx, in)
		if _, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
			in.ClientRequestToken = aws.String(rand.Text())
		}
		return err
	})
}
