package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/trace"
)

// A client is an [Admin] over the handler of a running server.
type client struct {
	*connection
	eventsClient
}

// An eventsClient implements [Events].
type eventsClient struct{ *connection }

// A connection sends requests to a server.
type connection struct {
	endpoint string
	http     *http.Client
}

var _ Admin = (*client)(nil)

// NewClient returns a client of the server at endpoint, for example
// http://127.0.0.1:4010.
func NewClient(endpoint string) Admin {
	c := &connection{endpoint: strings.TrimRight(endpoint, "/"), http: &http.Client{}}
	return &client{c, eventsClient{c}}
}

func do[T any](ctx context.Context, c *connection, name string, in any) (T, error) {
	var out T
	body, err := json.Marshal(in)
	if err != nil {
		return out, fault.Wrap("admin."+name, fault.Invalid, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint+Prefix+name, bytes.NewReader(body))
	if err != nil {
		return out, fault.Errorf(fault.Invalid, "endpoint %q is not a URL; an example is http://127.0.0.1:4010", c.endpoint)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return out, fault.Errorf(fault.NotFound, "no server responds at %s: start one with `eventrouter serve`, or name another with --endpoint-url", c.endpoint)
	}
	if err != nil {
		return out, fault.Wrap("admin."+name, fault.Unavailable, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, fault.Wrap("admin."+name, fault.Unavailable, err)
	}
	if resp.StatusCode != http.StatusOK {
		var f wireFault
		if json.Unmarshal(answer, &f) != nil || f.Code == "" {
			return out, fault.Errorf(fault.Unavailable, "%s returned %s: is it an eventrouter server?", c.endpoint, resp.Status)
		}
		code, ok := fault.ParseCode(f.Code)
		if !ok {
			code = fault.Internal
		}
		return out, fault.Errorf(code, "%s", f.Message)
	}
	if err := json.Unmarshal(answer, &out, jsontext.AllowDuplicateNames(true)); err != nil {
		return out, fault.Wrap("admin."+name, fault.Internal, err)
	}
	return out, nil
}

// CreateKey implements [Keys].
func (c *client) CreateKey(ctx context.Context, in NewKey) (CreatedKey, error) {
	return do[CreatedKey](ctx, c.connection, "create-key", in)
}

// ListKeys implements [Keys].
func (c *client) ListKeys(ctx context.Context, t events.TenantID) ([]KeyInfo, error) {
	return do[[]KeyInfo](ctx, c.connection, "list-keys", tenantArgs{t})
}

// RevokeKey implements [Keys].
func (c *client) RevokeKey(ctx context.Context, id apikey.ID) (KeyInfo, error) {
	return do[KeyInfo](ctx, c.connection, "revoke-key", keyArgs{id})
}

// RotateKey implements [Keys].
func (c *client) RotateKey(ctx context.Context, in Rotation) (CreatedKey, error) {
	return do[CreatedKey](ctx, c.connection, "rotate-key", in)
}

// ExportKeys implements [Keys].
func (c *client) ExportKeys(ctx context.Context, t events.TenantID) ([]StoredKey, error) {
	return do[[]StoredKey](ctx, c.connection, "export-keys", tenantArgs{t})
}

// ImportKeys implements [Keys].
func (c *client) ImportKeys(ctx context.Context, keys []StoredKey) (int, error) {
	return do[int](ctx, c.connection, "import-keys", keys)
}

// ListRecords implements [Records].
func (c *client) ListRecords(ctx context.Context, q RecordQuery) (RecordPage, error) {
	return do[RecordPage](ctx, c.connection, "list-records", q)
}

// Usage implements [Records].
func (c *client) Usage(ctx context.Context, t events.TenantID, month string) (Usage, error) {
	return do[Usage](ctx, c.connection, "usage", usageArgs{t, month})
}

// ListEntries implements [Records].
func (c *client) ListEntries(ctx context.Context, q EntryQuery) (EntryPage, error) {
	return do[EntryPage](ctx, c.connection, "list-entries", q)
}

// SettleEntries implements [Records].
func (c *client) SettleEntries(ctx context.Context, in EntryAction) (EntryActed, error) {
	return do[EntryActed](ctx, c.connection, "settle-entries", in)
}

// Logs implements [Functions].
func (c *client) Logs(ctx context.Context, function string, from int64, limit int) (LogPage, error) {
	return do[LogPage](ctx, c.connection, "logs", logArgs{function, from, limit})
}

// DeadLetters implements [Functions].
func (c *client) DeadLetters(ctx context.Context, q LetterQuery) ([]DeadLetter, error) {
	return do[[]DeadLetter](ctx, c.connection, "dead-letters", q)
}

// RetryDeadLetters implements [Functions].
func (c *client) RetryDeadLetters(ctx context.Context, q LetterQuery) (int, error) {
	return do[int](ctx, c.connection, "retry-dead-letters", q)
}

// PredictDeadLetters implements [Functions].
func (c *client) PredictDeadLetters(ctx context.Context, q LetterQuery) (LetterPrediction, error) {
	return do[LetterPrediction](ctx, c.connection, "predict-dead-letters", q)
}

// Tail implements [Events].
func (c eventsClient) Tail(ctx context.Context, q TailQuery) (EventPage, error) {
	return do[EventPage](ctx, c.connection, "tail", q)
}

// Trace implements [Events].
func (c eventsClient) Trace(ctx context.Context, eventID string) (trace.Event, error) {
	return do[trace.Event](ctx, c.connection, "trace", eventArgs{eventID})
}

// Outcomes implements [Events].
func (c eventsClient) Outcomes(ctx context.Context, events []OutcomeQuery) ([]trace.Outcome, error) {
	return do[[]trace.Outcome](ctx, c.connection, "outcomes", events)
}

// Sample implements [Events].
func (c eventsClient) Sample(ctx context.Context, q SampleQuery) (Sample, error) {
	return do[Sample](ctx, c.connection, "sample", q)
}

// Explain implements [Functions].
func (c *client) Explain(ctx context.Context, entries []ExplainEntry) ([]Explanation, error) {
	return do[[]Explanation](ctx, c.connection, "explain", entries)
}
