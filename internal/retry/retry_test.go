package retry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/internal/retry"
)

var errBusy, errBroken = errors.New("busy"), errors.New("broken")

func policy() *retry.Policy {
	return &retry.Policy{
		Transient: func(err error) bool { return errors.Is(err, errBusy) || errors.Is(err, context.DeadlineExceeded) },
		Backoff:   func(int) time.Duration { return 0 },
	}
}

func TestDo(t *testing.T) {
	for name, c := range map[string]struct {
		errs  []error // of the first calls; later ones succeed
		calls int
		want  error
	}{
		"success":           {nil, 1, nil},
		"busy once":         {[]error{errBusy}, 2, nil},
		"busy four times":   {[]error{errBusy, errBusy, errBusy, errBusy}, 5, nil},
		"busy for good":     {[]error{errBusy, errBusy, errBusy, errBusy, errBusy}, 5, errBusy},
		"broken":            {[]error{errBroken}, 1, errBroken},
		"busy, then broken": {[]error{errBusy, errBroken}, 2, errBroken},
	} {
		calls := 0
		err := policy().Do(t.Context(), func(context.Context) error {
			calls++
			if calls <= len(c.errs) {
				return c.errs[calls-1]
			}
			return nil
		})
		if calls != c.calls || !errors.Is(err, c.want) {
			t.Errorf("%s: %d calls, %v; want %d, %v", name, calls, err, c.calls, c.want)
		}
	}
}

func TestDoEndsBeforeTheDeadline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := policy()
	p.Backoff = func(int) time.Duration { return time.Hour }
	calls := 0
	err := p.Do(ctx, func(context.Context) error { calls++; return errBusy })
	if calls != 1 || !errors.Is(err, errBusy) || ctx.Err() != nil {
		t.Errorf("%d calls, %v, context %v; want one call and time left", calls, err, ctx.Err())
	}
}

func TestDoEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := policy().Do(ctx, func(context.Context) error {
		calls++
		cancel()
		return errBusy
	})
	if calls != 1 || !errors.Is(err, errBusy) {
		t.Errorf("%d calls, %v; want one", calls, err)
	}
}

func TestDoRepeatsACallThatHangs(t *testing.T) {
	p := policy()
	p.Timeout = time.Millisecond
	calls := 0
	err := p.Do(t.Context(), func(ctx context.Context) error {
		if calls++; calls == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	if calls != 2 || err != nil {
		t.Errorf("%d calls, %v; want a second one", calls, err)
	}
}

func TestFullJitter(t *testing.T) {
	for attempt, most := range []time.Duration{25, 50, 100, 200, 400, 500, 500} {
		for range 200 {
			if d := retry.FullJitter(attempt, 500*time.Millisecond); d < time.Millisecond || d > most*time.Millisecond+time.Millisecond {
				t.Fatalf("attempt %d: %v, want 1 to %d ms", attempt, d, most)
			}
		}
	}
}
