package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/jsonerror"
	"github.com/blockforger/eventrouter/internal/watch"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// testsFolder is the folder of the tests, in the folder of a tenant.
const testsFolder = "tests"

type tenantTest struct {
	Dir   string `arg:"" optional:"" default:"schemas" type:"path" help:"The folder of a tenant, or the folder with one folder per tenant."`
	Watch bool   `help:"Run the tests again after each change of a file, until interrupted."`
}

// testResult is the result of one test file.
type testResult struct {
	File     string   `json:"file"`
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty"`
}

// Run runs every test of the tenants below the folder, each with its own router in
// memory.
func (c *tenantTest) Run(s *session) error {
	if !c.Watch {
		return c.runOnce(s)
	}
	changes, ended := make(chan struct{}, 1), make(chan struct{})
	ctx, stop := context.WithCancel(s.ctx)
	go func() {
		defer close(ended)
		watch.Folder(ctx, c.Dir, nil, func([]string) {
			select {
			case changes <- struct{}{}:
			default: // the tests will run anyway
			}
		})
	}()
	defer func() { stop(); <-ended }()
	for {
		if err := c.runOnce(s); err != nil && !errors.Is(err, errFindings) {
			s.print.note("eventrouter: %s", message(err))
		}
		s.print.note("waiting for changes in %s", relativePath(c.Dir))
		select {
		case <-s.ctx.Done():
			return nil
		case <-changes:
		}
	}
}

func (c *tenantTest) runOnce(s *session) error {
	folders, err := tenantFolders(c.Dir)
	if err != nil {
		return err
	}
	verdicts := []testResult{}
	failed := 0
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, testsFolder, "*.json"))
		if err != nil {
			return err
		}
		for _, file := range files {
			v := testResult{File: file}
			if v.Failures, err = runTestFile(s, folder, file); err != nil {
				return err
			}
			if v.Passed = len(v.Failures) == 0; !v.Passed {
				failed++
			}
			verdicts = append(verdicts, v)
		}
	}
	if len(verdicts) == 0 {
		return fault.Errorf(fault.NotFound, "%s: no tenant has tests (%s/*.json)", c.Dir, testsFolder)
	}
	if done, err := s.print.printJSON(struct {
		Tests []testResult `json:"tests"`
	}{verdicts}); done && err != nil {
		return err
	} else if !done {
		for _, v := range verdicts {
			word := s.print.green("ok  ")
			if !v.Passed {
				word = s.print.red("FAIL")
			}
			s.print.line("%s %s", word, v.File)
			for _, f := range v.Failures {
				s.print.line("     %s", f)
			}
		}
	}
	if failed > 0 {
		return errFindings
	}
	return nil
}

// tenantFolders returns the folders of tenants at or below dir.
func tenantFolders(dir string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(dir, "tenant.properties")); err == nil {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "%s does not exist", dir)
	}
	if err != nil {
		return nil, fileError("", err)
	}
	var folders []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), "tenant.properties")); err == nil && e.IsDir() {
			folders = append(folders, filepath.Join(dir, e.Name()))
		}
	}
	return folders, nil
}

// runTestFile runs the test in a file and returns its failures. The error is for a
// file or tenant that cannot be read.
func runTestFile(s *session, folder, file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fileError("", err)
	}
	var test tenantCase
	if err := json.Unmarshal(data, &test, json.RejectUnknownMembers(true)); err != nil {
		return nil, fault.Errorf(fault.Invalid, "%s is not a test: %s", file, jsonerror.Describe(data, err))
	}
	if len(test.Steps) == 0 {
		return nil, fault.Errorf(fault.Invalid, "%s has no steps", file)
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	id, err := events.ParseTenantID(filepath.Base(absolute))
	if err != nil {
		return nil, err
	}
	tree, err := blob.OpenDir(filepath.Dir(absolute))
	if err != nil {
		return nil, err
	}
	fixture, err := newTestFixture(s.ctx, tree, id)
	if err != nil {
		return nil, err
	}
	failures, err := test.run(s.ctx, fixture)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "%s: %s", strings.TrimSuffix(file, "\n"), message(err))
	}
	return failures, nil
}

// tenantCase is a test of a tenant: events, and the expected result of each.
// doc/tenants.md specifies the file.
type tenantCase struct {
	Description string       `json:"description"`
	Steps       []tenantStep `json:"steps"`
}

type tenantStep struct {
	// Event is an input event. Missing members are filled in: id, source, time, and
	// tenant and api_key of the detail.
	Event  map[string]jsontext.Value `json:"event"`
	Expect tenantExpectation         `json:"expect"`
}

// tenantExpectation is the expected result of a step; absent members are not
// checked.
type tenantExpectation struct {
	Status  int              `json:"status"`
	Record  jsontext.Value   `json:"record"` // null: no record exists
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

// testFixture is a router in memory, with an API key of one tenant.
type testFixture struct {
	tenant events.TenantID
	router *router.Router
	store  *projection.Store
	key    events.Secret
	sent   []events.Entry
}

// Send implements bus.Sender: it stores the entries.
func (h *testFixture) Send(_ context.Context, _ string, entries []events.Entry) ([]bus.Result, error) {
	h.sent = append(h.sent, entries...)
	return make([]bus.Result, len(entries)), nil
}

func newTestFixture(ctx context.Context, tree blob.Bucket, id events.TenantID) (*testFixture, error) {
	ledger := memstore.New(nil)
	h := &testFixture{tenant: id, store: projection.New(store.New(ledger, nil), nil)}
	var refused error
	tenants := tenant.NewCatalog(tree, &tenant.CatalogOptions{Report: func(f diag.Diagnostic) {
		if f.Severity == diag.SeverityError && refused == nil {
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
	h.router = router.New(tenants, apikey.NewAuthenticator(ledger, nil), h.store, outbox.NewPublisher(h.store, bus.NewPublisher(h), nil), nil)
	return h, nil
}

// run runs the steps and returns the differences from what is expected.
func (c *tenantCase) run(ctx context.Context, h *testFixture) (failures []string, err error) {
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
		wrong, failure := step.Expect.check(ctx, h, receipt, report, err)
		if failure != nil {
			return nil, failure
		}
		for _, w := range wrong {
			failures = append(failures, fmt.Sprintf("step %d: %s", i+1, w))
		}
	}
	return failures, nil
}

// envelope returns the event of a step with its missing members filled in.
func (h *testFixture) envelope(given map[string]jsontext.Value, step int) (events.Envelope, error) {
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

func (e *tenantExpectation) check(ctx context.Context, h *testFixture, r store.Result, report *router.Report, refusal error) (wrong []string, err error) {
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
		wrong = append(wrong, e.checkOutputs(h.sent)...)
	}
	return wrong, nil
}

func (e *tenantExpectation) checkOutputs(sent []events.Entry) (wrong []string) {
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
