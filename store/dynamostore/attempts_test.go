package dynamostore

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/store"
)

// A failing DynamoDB counts requests by API call and responds with an error status,
// or with the entry of responses for the call, if there is one.
type failing struct {
	status    int
	errorType string
	responses map[string]string

	mu    sync.Mutex
	count map[string]int
}

func (f *failing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	f.count[call]++
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if response, ok := f.responses[call]; ok {
		_, _ = w.Write([]byte(response))
		return
	}
	w.WriteHeader(f.status)
	_, _ = w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#` + f.errorType + `"}`))
}

// ledger returns a ledger on a client whose own configuration has 10 attempts.
func (f *failing) ledger(t *testing.T, o *Options) *Ledger {
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	f.count = map[string]int{}
	config := awstest.Config(srv.URL)
	config.RetryMaxAttempts = 10
	return New(dynamodb.NewFromConfig(config), "t", o)
}

// TestAttempts: a call that fails is sent five times in all.
func TestAttempts(t *testing.T) {
	key := newChange("p1", "e1", `{}`).Idempotency.Key
	idempotency := `{"Responses":{"t":[{"pk":{"S":"mark/acme/event/e1"},"sk":{"S":"-"},"tokens":{"N":"10"},"month":{"S":"2026-11"},"expires":{"S":"2126-11-21T12:00:00.000000000Z"},"time":{"S":"2026-11-21T12:00:00.000000000Z"}}]}}`
	unread := `{"Responses":{},"UnprocessedKeys":{"t":{"Keys":[{"pk":{"S":"mark/acme/event/e1"},"sk":{"S":"-"}}]}}}`
	commit := func(ctx context.Context, l *store.Store) error {
		_, err := l.Commit(ctx, *newChange("p1", "e1", `{}`))
		return err
	}
	for name, c := range map[string]struct {
		status    int
		errorType string
		responses map[string]string
		do        func(context.Context, *store.Store) error
		want      map[string]int
	}{
		"commit":            {500, "InternalServerError", nil, commit, map[string]int{"TransactWriteItems": 5}},
		"commit, throttled": {400, "ThrottlingException", nil, commit, map[string]int{"TransactWriteItems": 5}},
		"commit, invalid":   {400, "ValidationException", nil, commit, map[string]int{"TransactWriteItems": 1}},
		"save progress after a commit": {500, "InternalServerError", nil, func(ctx context.Context, l *store.Store) error {
			return l.SaveProgress(ctx, key, published(0))
		}, map[string]int{"UpdateItem": 5}},
		"save progress": {500, "InternalServerError", nil, func(ctx context.Context, l *store.Store) error {
			return l.SaveProgress(ctx, key, store.Progress{Recheck: now()})
		}, map[string]int{"BatchGetItem": 5}},
		"save progress, write": {500, "InternalServerError", map[string]string{"BatchGetItem": idempotency}, func(ctx context.Context, l *store.Store) error {
			return l.SaveProgress(ctx, key, store.Progress{Recheck: now()})
		}, map[string]int{"BatchGetItem": 1, "UpdateItem": 5}},
		"aggregate": {500, "InternalServerError", nil, func(ctx context.Context, l *store.Store) error {
			return l.AggregateUsage(ctx, []store.IdempotencyKey{key})
		}, map[string]int{"BatchGetItem": 5}},
		"aggregate, write": {500, "InternalServerError", map[string]string{"BatchGetItem": idempotency}, func(ctx context.Context, l *store.Store) error {
			return l.AggregateUsage(ctx, []store.IdempotencyKey{key})
		}, map[string]int{"BatchGetItem": 2, "TransactWriteItems": 5}},
		"aggregate, unprocessed keys": {500, "InternalServerError", map[string]string{"BatchGetItem": unread}, func(ctx context.Context, l *store.Store) error {
			return l.AggregateUsage(ctx, []store.IdempotencyKey{key})
		}, map[string]int{"BatchGetItem": 5}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &failing{status: c.status, errorType: c.errorType, responses: c.responses}
			// The deadline ends the test if a loop never ends.
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := c.do(ctx, store.New(f.ledger(t, atOnce), nil)); err == nil {
				t.Error("success, want a fault")
			}
			if !maps.Equal(f.count, c.want) {
				t.Errorf("requests %v, want %v", f.count, c.want)
			}
		})
	}
}

// TestAttemptsEndBeforeTheDeadline: the attempts end while there is time to respond.
func TestAttemptsEndBeforeTheDeadline(t *testing.T) {
	f := &failing{status: 500, errorType: "InternalServerError"}
	l := f.ledger(t, &Options{Backoff: func(int) time.Duration { return time.Hour }})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := store.New(l, nil).Commit(ctx, *newChange("p1", "e1", `{}`))
	if !fault.Is(err, fault.Unavailable) || ctx.Err() != nil || f.count["TransactWriteItems"] != 1 {
		t.Errorf("%v after %v, context %v; want Unavailable after one request", err, f.count, ctx.Err())
	}
}
