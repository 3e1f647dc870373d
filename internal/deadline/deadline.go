// Package deadline reserves the end of an invocation's time. The work of an
// invocation gets a context that ends early, so that its results can still be
// stored and logged, and its response returned, before the invocation is killed.
//
//	ctx, cancel := deadline.Reserve(ctx) // in the handler
//	defer cancel()
//	...
//	err := store.Settle(deadline.Final(ctx), key, settlement) // after the work
package deadline

import (
	"context"
	"time"
)

// maxMargin is the maximum time that is reserved. For a short time-out a quarter is
// reserved.
const maxMargin = 2 * time.Second

type finalKey struct{}

// Reserve returns a context for the work of an invocation. It ends before ctx
// by [maxMargin], or by a quarter of the time left if that is less. Without a
// deadline nothing is reserved.
func Reserve(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	margin := min(maxMargin, max(0, time.Until(end)/4))
	// The last quarter of the margin is for the log line and the response.
	final, cancelFinal := context.WithDeadline(ctx, end.Add(-margin/4))
	work, cancelWork := context.WithDeadline(context.WithValue(ctx, finalKey{}, final), end.Add(-margin))
	return work, func() {
		cancelWork()
		cancelFinal()
	}
}

// Final returns a context for storing the results of the work of ctx, which may
// have ended. It ends later than the context of [Reserve], but before the invocation.
// Without a reservation it is ctx.
func Final(ctx context.Context) context.Context {
	if final, ok := ctx.Value(finalKey{}).(context.Context); ok {
		return final
	}
	return ctx
}
