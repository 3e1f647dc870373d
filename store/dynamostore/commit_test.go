package dynamostore

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// at once tries again without a pause.
var atOnce = &Options{Backoff: func(int) time.Duration { return 0 }}

func throttled() error {
	return &types.ThrottlingException{}
}

func unavailable() error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusServiceUnavailable}},
		Err:      &smithy.GenericAPIError{Code: "ServiceUnavailable"},
	}
}

func TestTransientErrorsAreRetried(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		tokens int // number of different ones among the first two calls
	}{
		"throttled":                          {throttled(), 1},
		"unavailable":                        {unavailable(), 1},
		"in progress":                        {&types.TransactionInProgressException{}, 1},
		"connection refused":                 {&smithyhttp.RequestSendError{Err: errors.New("connection refused")}, 1},
		"attempt timed out":                  {context.DeadlineExceeded, 1},
		"conflict on the idempotency record": {cancelled("TransactionConflict", "None"), 2},
		"conflict on the record":             {cancelled("None", "TransactionConflict"), 2},
		"throttled in part":                  {cancelled("None", "ThrottlingError"), 2},
		"conflict on the idempotency record, condition of the record false": {cancelled("TransactionConflict", "ConditionalCheckFailed"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{before: func(c *call) error {
				if c.name == "TransactWriteItems" && c.n < 3 {
					return test.err
				}
				return nil
			}}
			l := newLedger(t, atOnce, w.use)
			w.reset()
			if r := commit(t, l, newChange("p1", "e1", `{}`)); r.Replayed {
				t.Error("the result is marked as replayed")
			}
			tokens := w.tokens()
			if len(tokens) != 4 || distinct(tokens[:2]) != test.tokens {
				t.Errorf("tokens %v, want 4, the first two %d different", tokens, test.tokens)
			}
		})
	}
}

func TestLostResponse(t *testing.T) {
	w := &wire{after: func(c *call) error {
		if c.name == "TransactWriteItems" && c.n == 0 {
			return &smithyhttp.RequestSendError{Err: errors.New("connection reset by peer")}
		}
		return nil
	}}
	l := newLedger(t, atOnce, w.use)
	w.reset()
	if r := commit(t, l, newChange("p1", "e1", `{}`)); r.Replayed {
		t.Error("a retry with the same token is reported as a redelivery")
	}
	if tokens := w.tokens(); len(tokens) != 2 || tokens[0] != tokens[1] {
		t.Errorf("tokens %v, want one, twice", tokens)
	}
}

func TestPermanentThrottling(t *testing.T) {
	w := &wire{}
	l := newLedger(t, nil, w.use)
	w.before = func(*call) error { return throttled() }
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	w.reset()
	_, err := l.Commit(ctx, newChange("p1", "e1", `{}`))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, want the fault unavailable", err)
	}
	if ctx.Err() != nil {
		t.Error("no time was left to respond")
	}
	if len(w.calls) < 3 {
		t.Errorf("%d calls in 300 ms", len(w.calls))
	}
}

func TestTimedOutCallIsRetried(t *testing.T) {
	w := &wire{}
	l := newLedger(t, &Options{Backoff: atOnce.Backoff, Attempt: 250 * time.Millisecond}, w.use)
	w.before = func(c *call) error {
		if c.n == 0 {
			time.Sleep(300 * time.Millisecond) // the attempt's context has ended when the call begins
		}
		return nil
	}
	w.reset()
	commit(t, l, newChange("p1", "e1", `{}`))
	if got := w.names(); got != "TransactWriteItems TransactWriteItems" {
		t.Errorf("calls %s", got)
	}
}

func TestConditionFailures(t *testing.T) {
	w := &wire{}
	l := newLedger(t, atOnce, w.use)
	first := newChange("p1", "e1", `{"n":1}`)
	commit(t, l, first)

	t.Run("redelivery", func(t *testing.T) {
		w.reset()
		r := commit(t, l, first)
		if !r.Replayed || r.Version != first.Record.Version {
			t.Errorf("result %+v", r)
		}
		if got := w.names(); got != "TransactWriteItems" {
			t.Errorf("calls %s, want one transaction", got)
		}
	})
	t.Run("another request", func(t *testing.T) {
		other := newChange("p1", "e1", `{"n":2}`)
		other.Idempotency.Fingerprint = store.Fingerprint{9}
		if _, err := l.Commit(t.Context(), other); !fault.Is(err, fault.Conflict) {
			t.Errorf("%v, want the fault conflict", err)
		}
	})
	t.Run("version conflict", func(t *testing.T) {
		w.reset()
		_, err := l.Commit(t.Context(), newChange("p1", "e2", `{"n":2}`))
		moved, ok := errors.AsType[*store.VersionConflict](err)
		if !ok || moved.Current.Version != first.Record.Version || !store.Equal(moved.Current.Data, first.Record.Data) {
			t.Errorf("%v, want a version conflict with the stored record", err)
		}
		if got := w.names(); got != "TransactWriteItems" {
			t.Errorf("calls %s, want one transaction", got)
		}
	})
	t.Run("exhausted", func(t *testing.T) {
		c := newChange("p2", "e3", `{}`)
		c.TokenLimit = 15
		if _, err := l.Commit(t.Context(), c); !fault.Is(err, fault.Exhausted) {
			t.Errorf("%v, want the fault exhausted: 10 of 15 are used", err)
		}
		if _, err := l.Record(t.Context(), c.Record.Ref); !fault.Is(err, fault.NotFound) {
			t.Errorf("record of the rejected change: %v", err)
		}
	})
}

func TestLimitIsSeededOnce(t *testing.T) {
	w := &wire{}
	l := newLedger(t, atOnce, w.use)
	commit(t, l, newChange("p1", "e1", `{}`))
	limited := func(key, id string) *store.Change {
		c := newChange(events.RecordKey(key), id, `{}`)
		c.TokenLimit = 100
		return c
	}
	commit(t, l, limited("p2", "e2"))
	w.reset()
	commit(t, l, limited("p3", "e3"))
	if got := w.names(); got != "TransactWriteItems" {
		t.Errorf("calls %s, want one transaction once the counter exists", got)
	}
	counter, err := l.get(t.Context(), usageKey("acme", limited("", "").Idempotency.Bill.Month))
	if err != nil {
		t.Fatal(err)
	}
	r := reader{item: counter}
	if used := r.integer("used"); used != 30 || r.err != nil {
		t.Errorf("the counter is %d, %v; want 30", used, r.err)
	}
}
