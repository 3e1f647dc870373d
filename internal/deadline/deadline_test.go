package deadline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blockforger/eventrouter/internal/deadline"
)

func TestReserve(t *testing.T) {
	for timeout, want := range map[time.Duration]struct{ work, final time.Duration }{
		30 * time.Second: {28 * time.Second, 29500 * time.Millisecond},
		8 * time.Second:  {6 * time.Second, 7500 * time.Millisecond},
		4 * time.Second:  {3 * time.Second, 3750 * time.Millisecond},
		time.Second:      {750 * time.Millisecond, 937500 * time.Microsecond},
		0:                {0, 0},
		-time.Second:     {0, 0}, // the invocation's time is over already
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			outer, cancelOuter := context.WithTimeout(t.Context(), timeout)
			defer cancelOuter()
			work, cancel := deadline.Reserve(outer)
			defer cancel()
			final := deadline.Final(work)
			<-work.Done()
			if got := time.Since(start); got != want.work {
				t.Errorf("time-out %v: the work ends after %v, want %v", timeout, got, want.work)
			}
			<-final.Done()
			if got := time.Since(start); got != want.final {
				t.Errorf("time-out %v: the rest ends after %v, want %v", timeout, got, want.final)
			}
		})
	}
}

func TestNothingToReserve(t *testing.T) {
	ctx, cancel := deadline.Reserve(t.Context())
	if _, ok := ctx.Deadline(); ok {
		t.Error("a context without a deadline got one")
	}
	if deadline.Final(ctx) != ctx {
		t.Error("without a reservation Final must be the context itself")
	}
	cancel()
	if ctx.Err() == nil {
		t.Error("cancel has no effect")
	}
}

// TestCancelEndsBoth: no timer is left behind after an invocation.
func TestCancelEndsBoth(t *testing.T) {
	outer, cancelOuter := context.WithTimeout(t.Context(), time.Hour)
	defer cancelOuter()
	ctx, cancel := deadline.Reserve(outer)
	final := deadline.Final(ctx)
	cancel()
	if ctx.Err() == nil || final.Err() == nil || outer.Err() != nil {
		t.Errorf("after cancel: %v, %v, outer %v", ctx.Err(), final.Err(), outer.Err())
	}
}
