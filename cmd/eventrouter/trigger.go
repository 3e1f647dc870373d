package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/jsonobject"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/openapi"
)

type triggerCommand struct {
	Event string   `arg:"" help:"TENANT/SCHEMA.OPERATION, for example acme/products.POST; the operation is POST by default."`
	Set   []string `sep:"none" placeholder:"NAME=VALUE" help:"Set a member of the payload, for example price=9 or customer.name=Ada. A value is a string if it is not JSON, or if the member is a string. May be repeated."`
	Key   string   `env:"EVENTROUTER_KEY" help:"The API key of the tenant."`
	Count int      `default:"1" help:"How many events to send."`
	Rate  float64  `placeholder:"NUMBER" help:"The maximum number of events per second. Default: no limit."`
	Save  string   `type:"path" placeholder:"FILE" help:"Write the event and its outcome as a test for tenant test."`
	Force bool     `help:"Also send an event that the router would reject."`
}

// Validate implements kong's hook.
func (c *triggerCommand) Validate() error {
	const most = 100_000
	if c.Count < 1 || c.Count > most {
		return fmt.Errorf("--count: %d is not between 1 and %d", c.Count, most)
	}
	if !(c.Rate >= 0) {
		return fmt.Errorf("--rate: %g is not a number of events per second, for example 20", c.Rate)
	}
	return nil
}

// Run generates a valid event from the schema, sends it and prints its outcome.
func (c *triggerCommand) Run(s *session) error {
	q, err := parseTrigger(c.Event)
	if err != nil {
		return err
	}
	if c.Key == "" {
		return fault.Errorf(fault.Invalid, "there is no API key: set EVENTROUTER_KEY or --key; a new key: eventrouter keys create --tenant %s --permission backend_calls", q.Tenant)
	}
	sample, err := s.admin.Sample(s.ctx, q)
	if err != nil {
		return err
	}
	payload := sample.Payload
	for _, set := range c.Set {
		if payload, err = setMember(payload, set, sample.StringKey); err != nil {
			return err
		}
	}
	entry, err := triggerEntry(q, payload, c.Key)
	if err != nil {
		return err
	}
	results, err := c.send(s, entry)
	if err != nil {
		return err
	}
	printed := s.printResults(results, true)
	if c.Count > 1 && !s.print.json {
		s.print.line("%s", summary(results))
	}
	if c.Save != "" {
		if err := saveTest(c.Save, q, payload, results[0].Outcome); err != nil {
			return err
		}
		s.print.note("saved %s, which tenant test runs", relativePath(c.Save))
	}
	return printed
}

// parseTrigger parses TENANT/SCHEMA.OPERATION.
func parseTrigger(text string) (q admin.SampleQuery, err error) {
	form := func(reason string) error {
		return fault.Errorf(fault.Invalid, "%q: %s; the form is TENANT/SCHEMA.OPERATION, for example acme/products.POST", text, reason)
	}
	id, rest, found := strings.Cut(text, "/")
	if !found {
		return q, form("there is no schema")
	}
	name, op, given := strings.Cut(rest, ".")
	if q.Tenant, err = events.ParseTenantID(id); err != nil {
		return q, form(fault.MessageOf(err))
	}
	if q.Schema, err = events.ParseSchemaID(name); err != nil {
		return q, form(fault.MessageOf(err))
	}
	q.Operation = events.Post
	if given {
		if q.Operation, err = events.ParseWrite(op); err != nil {
			return q, form("the operation must be POST, PUT, PATCH or DELETE")
		}
	}
	return q, nil
}

// sampleOf returns a sample from a catalog.
func sampleOf(ctx context.Context, catalog *tenant.Catalog, q admin.SampleQuery) (admin.Sample, error) {
	schema, err := catalog.Schema(ctx, q.Tenant, q.Schema)
	if err != nil {
		return admin.Sample{}, err
	}
	payload := openapi.Example(schema)
	switch {
	case payload == nil:
		return admin.Sample{}, fault.Errorf(fault.Invalid,
			"no valid payload could be generated from the schema %s/%s: add an example or a default to its properties", q.Tenant, q.Schema)
	case q.Operation == events.Delete:
		payload, err = filterMembers(payload, func(name string) bool { return name == schema.KeyField })
	case q.Operation == events.Post && !schema.IntegerKey: // the router makes a new key
		payload, err = filterMembers(payload, func(name string) bool { return name != schema.KeyField })
	}
	sample := admin.Sample{Payload: payload}
	if !schema.IntegerKey {
		sample.StringKey = schema.KeyField
	}
	return sample, err
}

// objectOf is the inverse of [jsonobject.Members].
func objectOf(members []jsonobject.Member) jsontext.Value {
	b := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, m.Name) // replaces invalid UTF-8
		b = append(append(b, ':'), m.Value...)
	}
	return append(b, '}')
}

func filterMembers(object jsontext.Value, keep func(name string) bool) (jsontext.Value, error) {
	members, err := jsonobject.Members(object)
	return objectOf(slices.DeleteFunc(members, func(m jsonobject.Member) bool { return !keep(m.Name) })), err
}

// setMember applies NAME=VALUE to an object; the name may be a path with dots. The
// member stringKey is a string.
func setMember(object jsontext.Value, set, stringKey string) (jsontext.Value, error) {
	name, text, found := strings.Cut(set, "=")
	path := strings.Split(name, ".")
	if !found || slices.Contains(path, "") {
		return nil, fault.Errorf(fault.Invalid, "--set: %q must have the form NAME=VALUE, for example price=9 or customer.name=Ada", set)
	}
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "--set: the value of %s is not valid UTF-8", name)
	}
	value := jsontext.Value(text)
	if old := memberAt(object, path); !value.IsValid() || (old.Kind() == '"' || name == stringKey) && value.Kind() != '"' {
		value = quoted
	}
	return setPath(object, path, value)
}

// memberAt returns the value at a path, or nil.
func memberAt(object jsontext.Value, path []string) jsontext.Value {
	if len(path) == 0 || object.Kind() != '{' {
		return object
	}
	members, _ := jsonobject.Members(object) // those before an error
	for _, m := range members {
		if m.Name == path[0] {
			return memberAt(m.Value, path[1:])
		}
	}
	return nil
}

func setPath(object jsontext.Value, path []string, value jsontext.Value) (jsontext.Value, error) {
	if object.Kind() != '{' {
		object = jsontext.Value("{}")
	}
	members, err := jsonobject.Members(object)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(members, func(m jsonobject.Member) bool { return m.Name == path[0] })
	if i < 0 {
		members, i = append(members, jsonobject.Member{Name: path[0]}), len(members)
	}
	if len(path) > 1 {
		if value, err = setPath(members[i].Value, path[1:], value); err != nil {
			return nil, err
		}
	}
	members[i].Value = value
	return objectOf(members), nil
}

// triggerDetail is the detail of an input event.
type triggerDetail struct {
	Tenant     events.TenantID  `json:"tenant,omitempty"`
	RootSchema events.SchemaID  `json:"rootSchema"`
	Operation  events.Operation `json:"operation"`
	APIKey     string           `json:"api_key,omitempty"`
	Payload    jsontext.Value   `json:"payload"`
}

func triggerEntry(q admin.SampleQuery, payload jsontext.Value, key string) (putEntry, error) {
	body, err := json.Marshal(triggerDetail{q.Tenant, q.Schema, q.Operation, key, payload})
	return putEntry{Source: events.InputSource, DetailType: string(events.InputDetailType(q.Schema, q.Operation)), Detail: detail(body)}, err
}

// send sends the event as often as requested, at most ten in one call, and waits for
// the outcomes.
func (c *triggerCommand) send(s *session, entry putEntry) ([]entryResult, error) {
	checked, err := s.explain([]putEntry{entry})
	if err != nil {
		return nil, err
	}
	if checked[0].Outcome != nil && !c.Force {
		checked[0].NotSent = true
		return checked, nil
	}
	var results []entryResult
	queries, began := map[int]admin.OutcomeQuery{}, time.Now()
	for len(results) < c.Count {
		n := min(events.MaxEntries, c.Count-len(results))
		if c.Rate > 0 {
			n = min(n, max(1, int(c.Rate/4))) // a call every quarter of a second
			select {
			case <-s.ctx.Done():
				return results, nil
			case <-time.After(time.Until(began.Add(time.Duration(float64(len(results)) / c.Rate * float64(time.Second))))):
			}
		}
		part := make([]entryResult, n)
		if err := s.send(slices.Repeat([]putEntry{entry}, n), part, false); err != nil {
			return nil, err
		}
		for _, r := range part {
			r.Rules = checked[0].Rules
			if q, _ := outcomeQuery(&entry, r.EventID, began); r.Error == "" {
				queries[len(results)] = q
			}
			results = append(results, r)
		}
	}
	return results, s.awaitOutcomes(queries, results)
}

// summary counts the results, for example "100 events: 98 created, 2 rejected".
func summary(results []entryResult) string {
	counts := map[trace.State]int{}
	var order []trace.State
	for _, r := range results {
		state := trace.State("without an outcome")
		switch {
		case r.Error != "":
			state = "rejected by PutEvents"
		case r.Outcome != nil && r.Outcome.State != "":
			state = r.Outcome.State
		}
		if counts[state]++; counts[state] == 1 {
			order = append(order, state)
		}
	}
	var parts []string
	for _, state := range order {
		parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
	}
	return fmt.Sprintf("%d events: %s", len(results), strings.Join(parts, ", "))
}

// saveTest writes an event and its outcome as a test of the tenant.
func saveTest(path string, q admin.SampleQuery, payload jsontext.Value, o *trace.Outcome) error {
	if o == nil || o.Status == 0 {
		return fault.Errorf(fault.Invalid, "--save: the event has no outcome, so that no test was written")
	}
	type event struct {
		DetailType events.DetailType `json:"detail-type"`
		Detail     triggerDetail     `json:"detail"`
	}
	type expectation struct {
		Status int   `json:"status"`
		Tokens int64 `json:"tokens"`
	}
	type step struct {
		Event  event       `json:"event"`
		Expect expectation `json:"expect"`
	}
	text, err := json.Marshal(struct {
		Description string `json:"description"`
		Steps       []step `json:"steps"`
	}{fmt.Sprintf("%s of %s, saved by eventrouter trigger", q.Operation, q.Schema), []step{{
		event{events.InputDetailType(q.Schema, q.Operation), triggerDetail{RootSchema: q.Schema, Operation: q.Operation, Payload: payload}},
		expectation{o.Status, o.Tokens},
	}}}, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fileError("--save", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fault.Errorf(fault.Conflict, "--save: %s exists already; choose another name", path)
	}
	if err != nil {
		return fileError("--save", err)
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Close())
}
