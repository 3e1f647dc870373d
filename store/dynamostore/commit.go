package dynamostore

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// The conditions of a commit. An expired mark counts as absent once its bill
// is in the totals; an expired tombstone once object or file show it.
const (
	markIsFree = "attribute_not_exists(pk) OR (#expires <= :now AND (attribute_not_exists(#tokens) OR attribute_exists(#folded)))"
	headIsFree = "attribute_not_exists(pk) OR (#expires <= :now AND attribute_not_exists(#dirty))"
	headIsPrior = "#stamp = :prior"
)

var (
	markNames  = map[string]string{"#expires": "expires", "#tokens": "tokens", "#folded": "folded"}
	freeNames  = map[string]string{"#expires": "expires", "#dirty": "dirty"}
	priorNames = map[string]string{"#stamp": "stamp"}
)

// The places of the items in a commit's transaction. Where several conditions
// fail the first place decides, in the order that the contract wants.
const (
	markPlace = iota
	headPlace
	limitPlace
)

// Commit implements [store.Ledger]: one transaction, in which a mark or head
// that was in the way comes back with the refusal.
func (l *Ledger) Commit(ctx context.Context, c *store.Change) (store.Receipt, error) {
	tx, err := l.newTransaction(c)
	if err != nil {
		return store.Receipt{}, err
	}
	for range attempts {
		err := l.transact(ctx, tx.items)
		if err == nil {
			return c.Mark.Receipt, nil
		}
		cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
		if !ok || fault.CodeOf(err) == fault.Unavailable {
			return store.Receipt{}, err
		}
		reason, place := decisive(cancelled)
		switch {
		case aws.ToString(reason.Code) != conditionalCheckFailed:
			return store.Receipt{}, fault.E("dynamodb.TransactWriteItems", fault.Internal, err)
		case place < len(tx.places) && tx.places[place] == markPlace:
			m, err := decodeMark(reason.Item)
			if err != nil {
				return store.Receipt{}, err
			}
			if l.live(&m) {
				return m.Replay(c.Mark.Fingerprint)
			}
			// It has expired, but nobody has counted its bill.
			if err := l.Fold(ctx, []store.IdempotencyKey{m.Key}); err != nil {
				return store.Receipt{}, err
			}
		case tx.places[place] == headPlace:
			return store.Receipt{}, l.moved(c.Head.Ref, reason.Item)
		default:
			if err := l.overLimit(ctx, c, reason.Item); err != nil {
				return store.Receipt{}, err
			}
		}
	}
	return store.Receipt{}, fault.New(fault.Unavailable, "the change met others again and again")
}
