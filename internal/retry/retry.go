// Package retry repeats calls to a service that failed temporarily. It is
// the only place where a call to AWS is repeated: the drivers use it with the
// SDK's own retries disabled, and nothing above the drivers repeats a call.
package retry

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// maxAttempts is the most times that one call is sent.
const maxAttempts = 5

// A Policy configures how calls are repeated. It is safe for concurrent use.
type Policy struct {
	// Transient reports whether the same call may succeed a moment later.
	Transient func(error) bool

	// Backoff is the pause after a failed attempt, counted from 0; nil means
	// [FullJitter] of at most a second.
	Backoff func(attempt int) time.Duration

	// Timeout is the most time that one attempt may take, so that a call that
	// hangs is sent again; 0 means the time that ctx leaves.
	Timeout time.Duration
}

// Do calls f until it succeeds, fails with an error that is not transient, has
// been called [maxAttempts] times, or ctx leaves no time for another attempt. It
// returns the last error of f.
func (p *Policy) Do(ctx context.Context, f func(context.Context) error) error {
	for attempt := 0; ; attempt++ {
		err := p.attempt(ctx, f)
		if err == nil || ctx.Err() != nil || !p.Transient(err) || !p.Pause(ctx, attempt) {
			return err
		}
	}
}

func (p *Policy) attempt(ctx context.Context, f func(context.Context) error) error {
	if p.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Timeout)
		defer cancel()
	}
	return f(ctx)
}

// Pause waits after a failed attempt, counted from 0. It returns false if there
// must not be another attempt.
func (p *Policy) Pause(ctx context.Context, attempt int) bool {
	if attempt+1 >= maxAttempts {
		return false
	}
	if p.Backoff == nil {
		return Wait(ctx, FullJitter(attempt, time.Second))
	}
	return Wait(ctx, p.Backoff(attempt))
}

// Wait pauses for d before another attempt. It returns false if ctx leaves no time
// for one: at once if the deadline is known to be too early, else when
// ctx is done.
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

// FullJitter returns the random pause after a failed attempt, counted from 0: up to 25 ms,
// doubling to at most most. It spreads callers that failed together over the
// whole interval.
func FullJitter(attempt int, most time.Duration) time.Duration {
	const first = 25 * time.Millisecond
	most = min(first<<min(attempt, 10), most)
	return time.Duration(rand.New(seedable{}).Int64N(int64(most))) + time.Millisecond
}

// seedable is the source of crypto/rand: tests can seed that one, unlike the global
// source of math/rand.
type seedable struct{}

// Uint64 implements [rand.Source].
func (seedable) Uint64() uint64 {
	var b [8]byte
	_, _ = crand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}
