package dynamostore

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// attempts bounds the tries of one call where the context does not end it sooner.
const attempts = 10

// try calls f until it succeeds, fails for good, or the time of ctx will not
// last for another attempt: then the fault is Unavailable. call is the name of
// the API call, for the log. Each attempt has a time of its own, so that one
// that hangs can be sent again.
func (l *Ledger) try(ctx context.Context, call string, f func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := l.attempt(ctx, f)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fault.E("dynamodb."+call, fault.Unavailable, errors.Join(ctx.Err(), err))
		case !transient(err):
			return l.explain(call, err)
		case !l.pause(ctx, attempt):
			return fault.E("dynamodb."+call, fault.Unavailable, err)
		}
	}
}

func (l *Ledger) attempt(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.Attempt)
	defer cancel()
	return f(ctx)
}

// pause waits before another attempt; it answers false where there is none.
func (l *Ledger) pause(ctx context.Context, attempt int) bool {
	return attempt+1 < attempts && store.Wait(ctx, l.o.Backoff(attempt))
}

func fullJitter(attempt int) time.Duration { return store.FullJitter(attempt, time.Second) }

// transient reports whether the same call may succeed a moment later: it was
// throttled, met another transaction, or got no answer, in which case it may
// have been carried out.
func transient(err error) bool {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		reason, _ := decisive(cancelled)
		return transientReason(reason)
	}
	if _, ok := errors.AsType[*types.TransactionConflictException](err); ok {
		return true
	}
	if _, ok := errors.AsType[*types.TransactionInProgressException](err); ok {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return true // the attempt's time; that of the caller is looked at before
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool()
}
