package console

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/commandline"
	"github.com/blockforger/eventrouter/internal/trace"
)

func newLine(info *trace.Info) line {
	l := line{ID: info.ID, Received: info.Received, Class: "waiting"}
	var e struct {
		Source     string `json:"source"`
		DetailType string `json:"detail-type"`
	}
	_ = json.Unmarshal(info.Event, &e, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	l.Source, l.DetailType = e.Source, e.DetailType
	return l
}

// An eventPage is everything that is known of an event.
type eventPage struct {
	trace.Event
	Class  string
	Raw    jsontext.Value // of the first arrival
	CLI    string         // the command that sends the event again
	Resend entry          // the event as the form of the compose page
}

// event shows the timeline of an event.
func (c eventPages) event(r *http.Request) (*page, error) {
	t, err := c.c.Admin.Trace(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	p := eventPage{Event: t, Class: classOf(&t.Outcome)}
	if len(t.Arrivals) > 0 {
		p.Raw = t.Arrivals[0].Event
		p.Resend, p.CLI = resend(p.Raw)
	}
	return &page{name: "event", title: "Event " + r.PathValue("id"), data: p}, nil
}

// An entry is an event as the compose page shows it.
type entry struct {
	Bus, Source, DetailType, Detail string
}

// resend returns an event as an entry, and the command that sends it.
func resend(event jsontext.Value) (entry, string) {
	var e struct {
		Source     string         `json:"source"`
		DetailType string         `json:"detail-type"`
		Detail     jsontext.Value `json:"detail"`
	}
	if err := json.Unmarshal(event, &e, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return entry{}, ""
	}
	entries, err := json.Marshal([]map[string]any{{"Source": e.Source, "DetailType": e.DetailType, "Detail": string(e.Detail)}}, json.Deterministic(true))
	if err != nil {
		return entry{}, ""
	}
	return entry{Source: e.Source, DetailType: e.DetailType, Detail: pretty(e.Detail)},
		"aws events put-events --endpoint-url $EVENTROUTER_ENDPOINT_URL --entries " + commandline.Quote(string(entries))
}

// A form is the content of the compose page.
type form struct {
	entry
	selection
	Operation events.Operation
	Writes    []events.Operation

	Explained bool
	admin.Explanation
}

// compose shows the form of an event, prefilled from an event or from a schema.
func (c eventPages) compose(r *http.Request) (*page, error) {
	q := r.URL.Query()
	f := form{Writes: events.Writes[:], Operation: events.Operation(q.Get("operation"))}
	if !slices.Contains(events.Writes[:], f.Operation) {
		f.Operation = events.Post
	}
	var err error
	if id := q.Get("event"); id != "" {
		if f.Tenants, err = c.c.Tenants(r.Context()); err != nil {
			return nil, err
		}
		t, err := c.c.Admin.Trace(r.Context(), id)
		if err != nil {
			return nil, err
		}
		if len(t.Arrivals) > 0 {
			f.entry, _ = resend(t.Arrivals[0].Event)
		}
		return &page{name: "compose", title: "Compose", data: f}, nil
	}
	f.selection, err = c.selected(r)
	if err != nil || f.Schema == "" {
		return &page{name: "compose", title: "Compose", data: f}, err
	}
	f.entry, err = c.prefilled(r.Context(), &f, q.Get("payload"))
	return &page{name: "compose", title: "Compose", data: f}, err
}

// prefilled returns an input event with a payload: the given one, or else one that the
// server generates from the schema.
func (c eventPages) prefilled(ctx context.Context, f *form, payload string) (entry, error) {
	body := jsontext.Value(payload)
	if !body.IsValid() {
		sample, err := c.c.Admin.Sample(ctx, admin.SampleQuery{Tenant: f.Tenant, Schema: f.Schema, Operation: f.Operation})
		switch {
		case fault.Is(err, fault.Invalid): // no valid payload could be generated
			sample.Payload = jsontext.Value("{}")
		case err != nil:
			return entry{}, err
		}
		body = sample.Payload
	}
	detail, err := json.Marshal(map[string]any{
		"tenant": f.Tenant, "rootSchema": f.Schema, "operation": f.Operation, "payload": body,
	}, json.Deterministic(true))
	if err != nil {
		return entry{}, err
	}
	return entry{Source: events.InputSource, DetailType: string(events.InputDetailType(f.Schema, f.Operation)), Detail: pretty(jsontext.Value(detail))}, nil
}

// send checks or sends the event of the form. An input event without an API key gets
// one that the console has created.
func (c eventPages) send(r *http.Request) (*page, error) {
	f := form{
		entry: entry{Bus: r.PostForm.Get("bus"), Source: r.PostForm.Get("source"), DetailType: r.PostForm.Get("detail-type"), Detail: r.PostForm.Get("detail")},
	}
	detail, err := c.withKey(r.Context(), f.entry)
	if err != nil {
		return nil, err
	}
	if r.PostForm.Get("action") == "check" {
		explained, err := c.c.Admin.Explain(r.Context(), []admin.ExplainEntry{{Bus: f.Bus, Source: f.Source, DetailType: f.DetailType, Detail: detail, Time: c.c.Clock()}})
		if err != nil {
			return nil, err
		}
		if f.Tenants, err = c.c.Tenants(r.Context()); err != nil {
			return nil, err
		}
		f.Explained, f.Explanation, f.Writes, f.Operation = true, explained[0], events.Writes[:], events.Post
		return &page{name: "compose", title: "Compose", data: f}, nil
	}
	in := ebtypes.PutEventsRequestEntry{Source: &f.Source, DetailType: &f.DetailType, Detail: &detail}
	if f.Bus != "" {
		in.EventBusName = &f.Bus
	}
	out, err := c.c.EventBridge.PutEvents(r.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{in}})
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "the event was not accepted: %v", err)
	}
	if one := out.Entries[0]; one.EventId == nil {
		return nil, fault.Errorf(fault.Invalid, "the event was not accepted: %s: %s", aws.ToString(one.ErrorCode), aws.ToString(one.ErrorMessage))
	}
	return &page{redirect: escapePath("events", aws.ToString(out.Entries[0].EventId))}, nil
}

const sendingKeyLifetime = time.Hour

// withKey returns the detail with an API key, if it is an input event that has none, or
// a masked one.
func (c eventPages) withKey(ctx context.Context, e entry) (string, error) {
	if e.Source != events.InputSource {
		return e.Detail, nil
	}
	var detail struct {
		Tenant  string         `json:"tenant"`
		APIKey  string         `json:"api_key,omitempty"`
		Unknown jsontext.Value `json:",embed"`
	}
	if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil {
		return e.Detail, nil // the server says what is wrong
	}
	if _, _, err := apikey.Parse(events.Secret(detail.APIKey)); err == nil {
		return e.Detail, nil
	}
	t, err := events.ParseTenantID(detail.Tenant)
	if err != nil {
		return e.Detail, nil
	}
	secret, err := c.sendingKey(ctx, t)
	if err != nil {
		return "", err
	}
	detail.APIKey = secret.Reveal()
	text, err := json.Marshal(detail)
	return string(text), err
}

// sendingKey returns an API key of a tenant for events of the console. It expires after
// an hour, and exists in memory only.
func (c eventPages) sendingKey(ctx context.Context, t events.TenantID) (events.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.c.Clock()
	if k, ok := c.keys[t]; ok && now.Before(k.expires.Add(-time.Minute)) {
		return k.secret, nil
	}
	expires := now.Add(sendingKeyLifetime)
	made, err := c.c.Admin.CreateKey(ctx, admin.NewKey{Tenant: t, Permissions: []apikey.Permission{apikey.BackendCalls}, Expires: expires})
	if err != nil {
		return "", err
	}
	c.keys[t] = sendingKey{events.Secret(made.Key), expires}
	return c.keys[t].secret, nil
}
