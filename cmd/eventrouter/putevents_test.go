package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// entryText is an entry for the tenant acme; empty arguments are those of a good one.
func entryText(key, operation, payload string) string {
	return `{"Source":"blockforger-input","DetailType":"products.` + operation + `","Detail":{"tenant":"acme","rootSchema":"products","operation":"` +
		operation + `","api_key":"` + key + `","payload":` + payload + `}}`
}

// acme is a tenant with one schema and two output buses.
func acme(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tenant.properties": "eventbridge-input=true\neventbridge-output=[{},{\"eventbridge_arn\":\"arn:aws:events:us-east-1:000000000000:event-bus/analytics\"}]\n",
		"products.json": `{"type":"object","properties":{"id":{"type":"string"},"price":{"type":"number"},"name":{"type":"string"},
			"parts":{"type":"array","items":{"properties":{"no":{"type":"integer"}},"additionalProperties":false}}},"required":["price"],"additionalProperties":{"type":"string"}}`,
	} {
		if err := os.MkdirAll(dir+"/acme", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/acme/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPutEventsPrintsOutcomes(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, acme(t))
	if _, err := srv.local.EventBridge.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: "analytics"}); err != nil {
		t.Fatal(err)
	}
	srv.local.Functions.Register("broken", func(context.Context, []byte, io.Writer) ([]byte, error) { return nil, errors.New("out of order") })
	for rule, function := range map[string]string{"to-broken": "broken", "to-nobody": "nobody"} {
		if _, err := srv.local.EventBridge.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: rule, EventPattern: `{"source":["` + rule + `"]}`}); err != nil {
			t.Fatal(err)
		}
		if _, err := srv.local.EventBridge.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: rule, Targets: []delivery.Target{
			{Id: "1", Arn: "arn:aws:lambda:us-east-1:000000000000:function:" + function}}}); err != nil {
			t.Fatal(err)
		}
	}
	key := makeKey(t, srv.url, "acme").Key
	wrong := entryText(key, "POST", `{"id":"8","price":"9","parts":[{"no":"x","c4n4ry":1}],"c4n4ry":3}`)
	for _, c := range []struct {
		name, args, entries string
		code                int
		want                []string // for each line its beginning
	}{
		{"created", "", entryText(key, "POST", `{"id":"7","price":9}`), 0, []string{"created acme/products/7 · 10 tokens · published to default, analytics  event "}},
		{"changed", "", entryText(key, "PATCH", `{"id":"7","price":8}`), 0, []string{"changed acme/products/7 · 10 tokens · "}},
		{"a mixture", "", "[" + entryText(key, "PUT", `{"id":"7","price":7}`) + "," + wrong + "," + entryText(key, "DELETE", `{"id":"none"}`) + "]", 1,
			[]string{"replaced acme/products/7 · ",
				"would be rejected 400  /*: must be a string, not a number; /parts/0/*: is not a property of the schema; /parts/0/no: must be an integer, not a string; and 1 more · not sent; --force sends it",
				"rejected 404  there is no record with this key  event "}},
		{"forced", "--force", wrong, 1, []string{"rejected 400  /*: must be a string, not a number; "}},
		{"wrong key", "", entryText("erk_nobody", "POST", `{"price":1}`), 1, []string{"would be rejected 401  the API key is missing or not valid · not sent"}},
		{"no rule", "", `{"Source":"shop","DetailType":"sale","Detail":{}}`, 1, []string{`matched no rule: eventrouter-input-local: detail-type must be [{"suffix":".POST"},`}},
		{"another bus", "", `{"Source":"shop","DetailType":"sale","Detail":{},"EventBusName":"analytics"}`, 1, []string{"matched no rule: the bus analytics has no rules, or does not exist here  event "}},
		{"delivered", "", `{"Source":"blockforger-output","DetailType":"sale","Detail":{}}`, 0, []string{"delivered to eventbridge-test-local  event "}},
		{"dead letter", "", `{"Source":"to-nobody","DetailType":"sale","Detail":{}}`, 1, []string{"not delivered to nobody: "}},
		{"refused", "", `{"Source":"aws.s3","DetailType":"sale","Detail":{}}`, 1, []string{"rejected by PutEvents  NotAuthorizedForSourceException: "}},
		{"not waited for", "--no-wait", `[{"Source":"shop","DetailType":"sale","Detail":{}},` + entryText(key, "POST", `{"id":"7","price":9}`) + "]", 0, []string{"sent  event ", "sent  event "}},
		{"deleted", "", entryText(key, "DELETE", `{"id":"7"}`), 0, []string{"deleted acme/products/7 · "}},
	} {
		began := time.Now()
		code, out, errOut := runCLI(t, srv.url, append([]string{"put-events", "--entries", c.entries}, strings.Fields(c.args)...)...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if code != c.code || len(lines) != len(c.want) || errOut != "" || strings.Contains(out, "c4n4ry") {
			t.Errorf("%s: exit %d, want %d, after %v\n%s%s", c.name, code, c.code, time.Since(began), out, errOut)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: line %d\ngot  %s\nwant %s", c.name, i, lines[i], want)
			}
		}
	}
	// A target that fails is retried for hours, which is longer than the command waits.
	if code, out, _ := runCLI(t, srv.url, "put-events", "--entries", `{"Source":"to-broken","DetailType":"sale","Detail":{}}`); code != 1 || !strings.HasPrefix(out, "not delivered to broken: out of order, tried again at ") {
		t.Errorf("%d %s", code, out)
	}

	// The events were sent or not, as the lines say.
	if code, out, _ := runCLI(t, srv.url, "events", "tail", "-n", "100", "--pattern", `{"detail":{"payload":{"id":["8"]}}}`); code != 0 || strings.Count(out, "\n") != 1 ||
		!strings.Contains(out, "  products.POST  rejected 400  /*: must be a string, not a number; ") {
		t.Errorf("%d %s", code, out)
	}
	code, out, _ := runCLI(t, srv.url, "put-events", "--force", "--output", "json", "--entries", wrong)
	var results struct {
		Results []struct {
			EventID string        `json:"eventId"`
			Outcome trace.Outcome `json:"outcome"`
		} `json:"results"`
	}
	want := []fault.Violation{{Pointer: "/*", Message: "must be a string, not a number"}, {Pointer: "/parts/0/*", Message: "is not a property of the schema"},
		{Pointer: "/parts/0/no", Message: "must be an integer, not a string"}, {Pointer: "/price", Message: "must be a number, not a string"}}
	if err := json.Unmarshal([]byte(out), &results); err != nil || code != 1 || len(results.Results) != 1 || !equalJSON(t, results.Results[0].Outcome.Problems, want) {
		t.Fatalf("%v: exit %d: %s", err, code, out)
	}
	_, out, _ = runCLI(t, srv.url, "events", "trace", results.Results[0].EventID, "--output", "json")
	var traced trace.Event
	if err := json.Unmarshal([]byte(out), &traced); err != nil || !equalJSON(t, traced.Outcome.Problems, want) {
		t.Errorf("the trace, %v: %s", err, out)
	}
	if _, out, _ = runCLI(t, srv.url, "events", "trace", results.Results[0].EventID); !strings.Contains(out, "\n  outcome    rejected 400  /*: must be a string, not a number; ") {
		t.Errorf("the trace:\n%s", out)
	}
	code, out, _ = runCLI(t, srv.url, "put-events", "--dry-run", "--entries", "["+entryText(key, "POST", `{"id":"dry","price":1}`)+","+wrong+"]")
	if code != 1 || strings.Count(out, "would be rejected 400\n") != 1 || !strings.Contains(out, "\n    /price: must be a number, not a string\n") ||
		strings.Count(out, "matches eventrouter-input-local -> eventrouter-local") != 2 || !strings.Contains(out, `"DetailType":"products.POST"`) {
		t.Errorf("dry run: exit %d\n%s", code, out)
	}
	if page, err := srv.admin.ListRecords(t.Context(), recordQuery("acme", "products")); err != nil || len(page.Records) != 0 {
		t.Errorf("%+v %v", page, err)
	}
}

// TestRepeatedEventIsReported: an idempotency key that was used has no second effect.
func TestRepeatedEventIsReported(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, acme(t))
	entry := strings.Replace(entryText(makeKey(t, srv.url, "acme").Key, "POST", `{"id":"7","price":9}`), `"tenant"`, `"idempotency_key":"once","tenant"`, 1)
	for _, want := range []string{"created acme/products/7 · 10 tokens · not yet published to ", "repeated acme/products/7 · nothing is billed again  event "} {
		_, out, errOut := runCLI(t, srv.url, "put-events", "--entries", entry)
		if !strings.HasPrefix(out, want) && !strings.HasPrefix(out, strings.Replace(want, "not yet published to", "published to default · not yet published to", 1)) {
			t.Errorf("got %s%s, want %s", out, errOut, want)
		}
	}
}

func recordQuery(t events.TenantID, s events.SchemaID) admin.RecordQuery {
	return admin.RecordQuery{Tenant: t, Schema: s}
}

// equalJSON reports whether two values have the same JSON.
func equalJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, errX := json.Marshal(a, json.Deterministic(true))
	y, errY := json.Marshal(b, json.Deterministic(true))
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	return string(x) == string(y)
}
