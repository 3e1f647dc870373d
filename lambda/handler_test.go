package lambda_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/tenant"
)

// A fixture is the function over in-memory stores, with its log.
type fixture struct {
	t       *testing.T
	handler *lambda.Handler
	store   *projection.Store
	key     string
	log     bytes.Buffer
	sent    int
	down    bool
	send    func(ctx context.Context, entries []events.Entry) ([]bus.Result, error) // instead of success
	failing string                                                                  // the commit of the event with this id fails
	stuck   bool                                                                    // commits block until their context ends
	ahead   time.Duration                                                           // how far the relay's clock is ahead
}

// A stuckLedger is a ledger whose commits block while its fixture is stuck.
type stuckLedger struct {
	*memstore.Driver
	f *fixture
}

func (l stuckLedger) Commit(ctx context.Context, c *store.Change) (store.Result, error) {
	if l.f.stuck {
		<-ctx.Done()
		return store.Result{}, ctx.Err()
	}
	if l.f.failing != "" && c.Idempotency.Key.Value == l.f.failing {
		return store.Result{}, fault.Errorf(fault.Unavailable, "down for %s", l.f.failing)
	}
	return l.Driver.Commit(ctx, c)
}

func (f *fixture) now() time.Time { return time.Now().Add(f.ahead) }

func (f *fixture) Send(ctx context.Context, _ string, entries []events.Entry) ([]bus.Result, error) {
	if f.send != nil {
		return f.send(ctx, entries)
	}
	f.sent += len(entries)
	return make([]bus.Result, len(entries)), nil
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t}
	ledger := memstore.New(&memstore.Options{Fault: func(string) error {
		if f.down {
			return fault.Errorf(fault.Unavailable, "down")
		}
		return nil
	}})
	f.store = projection.New(store.New(stuckLedger{ledger, f}, nil), nil)
	files := blob.NewMemory()
	for name, text := range map[string]string{
		"acme/tenant.properties": "eventbridge-input=true\neventbridge-output=[{}]\n",
		"acme/pet.json":          `{"properties":{"id":{"type":"string"}},"required":["name"]}`,
		"acme/secret.json":       `{"meta":{"logKey":false}}`,
		"acme/order.json": `{"properties":{"price":{"type":"number"},"items":{"items":{"properties":{"a/b":{"type":"string"}},"required":["sku"]}}},
			"additionalProperties":{"type":"boolean"}}`,
	} {
		if _, err := files.Put(t.Context(), name, []byte(text), nil, blob.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	key, secret, err := apikey.New("acme", []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.PutKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	f.key = secret.Reveal()
	publisher := bus.NewPublisher(f)
	r := router.New(tenant.NewCatalog(files, nil), apikey.NewAuthenticator(ledger, nil), f.store, outbox.NewPublisher(f.store, publisher, nil), nil)
	f.handler = lambda.New(r, outbox.NewRelay(outbox.NewPublisher(f.store, publisher, &outbox.Options{Clock: f.now}), "test"), &f.log, &lambda.Options{Environment: "test"})
	return f
}

func (f *fixture) event(id, schema, payload string) string {
	return fmt.Sprintf(`{"version":"0","id":%q,"source":"blockforger-input","detail-type":"%s.POST","time":%q,"region":"us-east-1","resources":[],
		"detail":{"tenant":"acme","rootSchema":%q,"api_key":%q,"payload":%s}}`, id, schema, time.Now().UTC().Format(time.RFC3339), schema, f.key, payload)
}

func (f *fixture) invoke(payload string) (string, error) {
	f.t.Helper()
	ctx := lambdacontext.NewContext(f.t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	out, err := f.handler.Invoke(ctx, []byte(payload))
	return string(out), err
}

func (f *fixture) records() int {
	f.t.Helper()
	heads, err := f.store.List(f.t.Context(), store.Collection{Tenant: "acme", Schema: "pet"}, "", 1000)
	if err != nil {
		f.t.Fatal(err)
	}
	return len(heads)
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestSynchronousResponse(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		payload, status, inBody string
	}{
		{f.event("e1", "pet", `{"name":"Rex"}`), `"statusCode":201`, `\"revision\":1`},
		{f.event("e1", "pet", `{"name":"Rex"}`), `"idempotency-replayed":"true"`, `\"revision\":1`},
		{f.event("e2", "pet", `{"age":1}`), `"statusCode":400`, `\"pointer\":\"/name\"`},
		{f.event("e3", "cat", `{"name":"Tom"}`), `"statusCode":404`, `problems/not-found`},
		{strings.Replace(f.event("e4", "pet", `{}`), f.key, "sesame", 1), `"statusCode":401`, `problems/unauthenticated`},
	} {
		out, err := f.invoke(c.payload)
		if err != nil || !strings.Contains(out, c.status) || !strings.Contains(out, c.inBody) {
			t.Errorf("%s, %v; want %s and %s", out, err, c.status, c.inBody)
		}
	}
	if f.records() != 1 {
		t.Errorf("%d records", f.records())
	}
}

func TestArrayWithAFaultIsRetriedAsAWhole(t *testing.T) {
	f := newFixture(t)
	batch := "[" + f.event("a", "pet", `{"name":"A"}`) + "," + f.event("b", "pet", `{"age":1}`) + "," + f.event("c", "pet", `{"name":"C"}`) + "]"
	out, err := f.invoke(batch)
	if err != nil || strings.Count(out, `"statusCode":201`) != 2 || strings.Count(out, `"statusCode":400`) != 1 {
		t.Errorf("%s, %v", out, err)
	}
	f.down = true
	if out, err := f.invoke(batch); err == nil {
		t.Errorf("a batch with a fault was acknowledged: %s", out)
	}
	f.down = false
	if _, err := f.invoke(batch); err != nil || f.records() != 2 {
		t.Errorf("%d records after the retry, %v", f.records(), err)
	}
}

// TestArrayInWhichOneEventFails checks that a batch is not acknowledged if any one
// of its events failed, because that event would be lost.
func TestArrayInWhichOneEventFails(t *testing.T) {
	for _, failing := range []string{"a", "b", "c"} {
		f := newFixture(t)
		batch := "[" + f.event("a", "pet", `{"name":"A"}`) + "," + f.event("b", "pet", `{"name":"B"}`) + "," + f.event("c", "pet", `{"name":"C"}`) + "]"
		message := `{"Records":[{"messageId":"m1","eventSource":"aws:sqs","body":` + quote(batch) + `}]}`
		f.failing = failing
		if out, err := f.invoke(batch); err == nil {
			t.Errorf("%s fails, but the batch was acknowledged: %s", failing, out)
		}
		if out, err := f.invoke(message); err != nil || out != `{"batchItemFailures":[{"itemIdentifier":"m1"}]}` {
			t.Errorf("%s fails, in a message: %s, %v", failing, out, err)
		}
		if n := f.records(); n != 2 {
			t.Errorf("%s fails: %d records, want the other two", failing, n)
		}
		f.failing = ""
		if _, err := f.invoke(batch); err != nil || f.records() != 3 {
			t.Errorf("%s, redelivered: %d records, %v", failing, f.records(), err)
		}
	}
}

// TestMalformedEventDoesNotFailTheBatch sends events that EventBridge accepts and
// the strict codec rejects, in a batch with events of other tenants.
func TestMalformedEventDoesNotFailTheBatch(t *testing.T) {
	for name, poison := range map[string]func(f *fixture) string{
		"a repeated name": func(f *fixture) string {
			return strings.Replace(f.event("p", "pet", `{"name":"P"}`), `"tenant"`, `"tenant":"x","tenant"`, 1)
		},
		"invalid UTF-8": func(f *fixture) string { return f.event("p", "pet", "{\"name\":\"\xff\"}") },
		"deep": func(f *fixture) string {
			return f.event("p", "pet", strings.Repeat(`{"a":`, 80)+"1"+strings.Repeat("}", 80))
		},
		"no event": func(*fixture) string { return `7` },
	} {
		f := newFixture(t)
		big := func(id string) string { return f.event(id, "pet", `{"name":"`+strings.Repeat("x", 300<<10)+`"}`) }
		batch := "[" + f.event("a", "pet", `{"name":"A"}`) + "," + poison(f) + "," + big("b") + "," + big("c") + "," + big("d") + "," + big("e") + "]"
		if _, err := f.invoke(batch); err != nil || f.records() != 5 {
			t.Errorf("%s: %d records, %v", name, f.records(), err)
		}
		message := fmt.Sprintf(`{"Records":[{"messageId":"m1","body":7},{"messageId":"m2","body":%s}]}`, quote(f.event("z", "pet", `{"name":"Z"}`)))
		if out, err := f.invoke(message); err != nil || out != `{"batchItemFailures":[]}` || f.records() != 6 {
			t.Errorf("%s: SQS: %s, %d records, %v", name, out, f.records(), err)
		}
	}
	f := newFixture(t)
	if out, err := f.invoke("[" + f.event("a", "pet", `{"name":"A"}`) + ", nonsense"); err == nil {
		t.Errorf("an array that cannot be split was acknowledged: %s", out)
	}
}

// TestKeysInOtherMembersAreMasked checks that log lines and responses never hold
// a key, wherever the sender wrote it.
func TestKeysInOtherMembersAreMasked(t *testing.T) {
	f := newFixture(t)
	good := f.event("e1", "pet", `{"name":"A"}`)
	var envelopes []string
	for _, member := range []string{`"id":`, `"source":`, `"time":`} {
		i := strings.Index(good, member) + len(member)
		end := i + 1 + strings.IndexByte(good[i+1:], '"') + 1
		envelopes = append(envelopes, good[:i]+quote(f.key)+good[end:])
	}
	for _, member := range []string{"operation", "tenant", "rootSchema", "idempotency_key", "metadata"} {
		envelopes = append(envelopes, strings.Replace(good, `"detail":{`, `"detail":{"`+member+`":"`+f.key+`",`, 1),
			strings.NewReplacer(`"tenant":"acme",`, ``, `"detail":{`, `"detail":{"tenant":"acme","`+member+`":"`+f.key+`",`).Replace(good))
	}
	envelopes = append(envelopes, strings.Replace(good, `"pet.POST"`, quote(f.key), 1))
	for _, e := range envelopes {
		f.log.Reset()
		out, err := f.invoke(e)
		if strings.Contains(f.log.String()+out+fmt.Sprint(err), f.key) {
			t.Errorf("shown for %s:\n%s\n%s\n%v", strings.ReplaceAll(e, f.key, "KEY"), f.log.String(), out, err)
		}
	}
}

func TestSQSBatchNamesTheFailedItems(t *testing.T) {
	f := newFixture(t)
	message := func(id, body string) string { return fmt.Sprintf(`{"messageId":%q,"body":%s}`, id, quote(body)) }
	record := `{"requestContext":{"condition":"RetriesExhausted"},"requestPayload":` + f.event("d", "pet", `{"name":"D"}`) + `}`
	batch := `{"Records":[` + strings.Join([]string{
		message("m1", f.event("a", "pet", `{"name":"A"}`)), message("m2", "nonsense"),
		message("m3", f.event("c", "pet", `{"age":1}`)), message("m4", record)}, ",") + `]}`
	if out, err := f.invoke(batch); err != nil || out != `{"batchItemFailures":[]}` || f.records() != 2 {
		t.Errorf("%s, %v, %d records", out, err, f.records())
	}
	f.down = true
	again := strings.NewReplacer(`\"id\":\"a\"`, `\"id\":\"x\"`).Replace(batch)
	if out, err := f.invoke(again); err != nil || !strings.Contains(out, `"itemIdentifier":"m1"`) || strings.Contains(out, `"m2"`) {
		t.Errorf("%s, %v", out, err)
	}
}

func TestFailedInvocationIsUnwrapped(t *testing.T) {
	f := newFixture(t)
	wrap := func(s string) string {
		return `{"version":"1.0","requestContext":{},"requestPayload":` + s + `,"responsePayload":{}}`
	}
	if _, err := f.invoke(wrap(f.event("a", "pet", `{"name":"A"}`))); err != nil || f.records() != 1 {
		t.Errorf("%d records, %v", f.records(), err)
	}
	deep := f.event("b", "pet", `{"name":"B"}`)
	for range 5 {
		deep = wrap(deep)
	}
	if out, err := f.invoke(deep); err != nil || !strings.Contains(out, `"statusCode":400`) || f.records() != 1 {
		t.Errorf("nested: %s, %v", out, err)
	}
}

func TestOtherPayloadsAreIgnored(t *testing.T) {
	f := newFixture(t)
	output := strings.Replace(f.event("a", "pet", `{"name":"A"}`), "blockforger-input", "blockforger-output", 1)
	for _, payload := range []string{`{}`, `"text"`, `7`, `null`, ``, `nonsense`, `{"hello":"world"}`, output,
		strings.Replace(output, "blockforger-output", "acme.own", 1)} {
		f.log.Reset()
		out, err := f.invoke(payload)
		if err != nil || out != "" {
			t.Errorf("%s: %s, %v", payload, out, err)
		}
		if !strings.Contains(f.log.String(), `"outcome":"ignored"`) {
			t.Errorf("%s: logged %s", payload, f.log.String())
		}
	}
	if f.records() != 0 {
		t.Errorf("%d records", f.records())
	}
}

func TestMalformedEventsAreRejected(t *testing.T) {
	f := newFixture(t)
	for _, payload := range []string{`{"source":"blockforger-input"`, `{"source":1,"detail-type":"x"}`, `[1,2]`, `[{"source":"blockforger-input","detail":7}]`,
		`{"Records":[{"body":7}]}`, `{"source":"blockforger-input","detail-type":"pet.POST","detail":{"tenant":"a","tenant":"b"}}`} {
		if out, err := f.invoke(payload); err != nil {
			t.Errorf("%s: %s, %v", payload, out, err)
		}
	}
}

func TestScheduleRunsTheRelay(t *testing.T) {
	f := newFixture(t)
	if out, err := f.invoke(`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","resources":[],"detail":{}}`); err != nil || out != "" {
		t.Errorf("%s, %v", out, err)
	}
	if !strings.Contains(f.log.String(), `"msg":"relay"`) || !strings.Contains(f.log.String(), `"RelayLag"`) {
		t.Errorf("logged %s", f.log.String())
	}
}

// TestLogLine checks that each request has one line of valid JSON with its
// metrics, and without key and payload.
func TestLogLine(t *testing.T) {
	f := newFixture(t)
	const canary = "c4n4ry-payload"
	for _, payload := range []string{
		f.event("e1", "pet", `{"id":"rex","name":"`+canary+`"}`),
		f.event("e2", "pet", `{"name":7,"other":"`+canary+`","id":5}`),
		f.event("e3", "secret", `{"id":"`+canary+`"}`),
		f.event("e5", "pet", `{"name":"x","`+canary+`":1e400}`),
		f.event("e6", "pet", `{"name":"x","`+canary+`":1,"`+canary+`":2}`),
		strings.Replace(f.event("e4", "pet", `{"name":"`+canary+`"}`), `"api_key"`, `"api_key":"x","api_key"`, 1),
	} {
		f.log.Reset()
		if _, err := f.invoke(payload); err != nil {
			t.Fatal(err)
		}
		text := f.log.String()
		if strings.Count(text, "\n") != 1 {
			t.Errorf("%d lines: %s", strings.Count(text, "\n"), text)
		}
		if strings.Contains(text, canary) || strings.Contains(text, f.key) {
			t.Errorf("the log holds a key or a payload: %s", text)
		}
		var line struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Metrics []struct{ Name string }
				}
			} `json:"_aws"`
			Rest map[string]any `json:",embed"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		for _, m := range line.AWS.CloudWatchMetrics[0].Metrics {
			if _, ok := line.Rest[m.Name].(float64); !ok {
				t.Errorf("the metric %s has no value on the line: %s", m.Name, text)
			}
		}
		if line.Rest["requestId"] != "req-1" || line.Rest["outcome"] == nil || line.Rest["stagesMs"] == nil && line.Rest["status"] != 400.0 {
			t.Errorf("line = %s", text)
		}
	}
}

// TestProblemsOnTheLogLine checks that the line of a rejected request lists every
// violation, and of the sender's own names only those that the schema declares.
func TestProblemsOnTheLogLine(t *testing.T) {
	f := newFixture(t)
	order := f.event("e1", "order", `{"price":"c4n4ry","items":[{"sku":1},{"sku":1,"a/b":2},{"a/b":"x"}],"c4n4ry-name":3,"0":4}`)
	for _, c := range []struct{ payload, want string }{
		{order, `[{"pointer":"/*","message":"must be a boolean, not a number"},{"pointer":"/*","message":"must be a boolean, not a number"},` +
			`{"pointer":"/items/1/a~1b","message":"must be a string, not a number"},{"pointer":"/items/2/sku","message":"is required"},` +
			`{"pointer":"/price","message":"must be a number, not a string"}]`},
		{f.event("e2", "pet", `{"id":5,"name":1}`), `[{"pointer":"/id","message":"key must be a string"}]`},
		{f.event("e3", "pet", `{"name":1,"c4n4ry-name":{"a":1,"a":2}}`), `[{"pointer":"/detail/payload/*/*","message":"repeats a name"}]`},
		{strings.Replace(order, `"tenant":"acme"`, `"tenant":7`, 1), `[{"pointer":"/detail/tenant","message":"must be a string, not a number"}]`},
		{f.event("e4", "pet", `[]`), `[{"pointer":"/detail/payload","message":"must be an object"}]`},
		{f.event("e5", "pet", `{"name":1}`), ``},
	} {
		f.log.Reset()
		if _, err := f.invoke(c.payload); err != nil {
			t.Fatal(err)
		}
		var line struct {
			Problems jsontext.Value `json:"problems"`
		}
		if err := json.Unmarshal(f.log.Bytes(), &line); err != nil || string(line.Problems) != c.want {
			t.Errorf("%v\ngot  %s\nwant %s\n%s", err, line.Problems, c.want, f.log.String())
		}
		if strings.Contains(f.log.String(), "c4n4ry") {
			t.Errorf("the log holds a name or a value of the sender: %s", f.log.String())
		}
	}
}

// TestLongListsOfProblemsFitOnTheLogLine: CloudWatch truncates a line beyond 256 KB.
func TestLongListsOfProblemsFitOnTheLogLine(t *testing.T) {
	f := newFixture(t)
	if _, err := f.invoke(f.event("e1", "order", `{"items":[`+strings.Repeat(`{"a/b":1},`, 3000)+`{}]}`)); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Violations int               `json:"violations"`
		Problems   []fault.Violation `json:"problems"`
	}
	if err := json.Unmarshal(f.log.Bytes(), &line); err != nil || line.Violations != 1000 || len(line.Problems) < 500 || f.log.Len() > 100<<10 {
		t.Errorf("%v: %d violations, %d problems, %d bytes", err, line.Violations, len(line.Problems), f.log.Len())
	}
}

func TestFaultsDoNotIncludeTheRequest(t *testing.T) {
	f := newFixture(t)
	f.down = true
	_, err := f.invoke(f.event("e1", "pet", `{"name":"c4n4ry"}`))
	if err == nil || strings.Contains(err.Error(), "c4n4ry") || strings.Contains(err.Error(), f.key) {
		t.Errorf("%v", err)
	}
}
