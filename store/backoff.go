package store

import (
	"context"
	"math/rand/v2"
	"time"
)

// Wait pauses for d before another attempt. It answers false, at once or as
// soon as it is so, where ctx leaves no time for one.
func Wait(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// FullJitter is the pause after a failed attempt, counted from 0: up to 25 ms,
// doubling to at most most. It spreads callers that failed together over the
// whole interval.
func FullJitter(attempt int, most time.Duration) time.Duration {
	const first = 25 * time.Millisecond
	return rand.N(min(first<<min(attempt, 10), most)) + time.Millisecond
}
