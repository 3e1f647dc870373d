package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/tenant"
)

// A tenantCase is a test that a tenant keeps beside its schemas: events in, and
// what is expected of each. doc/tenants.md specifies the file.
type tenantCase struct {
	Description string       `json:"description"`
	Steps       []tenantStep `json:"steps"`
}

type tenantStep struct {
	// Event is an input event. What the test need not say is filled in: id,
	// source, time, and of the detail tenant and api_key.
	Event  map[string]jsontext.Value `json:"event"`
	Expect tenantExpectation         `json:"expect"`
}

// A tenantExpectation says what must hold; what it leaves out may be anything.
type tenantExpectation struct {
	Status  int              `json:"status"`
	Record  jsontext.Value   `json:"record"` // null: there is none
	Errors  []string         `json:"errors"` // the pointers of all violations
	Tokens  *int64           `json:"tokens"` // billed for this event
	Outputs []expectedOutput `json:"outputs"`
}

type expectedOutput struct {
	Bus        string         `json:"bus"`
	Source     string         `json:"source"`
	DetailType string         `json:"detail-type"`
	Payload    jsontext.Value `json:"payload"`
	Detail     jsontext.Value `json:"detail"` // the whole of it
}

// A testHouse is a router in memory, with a key of one tenant.
type testHouse struct {
	tenant events.TenantID
	router *router.Router
	store  *store.Store
	key    events.Secret
	sent   []events.Entry
}

// Send implements bus.Sender: it keeps what it is given.
func (h *testHouse) Send(_ context.Context, _ string, entries []events.Entry) ([]bus.Result, error) {
	h.sent = append(h.sent, entries...)
	return make([]bus.Result, len(entries)), nil
}

func newTestHouse(ctx context.Context, tree blob.Bucket, id events.TenantID) (*testHouse, error) {
	ledger := memstore.New(nil)
	h := &testHouse{tenant: id, store: store.New(ledger, nil)}
	var refused error
	tenants := tenant.NewCatalog(tree, &tenant.CatalogOptions{Report: func(f tenant.Diagnostic) {
		if f.Severity == tenant.SeverityError && refused == nil {
			refused = fault.Errorf(fault.Invalid, "%s", f)
		}
	}})
	if _, err := tenants.Tenant(ctx, id); err != nil {
		if refused != nil {
			return nil, refused
		}
		return nil, err
	}
	key, secret, err := apikey.New(id, []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := ledger.PutKey(ctx, key); err != nil {
		return nil, err
	}
	h.key = secret
	h.router = router.New(tenants, apikey.NewAuthenticator(ledger, nil), h.store, bus.NewPublisher(h), nil)
	return h, nil
}

// run answers what is not as expected, step by step.
func (c *tenantCase) run(ctx context.Context, h *testHouse) (failures []string, err error) {
	for i := range c.Steps {
		step := &c.Steps[i]
		envelope, err := h.envelope(step.Event, i)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "step %d: event: %s", i+1, fault.MessageOf(err))
		}
		h.sent = nil
		receipt, report, err := h.router.Event(ctx, &envelope, "")
		if err != nil && !fault.IsRejection(err) {
			return nil, err
		}
		wrong, failure := step.Expect.judge(ctx, h, receipt, report, err)
		if failure != nil {
			return nil, failure
		}
		for _, w := range wrong {
			failures = append(failures, fmt.Sprintf("step %d: %s", i+1, w))
		}
	}
	return failures, nil
}

// envelope fills in what a test need not say.
func (h *testHouse) envelope(given map[string]jsontext.Value, step int) (events.Envelope, error) {
	text := func(s string) jsontext.Value { b, _ := json.Marshal(s); return b }
	event := map[string]jsontext.Value{
		"id": text(fmt.Sprintf("step-%d", step+1)), "source": text(events.InputSource), "time": text(string(events.Timestamped(time.Now()))),
	}
	for name, v := range given {
		event[name] = v
	}
	detail := map[string]jsontext.Value{"tenant": text(string(h.tenant)), "api_key": text(h.key.Reveal())}
	if d := event["detail"]; d.Kind() == '{' {
		if err := events.Unmarshal("detail", d, &detail); err != nil {
			return events.Envelope{}, err
		}
		whole, err := json.Marshal(detail, json.Deterministic(true))
		if err != nil {
			return events.Envelope{}, err
		}
		event["detail"] = whole
	}
	whole, err := json.Marshal(event, json.Deterministic(true))
	if err != nil {
		return events.Envelope{}, err
	}
	return events.DecodeEnvelope(whole)
}

func (e *tenantExpectation) judge(ctx context.Context, h *testHouse, r store.Result, report *router.Report, refusal error) (wrong []string, err error) {
	status := r.Status()
	if refusal != nil {
		status = events.Status(fault.CodeOf(refusal), "")
	}
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if e.Status != 0 && e.Status != status {
		why := ""
		if refusal != nil {
			why = ": " + fault.MessageOf(refusal)
			for _, v := range fault.ViolationsOf(refusal) {
				why += fmt.Sprintf("; %q %s", v.Pointer, v.Message)
			}
		}
		say("status is %d, expected %d%s", status, e.Status, why)
	}
	if e.Tokens != nil && *e.Tokens != report.Tokens {
		say("%d tokens are billed, expected %d", report.Tokens, *e.Tokens)
	}
	if e.Errors != nil {
		var pointers []string
		for _, v := range fault.ViolationsOf(refusal) {
			pointers = append(pointers, v.Pointer)
		}
		if fmt.Sprintf("%q", pointers) != fmt.Sprintf("%q", e.Errors) {
			say("errors are at %q, expected at %q", pointers, e.Errors)
		}
	}
	if e.Record != nil {
		head, err := h.store.Get(ctx, r.Ref)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		found := head.Data
		if found == nil {
			found = jsontext.Value("null")
		}
		if !store.Equal(found, e.Record) {
			say("the record is %s, expected %s", found, compact(e.Record))
		}
	}
	if e.Outputs != nil {
		wrong = append(wrong, e.judgeOutputs(h.sent)...)
	}
	return wrong, nil
}

func (e *tenantExpectation) judgeOutputs(sent []events.Entry) (wrong []string) {
	if len(sent) != len(e.Outputs) {
		var types []string
		for i := range sent {
			types = append(types, string(sent[i].DetailType))
		}
		return []string{fmt.Sprintf("%d events are published (%q), expected %d", len(sent), types, len(e.Outputs))}
	}
	for i, want := range e.Outputs {
		got := &sent[i]
		for _, p := range []struct{ what, got, want string }{
			{"bus", string(got.Bus), want.Bus}, {"source", got.Source, want.Source}, {"detail-type", string(got.DetailType), want.DetailType},
		} {
			if p.want != "" && p.got != p.want {
				wrong = append(wrong, fmt.Sprintf("output %d: %s is %q, expected %q", i+1, p.what, p.got, p.want))
			}
		}
		if want.Detail != nil && !store.Equal(got.Detail, want.Detail) {
			wrong = append(wrong, fmt.Sprintf("output %d: detail is %s, expected %s", i+1, got.Detail, compact(want.Detail)))
		}
		var detail struct {
			Payload jsontext.Value `json:"payload"`
		}
		_ = json.Unmarshal(got.Detail, &detail)
		if want.Payload != nil && !store.Equal(detail.Payload, want.Payload) {
			wrong = append(wrong, fmt.Sprintf("output %d: payload is %s, expected %s", i+1, detail.Payload, compact(want.Payload)))
		}
	}
	return wrong
}

func compact(v jsontext.Value) jsontext.Value {
	v = v.Clone()
	_ = v.Compact()
	return v
}
