package dynamostore

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A conditionFailed is the error of a write or transaction that wrote nothing because
// a condition was false.
type conditionFailed struct {
	index int  // of the item in the transaction
	found item // the stored item; nil if there is none
	err   error
}

func (r *conditionFailed) Error() string { return r.err.Error() }
func (r *conditionFailed) Unwrap() error { return r.err }

// newer returns the error of a newer format if the stored item has one. It requires
// that DynamoDB returned the item.
func (r *conditionFailed) newer(known int64) error {
	found := reader{item: r.found}
	return found.checkFormat(known)
}

const conditionalCheckFailed = "ConditionalCheckFailed"

// asConditionFailed recognizes the two errors by which DynamoDB reports a false
// condition: one for single writes, one for transactions.
func asConditionFailed(err error) (*conditionFailed, bool) {
	if single, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return &conditionFailed{found: single.Item, err: err}, true
	}
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		if reason, index := decisiveReason(cancelled); aws.ToString(reason.Code) == conditionalCheckFailed {
			return &conditionFailed{index: index, found: reason.Item, err: err}, true
		}
	}
	return nil, false
}

// decisiveReason returns the first reason for which a transaction was cancelled, and
// the index of its item. [Ledger.writes] orders the items so that the first reason
// decides: if the idempotency record was in another transaction, a failed condition
// on the record is not yet meaningful.
func decisiveReason(c *types.TransactionCanceledException) (types.CancellationReason, int) {
	for i, reason := range c.CancellationReasons {
		if code := aws.ToString(reason.Code); code != "" && code != "None" {
			return reason, i
		}
	}
	return types.CancellationReason{}, -1
}

// transientReason reports whether a transaction that was cancelled for this
// reason may succeed when it is sent again.
func transientReason(r types.CancellationReason) bool {
	switch aws.ToString(r.Code) {
	case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
		return true
	}
	return false
}
