package deploylocal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/store/dynamostore"
)

var update = flag.Bool("update", false, "write testdata/calls.json anew")

// callsFile is the list that infra's TestAccess checks against the stack's policies.
const callsFile = "testdata/calls.json"

// callsEnvironment names the deployment whose calls are recorded.
const callsEnvironment = names.Environment("calls")

// operatorOnly are operations that packages of the function contain, and that
// only the command line calls, with the credentials of an operator.
var operatorOnly = []string{
	"dynamodb:BatchWriteItem",     // tenant purge
	"dynamodb:CreateTable",        // the table of a stand-in
	"dynamodb:DescribeTimeToLive", // the table of a stand-in
	"dynamodb:DescribeTable",      // doctor
	"dynamodb:Scan",               // entries list, tenant export
	"dynamodb:UpdateTimeToLive",   // the table of a stand-in
}

// TestCalls records every call to AWS that function, relay and doctor make on
// all their paths, and compares the list with the one that the stack's policies
// are tested against. `go test ./internal/deploylocal -run TestCalls -update`
// writes the list.
func TestCalls(t *testing.T) {
	database, objects := awstest.DynamoDB(t), awstest.S3(t)
	r := newRecorder(t)
	recordFunction(t, r, database, objects)
	checkComplete(t, r.sorted())
	recordDoctor(t, r, database, objects)

	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetIndent("", " ")
	if err := enc.Encode(r.sorted()); err != nil {
		t.Fatal(err)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(callsFile, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(callsFile); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the calls differ from %s (%v); if that is intended, add -update and check the stack's policies: make test-infra\n%s", callsFile, err, &got)
	}
}

// faults makes the next requests fail that it matches.
type faults struct {
	match func(*http.Request) bool
	left  atomic.Int32
	next  http.Handler
}

func (f *faults) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if f.left.Load() > 0 && f.match(req) {
		f.left.Add(-1)
		w.WriteHeader(http.StatusBadRequest) // which the SDK does not retry
		return
	}
	f.next.ServeHTTP(w, req)
}

// recordFunction has the function, wired as on AWS, serve requests of each kind
// on each backend, with the faults that leave work to the relay.
func recordFunction(t *testing.T, r *recorder, database, objects string) {
	ctx := t.Context()
	e := callsEnvironment
	bucket := e.Bucket(account, region)
	ledger := dynamostore.New(dynamodb.NewFromConfig(awstest.Config(database)), e.Name(names.Table), nil)
	if err := ledger.CreateTable(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // so that -count=2 starts from nothing
		_, err := dynamodb.NewFromConfig(awstest.Config(database)).DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: aws.String(e.Name(names.Table))})
		if err != nil {
			t.Error(err)
		}
	})
	files := s3.NewFromConfig(awstest.Config(objects), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := files.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) {
		t.Helper()
		if _, err := files.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &name, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	const other = "arn:aws:events:eu-west-1:" + account + ":event-bus/orders"
	put("schemas/acme/tenant.properties", `token-limit-monthly=100000
eventbridge-input=true
eventbridge-output=[{},{"eventbridge_arn":"`+other+`","source":"acme.orders"}]
`)
	for _, backend := range []string{"dynamodb", "s3", "csv"} {
		put("schemas/acme/on"+backend+".json", `{"meta":{"backend":"`+backend+`"},"type":"object","properties":{"n":{"type":"number"}}}`)
	}
	key, secret, err := apikey.New("acme", []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.PutKey(ctx, key); err != nil {
		t.Fatal(err)
	}

	noBus := &faults{next: http.HandlerFunc(eventBridge), match: func(*http.Request) bool { return true }}
	noObject := &faults{match: func(req *http.Request) bool { return req.Method == "PUT" || req.Method == "DELETE" }, next: passTo(t, objects)}
	environment := map[string]string{
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretkey1",
		"AWS_ENDPOINT_URL_DYNAMODB": r.proxy(database), "AWS_ENDPOINT_URL_S3": r.before(noObject), "AWS_ENDPOINT_URL_EVENTBRIDGE": r.before(noBus),
		names.EnvEnvironment: string(e), names.EnvTable: e.Name(names.Table), names.EnvBucket: bucket, names.EnvAccount: account,
		names.EnvSchemasPrefix: names.SchemasPrefix, names.EnvDataPrefix: names.DataPrefix,
		names.EnvOutputBus:   "arn:aws:events:" + region + ":" + account + ":event-bus/results",
		names.EnvOutputBuses: `[{"arn":"` + other + `"}]`,
		names.EnvTimeout:     "1", // the relay takes what is 11 seconds old
	}
	var log bytes.Buffer
	start := func() *lambda.Handler {
		config, err := app.FromEnvironment(func(name string) string { return environment[name] })
		if err != nil {
			t.Fatal(err)
		}
		return app.New(config).Handler(&log)
	}
	handler := start()
	invoke := func(step, payload, want string) string {
		t.Helper()
		r.during("function", step)
		log.Reset()
		out, err := handler.Invoke(ctx, []byte(payload))
		if got := fmt.Sprint(string(out), err); !strings.Contains(got, want) {
			t.Fatalf("%s: got %s, want %s\nlog: %s", step, got, want, &log)
		}
		return string(out)
	}
	n := 0
	event := func(schema, operation, payload string) string {
		n++
		return fmt.Sprintf(`{"version":"0","id":"calls-%d","source":"blockforger-input","detail-type":"%s.%s","time":%q,"region":"us-east-1","resources":[],
			"detail":{"tenant":"acme","rootSchema":%q,"operation":%q,"api_key":%q,"payload":%s}}`, n, schema, operation, time.Now().UTC().Format(time.RFC3339), schema, operation, secret.Reveal(), payload)
	}
	request := func(method, path, body string) string {
		n++
		return fmt.Sprintf(`{"version":"2.0","routeKey":"$default","rawPath":%q,"rawQueryString":"","headers":{"x-api-key":%q,"content-type":"application/json","idempotency-key":"calls-%d"},
			"requestContext":{"requestId":"r-%d","stage":"$default","http":{"method":%q,"path":%q,"sourceIp":"127.0.0.1"}},"body":%q,"isBase64Encoded":false}`,
			path, secret.Reveal(), n, n, method, path, body)
	}
	for _, schema := range []string{"ondynamodb", "ons3", "oncsv"} {
		post := event(schema, "POST", `{"id":"rex","n":1}`)
		invoke("event POST "+schema, post, `"statusCode":201`)
		invoke("redelivery "+schema, post, `"statusCode":201`)
		invoke("event PUT "+schema, event(schema, "PUT", `{"id":"rex","n":2}`), `"statusCode":200`)
		invoke("event PATCH "+schema, event(schema, "PATCH", `{"id":"rex","n":3}`), `"statusCode":200`)
		invoke("GET "+schema, request("GET", "/acme/"+schema+"/rex", ""), `"statusCode":200`)
		invoke("GET missing "+schema, request("GET", "/acme/"+schema+"/none", ""), `"statusCode":404`)
		invoke("list "+schema, request("GET", "/acme/"+schema, ""), `"statusCode":200`)
		invoke("POST "+schema, request("POST", "/acme/"+schema, `{"id":"tom","n":1}`), `"statusCode":201`)
		invoke("conflict "+schema, event(schema, "POST", `{"id":"rex","n":1}`), `"statusCode":409`)
		invoke("rejection "+schema, event(schema, "POST", `{"id":"bad","n":"x"}`), `"statusCode":4`)
		invoke("event DELETE "+schema, event(schema, "DELETE", `{"id":"rex"}`), `"statusCode":20`)
	}
	put("data/acme/ons3/tom.json", `{"id":"tom","n":7}`)
	invoke("GET an object edited by hand", request("GET", "/acme/ons3/tom", ""), `"statusCode":200`)
	invoke("usage", request("GET", "/acme/_usage", ""), `"statusCode":200`)

	// A schema that has changed is compared with the records that are there.
	put("schemas/acme/ondynamodb.json", `{"meta":{"backend":"s3"},"type":"object"}`)
	handler = start()
	invoke("a schema that moves to another backend", request("GET", "/acme/ondynamodb/tom", ""), `"statusCode"`)

	environment[names.EnvStrictKeys] = "true"
	handler = start()
	invoke("event POST with strict keys", event("ons3", "POST", `{"id":"strict","n":1}`), `"statusCode":201`)

	read := func(key string) string {
		out, err := files.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			return ""
		}
		defer out.Body.Close()
		data, _ := io.ReadAll(out.Body)
		return string(data)
	}

	// What an invocation cannot finish is the relay's.
	noBus.left.Store(100)
	noObject.left.Store(100)
	invoke("event POST without EventBridge and S3", event("ons3", "POST", `{"id":"late","n":1}`), `"statusCode":201`)
	invoke("event DELETE without EventBridge and S3", event("ons3", "DELETE", `{"id":"tom"}`), `"statusCode":20`)
	invoke("event POST without EventBridge and S3, csv", event("oncsv", "POST", `{"id":"late","n":1}`), `"statusCode":201`)
	noBus.left.Store(0)
	noObject.left.Store(0)
	handler = start() // the relay runs in a process of its own
	for published, deadline := false, time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		r.during("relay", "publish, project and aggregate")
		log.Reset()
		if _, err := handler.Invoke(ctx, []byte(schedule)); err != nil {
			t.Fatal(err)
		}
		// One run may come too early for some of the requests: each is left to its
		// invocation for a while.
		published = published || regexp.MustCompile(`"EntriesPublished":[1-9]`).Match(log.Bytes())
		if published && strings.Contains(read("data/acme/ons3/late.json"), "late") && strings.Contains(read("data/acme/oncsv.csv"), "late") && read("data/acme/ons3/tom.json") == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the relay publishes or projects nothing: %s", &log)
		}
	}
	if _, err := files.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("data/acme/ons3/late.json")}); err != nil {
		t.Errorf("the relay did not write the object: %v", err)
	}
	if _, err := files.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("data/acme/ons3/tom.json")}); err == nil {
		t.Error("the relay did not delete the object")
	}
}

// schedule is what the relay's schedule sends.
const schedule = `{"version":"0","id":"1","source":"aws.events","detail-type":"Scheduled Event","account":"` + account + `","time":"2026-11-21T00:00:00Z","region":"us-east-1","resources":[],"detail":{}}`

func passTo(t *testing.T, url string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		out := req.Clone(context.WithoutCancel(req.Context()))
		out.RequestURI = ""
		out.URL.Scheme, out.URL.Host = "http", strings.TrimPrefix(url, "http://")
		got, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			t.Errorf("%s %s: %v", req.Method, req.URL, err)
			return
		}
		defer got.Body.Close()
		maps.Copy(w.Header(), got.Header)
		w.WriteHeader(got.StatusCode)
		_, _ = io.Copy(w, got.Body)
	})
}

// eventBridge accepts every event, and has every bus and rule.
func eventBridge(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Entries []struct{}
		Name    string
	}
	_ = json.NewDecoder(req.Body).Decode(&in)
	out := map[string]any{"Name": in.Name, "State": "ENABLED", "EventPattern": names.InputPattern, "ScheduleExpression": "rate(1 minute)", "FailedEntryCount": 0}
	entries := []any{}
	for range in.Entries {
		entries = append(entries, map[string]any{"EventId": rand.Text()})
	}
	out["Entries"] = entries
	out["Targets"] = []any{map[string]any{"Id": "Target", "Arn": "arn:aws:lambda:" + region + ":" + account + ":function:" + callsEnvironment.Name(names.Function),
		"DeadLetterConfig": map[string]any{"Arn": "arn:aws:sqs:" + region + ":" + account + ":" + callsEnvironment.Name(names.InputDLQ)}}}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out)
}

// recordDoctor runs `eventrouter doctor --aws`, without and with --send, on services
// that have everything it looks for, so that no check ends early.
func recordDoctor(t *testing.T, r *recorder, database, objects string) {
	program := buildDoctor(t)
	for _, step := range []struct {
		caller string
		flags  []string
		checks int
	}{{"doctor", nil, 14}, {"doctor --send", []string{"--send", "--alarm"}, 23}} {
		r.during(step.caller, strings.Join(append([]string{"doctor", "--aws"}, step.flags...), " "))
		d := newDeployed(t, database, objects, unrecorded(t))
		found := d.doctor(program, r.proxy(database), r.proxy(objects), r.before, step.flags...)
		for _, f := range found {
			if f.Wrong != "" || f.NotChecked != "" {
				t.Errorf("%s: the check %q ended early: %+v", step.caller, f.Check, f)
			}
		}
		if len(found) != step.checks {
			t.Errorf("%s: %d checks, want %d", step.caller, len(found), step.checks)
		}
		if len(d.failures) != 1 || d.failures[0].MessageId != "other" {
			t.Errorf("%s left %v in the failure queue, want the message that is not its own", step.caller, d.failures)
		}
	}
}

// unrecorded returns a function that serves a handler without recording calls.
func unrecorded(t *testing.T) func(http.Handler) string {
	return func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
}

// checkComplete fails the test for an operation that the function's packages
// contain and that no step reached: then the list is not of all paths.
func checkComplete(t *testing.T, calls []call) {
	recorded := map[string]bool{}
	for _, c := range calls {
		operation, _, _ := strings.Cut(c.Operation, "/")
		if recorded[operation] = true; operation == "dynamodb:TransactWriteItems" {
			recorded[c.Operation] = true
		}
	}
	contained := operationsOf(t, "./lambda/bootstrap")
	for _, operation := range contained {
		if known := slices.Contains(operatorOnly, operation); known == recorded[operation] {
			t.Errorf("%s: the function calls it: %v, by this test's list only an operator does: %v", operation, recorded[operation], known)
		}
	}
	for operation := range recorded {
		if !slices.Contains(contained, operation) {
			t.Errorf("%s is called, and operationsOf does not find it in the source", operation)
		}
	}
}

var transactionMembers = []string{"Put", "Update", "Delete", "ConditionCheck"}

// operationsOf lists the AWS operations that a program's own packages contain:
// each mention of a type like dynamodb.QueryInput or, in a transaction, types.Put.
func operationsOf(t *testing.T, program string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}", program)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]string{"dynamodb": "dynamodb", "s3": "s3", "eventbridge": "events"}
	found := map[string]bool{}
	for _, dir := range strings.Fields(string(out)) {
		for _, file := range glob(t, dir) {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					pkg, _ := s.X.(*ast.Ident)
					if pkg != nil && pkg.Name == "types" && slices.Contains(transactionMembers, s.Sel.Name) && strings.Contains(dir, "dynamo") {
						found["dynamodb:TransactWriteItems/"+s.Sel.Name] = true
					}
					if operation, isInput := strings.CutSuffix(s.Sel.Name, "Input"); isInput && pkg != nil && services[pkg.Name] != "" {
						found[services[pkg.Name]+":"+operation] = true
					}
				}
				return true
			})
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func glob(t *testing.T, dir string) (files []string) {
	all, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if !strings.HasSuffix(f, "_test.go") {
			files = append(files, f)
		}
	}
	return files
}
