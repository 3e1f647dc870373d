package dynamostore

import (
	"context"
	"errors"

	sdkretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
)

// try sends one API call, named call, with the retries of [retry.Policy.Do]. The
// fault is Unavailable if the error is transient or ctx has ended.
func (t *table) try(ctx context.Context, call string, f func(context.Context) error) error {
	err := t.retry.Do(ctx, f)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.Wrap("dynamodb."+call, fault.Unavailable, errors.Join(ctx.Err(), err))
	case transient(err):
		return fault.Wrap("dynamodb."+call, fault.Unavailable, err)
	}
	return t.explain(call, err)
}

// transient reports whether the same call may succeed a moment later: it was
// throttled, conflicted with another transaction, or got no response, in which case
// it may have been executed.
func transient(err error) bool {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		reason, _ := decisiveReason(cancelled)
		return transientReason(reason)
	}
	if _, ok := errors.AsType[*types.TransactionConflictException](err); ok {
		return true
	}
	if _, ok := errors.AsType[*types.TransactionInProgressException](err); ok {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return true // the attempt's deadline; try has checked the caller's before
	}
	return sdkretry.IsErrorRetryables(sdkretry.DefaultRetryables).IsErrorRetryable(err).Bool()
}
