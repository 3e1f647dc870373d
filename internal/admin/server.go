package admin

import (
	"context"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/loopback"
)

// Prefix is the path under which administration is served.
const Prefix = "/_/admin/"

// A call is one operation on the wire: POST {Prefix}{name} with a JSON body.
type call struct {
	name  string
	serve func(ctx context.Context, a Admin, body []byte) (any, error)
}

// The arguments of operations that take more than one value.
type (
	tenantArgs struct {
		Tenant events.TenantID `json:"tenant"`
	}
	keyArgs struct {
		KeyID apikey.ID `json:"keyId"`
	}
	usageArgs struct {
		Tenant events.TenantID `json:"tenant"`
		Month  string          `json:"month"`
	}
	logArgs struct {
		Function string `json:"function"`
		From     int64  `json:"from"`
		Limit    int    `json:"limit"`
	}
	eventArgs struct {
		EventID string `json:"eventId"`
	}
	nothing struct{}
)

var calls = []call{
	on("create-key", func(ctx context.Context, a Admin, in NewKey) (any, error) { return a.CreateKey(ctx, in) }),
	on("list-keys", func(ctx context.Context, a Admin, in tenantArgs) (any, error) { return a.ListKeys(ctx, in.Tenant) }),
	on("revoke-key", func(ctx context.Context, a Admin, in keyArgs) (any, error) { return a.RevokeKey(ctx, in.KeyID) }),
	on("rotate-key", func(ctx context.Context, a Admin, in Rotation) (any, error) { return a.RotateKey(ctx, in) }),
	on("export-keys", func(ctx context.Context, a Admin, in tenantArgs) (any, error) { return a.ExportKeys(ctx, in.Tenant) }),
	on("import-keys", func(ctx context.Context, a Admin, in []StoredKey) (any, error) { return a.ImportKeys(ctx, in) }),
	on("list-records", func(ctx context.Context, a Admin, in RecordQuery) (any, error) { return a.ListRecords(ctx, in) }),
	on("usage", func(ctx context.Context, a Admin, in usageArgs) (any, error) {
		return a.Usage(ctx, in.Tenant, in.Month)
	}),
	on("list-entries", func(ctx context.Context, a Admin, in EntryQuery) (any, error) { return a.ListEntries(ctx, in) }),
	on("settle-entries", func(ctx context.Context, a Admin, in EntryAction) (any, error) { return a.SettleEntries(ctx, in) }),
	on("logs", func(ctx context.Context, a Admin, in logArgs) (any, error) {
		return a.Logs(ctx, in.Function, in.From, in.Limit)
	}),
	on("dead-letters", func(ctx context.Context, a Admin, in LetterQuery) (any, error) { return a.DeadLetters(ctx, in) }),
	on("retry-dead-letters", func(ctx context.Context, a Admin, in LetterQuery) (any, error) { return a.RetryDeadLetters(ctx, in) }),
	on("predict-dead-letters", func(ctx context.Context, a Admin, in LetterQuery) (any, error) { return a.PredictDeadLetters(ctx, in) }),
	on("tail", func(ctx context.Context, a Admin, in TailQuery) (any, error) { return a.Tail(ctx, in) }),
	on("trace", func(ctx context.Context, a Admin, in eventArgs) (any, error) { return a.Trace(ctx, in.EventID) }),
	on("outcomes", func(ctx context.Context, a Admin, in []OutcomeQuery) (any, error) { return a.Outcomes(ctx, in) }),
	on("sample", func(ctx context.Context, a Admin, in SampleQuery) (any, error) { return a.Sample(ctx, in) }),
	on("explain", func(ctx context.Context, a Admin, in []ExplainEntry) (any, error) { return a.Explain(ctx, in) }),
}

func on[T any](name string, do func(context.Context, Admin, T) (any, error)) call {
	return call{name, func(ctx context.Context, a Admin, body []byte) (any, error) {
		var in T
		if err := json.Unmarshal(body, &in, json.RejectUnknownMembers(true)); err != nil {
			return nil, fault.Errorf(fault.Invalid, "the request of %s cannot be read", name)
		}
		return do(ctx, a, in)
	}}
}

// NewHandler returns a handler that serves a to peers on this machine only,
// whatever address it listens on. It rejects a peer that is not on a loopback
// address, a Host or Origin that does not name this machine (a web page could
// otherwise reach it through a visitor's browser), and content types other than
// JSON.
func NewHandler(a Admin) http.Handler {
	mux := http.NewServeMux()
	for _, c := range slices.Concat(calls, tenantCalls) {
		mux.HandleFunc("POST "+Prefix+c.name, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2*events.MaxBytes))
			if err != nil {
				reply(w, nil, fault.Errorf(fault.TooLarge, "the request is too large"))
				return
			}
			out, err := c.serve(r.Context(), a, body)
			reply(w, out, err)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := sameMachine(r); err != nil {
			reply(w, nil, err)
			return
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			http.Error(w, "administration takes application/json alone", http.StatusUnsupportedMediaType)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// sameMachine verifies that the request comes from this machine and is addressed
// to it.
func sameMachine(r *http.Request) error {
	if !loopback.Peer(r.RemoteAddr) {
		return fault.Errorf(fault.Denied, "administration is available only to peers on this machine")
	}
	if !loopback.Host(r.Host) {
		return fault.Errorf(fault.Denied, "administration is available only at localhost, not at %q", r.Host)
	}
	for _, origin := range r.Header.Values("Origin") {
		host, found := strings.CutPrefix(origin, "http://")
		if !found || !loopback.Host(host) {
			return fault.Errorf(fault.Denied, "administration is not available to pages of the origin %q", origin)
		}
	}
	return nil
}

// wireFault is an error on the wire. Because its reader is an operator on the same
// machine, it holds the full text and not only the safe message.
type wireFault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func reply(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	if err != nil {
		out = wireFault{Code: fault.CodeOf(err).String(), Message: text(err)}
		status = events.Status(fault.CodeOf(err), "")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An event may repeat a name: EventBridge accepts this.
	_ = json.MarshalWrite(w, out, json.Deterministic(true), jsontext.AllowDuplicateNames(true))
}

func text(err error) string {
	if fault.IsRejection(err) {
		return fault.MessageOf(err)
	}
	return err.Error()
}
