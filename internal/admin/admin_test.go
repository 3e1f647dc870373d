package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

// fakeFunctions is an in-memory implementation of Functions.
type fakeFunctions struct{ retried []string }

func (f *fakeFunctions) Logs(_ context.Context, function string, from int64, limit int) (admin.LogPage, error) {
	if function != "known" {
		return admin.LogPage{}, fault.Errorf(fault.NotFound, "function %q does not exist here", function)
	}
	return admin.LogPage{Lines: []admin.LogLine{{Text: "line"}}, Next: from + 1}, nil
}

func (f *fakeFunctions) DeadLetters(_ context.Context, q admin.LetterQuery) ([]admin.DeadLetter, error) {
	return []admin.DeadLetter{{ID: "d1", Attempts: 3}}, nil
}

func (f *fakeFunctions) PredictDeadLetters(_ context.Context, q admin.LetterQuery) (admin.LetterPrediction, error) {
	return admin.LetterPrediction{Change: 12, Rejected: map[string]int{q.Tenant: 3}}, nil
}

func (f *fakeFunctions) RetryDeadLetters(_ context.Context, q admin.LetterQuery) (int, error) {
	f.retried = q.IDs
	return len(q.IDs), nil
}

func (f *fakeFunctions) Tail(_ context.Context, q admin.TailQuery) (admin.EventPage, error) {
	return admin.EventPage{Events: []trace.Info{{ID: q.Bus + q.Pattern, Event: jsontext.Value(`{"a":1,"a":2}`)}}, Next: q.From + 1}, nil
}

func (f *fakeFunctions) Trace(_ context.Context, eventID string) (trace.Event, error) {
	return trace.Event{EventID: eventID, Effects: []trace.Effect{{Outputs: []trace.Output{{Traces: []trace.Event{{EventID: "output"}}}}}}}, nil
}

func (f *fakeFunctions) Outcomes(_ context.Context, in []admin.OutcomeQuery) ([]trace.Outcome, error) {
	return []trace.Outcome{{EventID: in[0].EventID, State: trace.Rejected, Problems: []fault.Violation{{Pointer: "/a", Message: "is required"}}}}, nil
}

func (f *fakeFunctions) Sample(_ context.Context, q admin.SampleQuery) (admin.Sample, error) {
	return admin.Sample{Payload: jsontext.Value(`{"a":1}`), StringKey: string(q.Schema)}, nil
}

func (f *fakeFunctions) Explain(_ context.Context, entries []admin.ExplainEntry) ([]admin.Explanation, error) {
	return []admin.Explanation{{Rules: []trace.Rule{{Rule: "r", Matches: entries[0].Source == "s"}}}}, nil
}

// both runs a test with a Direct, and with a Client and the handler over it.
func both(t *testing.T, test func(t *testing.T, a admin.Admin, s *projection.Store, f *fakeFunctions)) {
	for _, form := range []string{"direct", "client"} {
		t.Run(form, func(t *testing.T) {
			ledger, f := memstore.New(nil), &fakeFunctions{}
			s := projection.New(store.New(ledger, nil), nil)
			var a admin.Admin = admin.NewDirect(ledger, s, f, nil)
			if form == "client" {
				srv := httptest.NewServer(admin.NewHandler(a))
				t.Cleanup(srv.Close)
				a = admin.NewClient(srv.URL)
			}
			test(t, a, s, f)
		})
	}
}

func TestKeys(t *testing.T) {
	both(t, func(t *testing.T, a admin.Admin, _ *projection.Store, _ *fakeFunctions) {
		ctx := t.Context()
		made, err := a.CreateKey(ctx, admin.NewKey{Tenant: "acme", Permissions: []apikey.Permission{apikey.BackendCalls}})
		if err != nil || made.Key == "" {
			t.Fatalf("%+v, %v", made, err)
		}
		keys, err := a.ListKeys(ctx, "acme")
		if err != nil || len(keys) != 1 || keys[0].KeyID != made.KeyID || keys[0].State != "active" {
			t.Errorf("%+v, %v", keys, err)
		}
		if info, err := a.RevokeKey(ctx, made.KeyID); err != nil || info.State != "revoked" {
			t.Errorf("%+v, %v", info, err)
		}
		if _, err := a.RevokeKey(ctx, "aaaaaaaaaaaaaaaa"); !fault.Is(err, fault.NotFound) {
			t.Errorf("revoking nothing: %v", err)
		}
		for _, bad := range []admin.NewKey{{Tenant: "../x"}, {Tenant: "acme", Permissions: []apikey.Permission{"everything"}}} {
			if _, err := a.CreateKey(ctx, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

func TestRecordsUsageAndEntries(t *testing.T) {
	both(t, func(t *testing.T, a admin.Admin, s *projection.Store, _ *fakeFunctions) {
		ctx := t.Context()
		for i, key := range []events.RecordKey{"a", "b", "c"} {
			ref := store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "pet"}, Key: key}
			if _, err := s.Commit(ctx, store.Change{
				Idempotency: store.IdempotencyRecord{
					Key:    store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: string(key)},
					Result: store.Result{Ref: ref, Operation: events.Post},
					Bill:   store.Bill{Tokens: 10, KeyID: "k"},
					Outputs: store.Outputs{Payload: jsontext.Value(`{}`), Entries: []store.Entry{{
						Bus: events.DefaultBus("aws", "us-east-1", "000000000000"), Source: "s", DetailType: "pet.POST",
						State: []store.EntryState{store.EntryPending, store.EntryFailed, store.EntryPending}[i]}}},
				},
				Record: &store.Record{Ref: ref, Backend: events.DynamoDB, KeyField: "id", Revision: 1, Data: jsontext.Value(`{"n":1.10}`)},
			}); err != nil {
				t.Fatal(err)
			}
		}
		page, err := a.ListRecords(ctx, admin.RecordQuery{Tenant: "acme", Schema: "pet", Limit: 2})
		if err != nil || len(page.Records) != 2 || page.Next != "b" || string(page.Records[0].Data) != `{"n":1.10}` {
			t.Errorf("%+v, %v", page, err)
		}
		if rest, err := a.ListRecords(ctx, admin.RecordQuery{Tenant: "acme", Schema: "pet", After: page.Next}); err != nil || len(rest.Records) != 1 || rest.Next != "" {
			t.Errorf("%+v, %v", rest, err)
		}
		if r, err := a.ListRecords(ctx, admin.RecordQuery{Tenant: "acme", Schema: "pet", Key: "b"}); err != nil || len(r.Records) != 1 || r.Records[0].Key != "b" || r.Records[0].Revision != 1 || string(r.Records[0].Data) != `{"n":1.10}` {
			t.Errorf("the record is %+v, %v", r, err)
		}
		if _, err := a.ListRecords(ctx, admin.RecordQuery{Tenant: "acme", Schema: "pet", Key: "d"}); !fault.Is(err, fault.NotFound) || fault.MessageOf(err) != "record acme/pet/d does not exist" {
			t.Errorf("a record that does not exist: %v", err)
		}
		for _, bad := range []admin.RecordQuery{{Tenant: "..", Schema: "pet", Key: "a"}, {Tenant: "acme", Schema: "a/b", Key: "a"}, {Tenant: "acme", Schema: "pet", Key: "a\n"}} {
			if _, err := a.ListRecords(ctx, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
		month := store.Month(time.Now())
		if u, err := a.Usage(ctx, "acme", month); err != nil || u.Tokens != 30 || u.BySchema["pet"][events.Post] != 30 {
			t.Errorf("%+v, %v", u, err)
		}
		failed, err := a.ListEntries(ctx, admin.EntryQuery{State: "failed"})
		if err != nil || len(failed.Entries) != 1 || failed.Entries[0].Key != "b" {
			t.Fatalf("%+v, %v", failed, err)
		}
		id := failed.Entries[0].OutputID
		for action, state := range map[string]string{"drop": "dropped", "retry": "pending"} {
			acted, err := a.SettleEntries(ctx, admin.EntryAction{Query: admin.EntryQuery{OutputID: id}, Action: action})
			if err != nil || acted.Count != 1 {
				t.Errorf("%s: %+v, %v", action, acted, err)
			}
			if now, err := a.ListEntries(ctx, admin.EntryQuery{OutputID: id}); err != nil || now.Entries[0].State != state {
				t.Errorf("%s: %+v, %v", action, now, err)
			}
		}
		if _, err := a.SettleEntries(ctx, admin.EntryAction{Action: "burn"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown action: %v", err)
		}
		for _, bad := range []admin.RecordQuery{{Tenant: "..", Schema: "pet"}, {Tenant: "acme", Schema: "a/b"}, {Tenant: "acme", Schema: "pet", Limit: 1001}} {
			if _, err := a.ListRecords(ctx, bad); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", bad, err)
			}
		}
	})
}

func TestFunctions(t *testing.T) {
	both(t, func(t *testing.T, a admin.Admin, _ *projection.Store, f *fakeFunctions) {
		ctx := t.Context()
		if page, err := a.Logs(ctx, "known", 4, 10); err != nil || len(page.Lines) != 1 || page.Next != 5 {
			t.Errorf("%+v, %v", page, err)
		}
		if _, err := a.Logs(ctx, "unknown", 0, 0); !fault.Is(err, fault.NotFound) || !strings.Contains(fault.MessageOf(err), "unknown") {
			t.Errorf("%v", err)
		}
		page, err := a.Tail(ctx, admin.TailQuery{Bus: "b", Pattern: "p", From: 4})
		if err != nil || page.Next != 5 || page.Events[0].ID != "bp" || string(page.Events[0].Event) != `{"a":1,"a":2}` {
			t.Errorf("%+v, %v", page, err)
		}
		if story, err := a.Trace(ctx, "id"); err != nil || story.EventID != "id" || story.Effects[0].Outputs[0].Traces[0].EventID != "output" {
			t.Errorf("%+v, %v", story, err)
		}
		if out, err := a.Outcomes(ctx, []admin.OutcomeQuery{{EventID: "id"}}); err != nil || out[0].EventID != "id" || out[0].State != trace.Rejected || out[0].Reason() != "/a: is required" {
			t.Errorf("%+v, %v", out, err)
		}
		if out, err := a.Sample(ctx, admin.SampleQuery{Schema: "s"}); err != nil || string(out.Payload) != `{"a":1}` || out.StringKey != "s" {
			t.Errorf("%+v, %v", out, err)
		}
		if letters, err := a.DeadLetters(ctx, admin.LetterQuery{}); err != nil || len(letters) != 1 || letters[0].Attempts != 3 {
			t.Errorf("%+v, %v", letters, err)
		}
		if n, err := a.RetryDeadLetters(ctx, admin.LetterQuery{IDs: []string{"d1"}}); err != nil || n != 1 || f.retried[0] != "d1" {
			t.Errorf("%d %v, %v", n, f.retried, err)
		}
		if p, err := a.PredictDeadLetters(ctx, admin.LetterQuery{Tenant: "acme"}); err != nil || p.Change != 12 || p.Rejected["acme"] != 3 {
			t.Errorf("%+v, %v", p, err)
		}
		if e, err := a.Explain(ctx, []admin.ExplainEntry{{Source: "s"}}); err != nil || !e[0].Rules[0].Matches {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

// TestOnlyThisMachineIsServed checks the peer, Host, Origin and content type that
// the handler requires, on any address that the server listens on.
func TestOnlyThisMachineIsServed(t *testing.T) {
	ledger := memstore.New(nil)
	h := admin.NewHandler(admin.NewDirect(ledger, projection.New(store.New(ledger, nil), nil), &fakeFunctions{}, nil))
	for name, c := range map[string]struct {
		peer, host, origin, kind string
		want                     int
	}{
		"this machine":           {"127.0.0.1:5", "127.0.0.1:4010", "", "application/json", 200},
		"localhost, IPv6":        {"[::1]:5", "localhost:4010", "http://localhost:4010", "application/json; charset=utf-8", 200},
		"another machine":        {"192.168.1.7:5", "127.0.0.1:4010", "", "application/json", 403},
		"a name that is foreign": {"127.0.0.1:5", "evil.example:4010", "", "application/json", 403},
		"localhost's look-alike": {"127.0.0.1:5", "localhost.evil.example", "", "application/json", 403},
		"a page elsewhere":       {"127.0.0.1:5", "127.0.0.1:4010", "https://evil.example", "application/json", 403},
		"a page without origin":  {"127.0.0.1:5", "127.0.0.1:4010", "null", "application/json", 403},
		"a form":                 {"127.0.0.1:5", "127.0.0.1:4010", "", "application/x-www-form-urlencoded", 415},
		"plain text":             {"127.0.0.1:5", "127.0.0.1:4010", "", "text/plain", 415},
		"no content type":        {"127.0.0.1:5", "127.0.0.1:4010", "", "", 415},
	} {
		r := httptest.NewRequest(http.MethodPost, admin.Prefix+"list-keys", strings.NewReader(`{"tenant":"acme"}`))
		r.RemoteAddr, r.Host = c.peer, c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, c.want)
		}
	}
}

func TestMalformedCalls(t *testing.T) {
	ledger := memstore.New(nil)
	srv := httptest.NewServer(admin.NewHandler(admin.NewDirect(ledger, projection.New(store.New(ledger, nil), nil), &fakeFunctions{}, nil)))
	defer srv.Close()
	for body, path := range map[string]string{`{`: "list-keys", `{"tenant":7}`: "list-keys", `{"tenant":"acme","x":1}`: "list-keys", `[]`: "create-key", `{}`: "nothing"} {
		resp, err := http.Post(srv.URL+admin.Prefix+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 400 && resp.StatusCode != 404 {
			t.Errorf("%s %s: %s", path, body, resp.Status)
		}
	}
}

func TestClientErrorsSayWhatToDo(t *testing.T) {
	if _, err := admin.NewClient("http://127.0.0.1:1").DeadLetters(t.Context(), admin.LetterQuery{}); !strings.Contains(fault.MessageOf(err), "eventrouter serve") {
		t.Errorf("%v", err)
	}
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	if _, err := admin.NewClient(srv.URL).DeadLetters(t.Context(), admin.LetterQuery{}); err == nil || !strings.Contains(err.Error(), "is it an eventrouter server?") {
		t.Errorf("%v", err)
	}
}

func TestLetterQuery(t *testing.T) {
	at := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	l := admin.DeadLetter{ID: "1", Tenant: "acme", Schema: "pet", Code: "NO_PERMISSIONS", Time: at}
	for _, c := range []struct {
		q    admin.LetterQuery
		want bool
	}{
		{admin.LetterQuery{}, true},
		{admin.LetterQuery{IDs: []string{"2", "1"}, Tenant: "acme", Schema: "pet", Code: "no_permissions", Since: at}, true},
		{admin.LetterQuery{IDs: []string{"2"}}, false},
		{admin.LetterQuery{Tenant: "acm"}, false},
		{admin.LetterQuery{Schema: "dog"}, false},
		{admin.LetterQuery{Code: "NO"}, false},
		{admin.LetterQuery{Since: at.Add(time.Second)}, false},
	} {
		if got := c.q.Matches(&l); got != c.want {
			t.Errorf("%+v: %v, want %v", c.q, got, c.want)
		}
	}
}
