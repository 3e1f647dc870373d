package main

import (
	"context"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/internal/names"
)

type probe func(context.Context)

func (p probe) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	p(ctx)
	return nil, nil
}

// TestRunHasATimeLimit checks that a run ends after RelayRun, or earlier if the
// function's time-out is shorter.
func TestRunHasATimeLimit(t *testing.T) {
	for _, given := range []time.Duration{names.RelayTimeout, 10 * time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), given)
		defer cancel()
		called := false
		_, err := handler{probe(func(ctx context.Context) {
			called = true
			deadline, _ := ctx.Deadline()
			if left, want := time.Until(deadline), min(given, names.RelayRun); left > want || left < want-5*time.Second {
				t.Errorf("given %v, the run has %v, want %v", given, left, want)
			}
		})}.Invoke(ctx, nil)
		if err != nil || !called {
			t.Errorf("called %v, %v", called, err)
		}
	}
	if names.RelayRun >= time.Minute || names.RelayRun >= names.RelayTimeout {
		t.Error("a run must end before the next one begins and before Lambda ends it")
	}
}
