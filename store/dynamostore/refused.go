package dynamostore

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A refused is the error of a write whose condition did not hold, so that
// nothing was written.
type refused struct {
	place int  // of the item, in a transaction
	found item // what was there instead; nil for nothing
	err   error
}

func (r *refused) Error() string { return r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

// newer returns the error of a newer format, if that is why it was rejected. It
// needs the item that was found.
func (r *refused) newer(known int64) error {
	found := reader{item: r.found}
	return found.checkFormat(known)
}

const conditionalCheckFailed = "ConditionalCheckFailed"

// asRefused recognizes the two ways in which DynamoDB says so.
func asRefused(err error) (*refused, bool) {
	if single, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return &refused{found: single.Item, err: err}, true
	}
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		if reason, place := decisive(cancelled); aws.ToString(reason.Code) == conditionalCheckFailed {
			return &refused{place: place, found: reason.Item, err: err}, true
		}
	}
	return nil, false
}

// decisive returns the first reason for which a transaction was cancelled, and
// its place. Items stand in the order in which they decide, so what later ones
// met does not matter: where the idempotency record was busy, a failed condition on the record
// says nothing yet.
func decisive(c *types.TransactionCanceledException) (types.CancellationReason, int) {
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
