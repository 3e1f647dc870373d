package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/store/dynamostore"
)

// awsFixture is a deployment on stand-ins of AWS, for the command line to find by
// the variables that AWS's own tools read. DynamoDB, S3, SQS and EventBridge are
// other people's; Lambda and CloudWatch Logs are a few lines around the handler.
type awsFixture struct {
	t       *testing.T
	env     names.Environment
	handler *lambda.Handler
	log     bytes.Buffer
	url     string // of Lambda, CloudWatch Logs and, if a test sets it, EventBridge
	logged  int    // calls of FilterLogEvents
	queues  *sqs.Client
	before  func() // called before each invocation; may be nil
}

func newAWSFixture(t *testing.T) *awsFixture {
	h := &awsFixture{t: t, env: names.Environment("t" + strings.ToLower(time.Now().Format("150405")))}
	services := httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(services.Close)
	h.url = services.URL
	database, objects, moto := awstest.DynamoDB(t), awstest.S3(t), awstest.Moto(t)
	bucket := h.env.Bucket("123456789012", "us-east-1")
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretkey1",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL_DYNAMODB": database, "AWS_ENDPOINT_URL_S3": objects, "AWS_ENDPOINT_URL_SQS": moto, "AWS_ENDPOINT_URL_EVENTBRIDGE": moto,
		"AWS_ENDPOINT_URL_LAMBDA": services.URL, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": services.URL,
		names.EnvEnvironment: string(h.env), names.EnvTable: h.env.Name(names.Table), names.EnvBucket: bucket,
		names.EnvAccount: "123456789012", names.EnvSchemasPrefix: names.SchemasPrefix, names.EnvDataPrefix: names.DataPrefix,
	} {
		t.Setenv(name, value)
	}
	if err := dynamostore.New(dynamodb.NewFromConfig(awstest.Config(database)), h.env.Name(names.Table), nil).CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	files := s3.NewFromConfig(awstest.Config(objects), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := files.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"tenant.properties": "eventbridge-input=true\neventbridge-output=[{}]\n", "pet.json": `{"type":"object"}`} {
		if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("schemas/acme/" + name), Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	h.queues = sqs.NewFromConfig(awstest.Config(moto))
	for _, name := range []string{h.env.Name(names.InputDLQ), h.env.Name(names.FailureQueue)} {
		if _, err := h.queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	config, err := app.FromEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	h.handler = app.New(config).Handler(&h.log)
	return h
}

// serve is Lambda's Invoke and CloudWatch's FilterLogEvents.
func (h *awsFixture) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/2015-03-31/functions/"+h.env.Name(names.Function)+"/invocations" {
		if h.before != nil {
			h.before()
		}
		out, err := h.handler.Invoke(context.WithoutCancel(r.Context()), body)
		if err != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			out = []byte(`{"errorMessage":"x"}`)
		}
		_, _ = w.Write(out)
		return
	}
	if r.URL.Path == "/2015-03-31/functions/"+h.env.Name(names.Function)+"/configuration" {
		_ = json.NewEncoder(w).Encode(map[string]any{"Environment": map[string]any{"Variables": map[string]string{
			names.EnvBucket: os.Getenv(names.EnvBucket), names.EnvSchemasPrefix: os.Getenv(names.EnvSchemasPrefix)}}})
		return
	}
	if r.Header.Get("X-Amz-Target") == "AWSEvents.PutEvents" {
		h.putEvents(w, r, body)
		return
	}
	var in struct{ LogGroupName, FilterPattern string }
	if json.Unmarshal(body, &in) != nil || r.Header.Get("X-Amz-Target") != "Logs_20140328.FilterLogEvents" || in.LogGroupName != names.LogGroup(h.env.Name(names.Function)) {
		http.Error(w, `{"__type":"ResourceNotFoundException"}`, http.StatusBadRequest)
		return
	}
	type event struct {
		EventID   string `json:"eventId"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	events := []event{}
	h.logged++
	id := strings.TrimSuffix(strings.TrimPrefix(in.FilterPattern, `{ $.eventId = "`), `" }`)
	for i, line := range strings.Split(strings.TrimSpace(h.log.String()), "\n") {
		if !strings.Contains(line, id) {
			continue
		}
		events = append(events, event{fmt.Sprint(i), time.Now().Add(-time.Minute).UnixMilli(), line})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"events": events})
}

// putEvents is PutEvents of EventBridge with one rule, for input events.
func (h *awsFixture) putEvents(w http.ResponseWriter, r *http.Request, body []byte) {
	var in struct {
		Entries []struct{ Source, DetailType, Detail string }
	}
	_ = json.Unmarshal(body, &in)
	type result struct{ EventId string }
	out := struct {
		FailedEntryCount int
		Entries          []result
	}{}
	for _, e := range in.Entries {
		id := fmt.Sprintf("6a7e8feb-b491-4cf7-a9f1-%012d", time.Now().UnixNano()%1e12)
		out.Entries = append(out.Entries, result{id})
		if e.Source == "blockforger-input" {
			_, _ = h.handler.Invoke(r.Context(), fmt.Appendf(nil, `{"version":"0","id":%q,"source":%q,"detail-type":%q,"account":"123456789012","time":%q,"region":"us-east-1","resources":[],"detail":%s}`,
				id, e.Source, e.DetailType, time.Now().UTC().Format(time.RFC3339), e.Detail))
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out)
}

// run runs a command with --aws and returns its JSON output.
func (h *awsFixture) run(args ...string) map[string]any {
	h.t.Helper()
	var out, errOut bytes.Buffer
	if code := run(h.t.Context(), append(args, "--aws", "--environment", string(h.env), "--output", "json"), nil, &out, &errOut); code != 0 {
		h.t.Fatalf("%v: exit %d: %s%s", args, code, out.String(), errOut.String())
	}
	var v map[string]any
	if err := json.NewDecoder(&out).Decode(&v); err != nil {
		h.t.Fatalf("%v: %v", args, err)
	}
	return v
}

func count(v any) int {
	list, _ := v.([]any)
	return len(list)
}

func TestCommandsOnAWS(t *testing.T) {
	h := newAWSFixture(t)
	created := h.run("keys", "create", "--tenant", "acme")
	key, _ := created["key"].(string)
	if n := count(h.run("keys", "list", "--tenant", "acme")["keys"]); key == "" || n != 1 {
		t.Fatalf("created %v, %d keys are listed", created["keyId"], n)
	}

	var out, errOut bytes.Buffer
	if code := run(t.Context(), []string{"keys", "create", "--tenant", "amce", "--aws", "--environment", string(h.env)}, nil, &out, &errOut); code != 1 ||
		!strings.Contains(errOut.String(), "tenant amce does not exist") || !strings.Contains(errOut.String(), "acme") {
		t.Errorf("a key of an unknown tenant: exit %d: %s%s", code, out.String(), errOut.String())
	}

	// An event that EventBridge could not deliver.
	found, err := h.queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(h.env.Name(names.InputDLQ))})
	if err != nil {
		t.Fatal(err)
	}
	event := fmt.Sprintf(`{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","source":"blockforger-input","detail-type":"pet.POST","account":"123456789012","time":%q,`+
		`"region":"us-east-1","resources":[],"detail":{"tenant":"acme","rootSchema":"pet","api_key":%q,"payload":{"id":"rex"}}}`, time.Now().UTC().Format(time.RFC3339), key)
	text := func(s string) sqstypes.MessageAttributeValue {
		return sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
	}
	if _, err := h.queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: found.QueueUrl, MessageBody: &event, MessageAttributes: map[string]sqstypes.MessageAttributeValue{
		"ERROR_CODE": text("NO_PERMISSIONS"), "ERROR_MESSAGE": text("may not invoke"), "RETRY_ATTEMPTS": text("3")}}); err != nil {
		t.Fatal(err)
	}
	letters := h.run("dead-letters", "list")
	shown, _ := json.Marshal(letters)
	for _, want := range []string{`"error":"NO_PERMISSIONS: may not invoke"`, `"attempts":3`, `"eventId":"6a7e8feb-b491-4cf7-a9f1-bf3703467718"`} {
		if !bytes.Contains(shown, []byte(want)) {
			t.Errorf("dead letters %s, want %s", shown, want)
		}
	}
	if bytes.Contains(shown, []byte(key)) || count(letters["deadLetters"]) != 1 {
		t.Errorf("dead letters %s, want one without its key", shown)
	}
	if n := h.run("dead-letters", "retry")["retried"]; n != float64(1) { // the list has made the message visible again
		t.Errorf("%v dead letters were sent again, want 1", n)
	}
	if n := count(h.run("dead-letters", "list")["deadLetters"]); n != 0 {
		t.Errorf("%d dead letters are left", n)
	}

	if n := count(h.run("records", "list", "--tenant", "acme", "--schema", "pet")["records"]); n != 1 {
		t.Errorf("%d records, want the one of the dead letter", n)
	}
	if tokens := h.run("usage", "--tenant", "acme")["tokens"]; tokens != float64(10) {
		t.Errorf("usage %v, want 10 tokens", tokens)
	}
	if n := count(h.run("entries", "list", "--tenant", "acme", "--state", "published")["entries"]); n != 1 {
		t.Errorf("%d published entries, want 1", n)
	}
	if line := h.run("logs", h.env.Name(names.Function)); !strings.Contains(fmt.Sprint(line["text"]), `"outcome":"carried-out"`) {
		t.Errorf("log line %v", line)
	}
}

// TestOutcomesOnAWS: the result in the ledger is enough; only a rejection that is not
// stored is searched in the log.
func TestOutcomesOnAWS(t *testing.T) {
	h := newAWSFixture(t)
	t.Setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", h.url)
	key, _ := h.run("keys", "create", "--tenant", "acme")["key"].(string)
	for _, c := range []struct {
		args, source, detail string
		code, logged         int
		want                 string
	}{
		{"", "blockforger-input", `"api_key":"KEY","payload":{"id":"rex"}`, 0, 0, "created acme/pet/rex · 10 tokens · published to default  event "},
		{"", "blockforger-input", `"api_key":"KEY","idempotency_key":"k1","payload":{"id":"tom"}`, 0, 0, "created acme/pet/tom · 10 tokens · published to default  event "},
		{"", "blockforger-input", `"api_key":"KEY","payload":{"id":"rex"}`, 1, 1, "rejected 409  a record with this key exists already  event "},
		{"", "blockforger-input", `"api_key":"KEY","payload":{"id":7}`, 1, 0, "would be rejected 400  /id: key must be a string · not sent; --force sends it"},
		{"--force", "blockforger-input", `"api_key":"KEY","payload":{"id":7}`, 1, 1, "rejected 400  /id: key must be a string  event "},
		{"", "blockforger-input", `"api_key":"nobody","payload":{}`, 1, 0, "would be rejected 401  "},
		{"", "shop", `"payload":{}`, 0, 0, "sent  event "},
	} {
		h.logged = 0
		args := append([]string{"put-events", "--aws", "--environment", string(h.env), "--entries",
			fmt.Sprintf(`{"Source":%q,"DetailType":"pet.POST","Detail":{"tenant":"acme","rootSchema":"pet",%s}}`, c.source, strings.ReplaceAll(c.detail, "KEY", key))}, strings.Fields(c.args)...)
		var out, errOut bytes.Buffer
		code := run(t.Context(), args, nil, &out, &errOut)
		if code != c.code || !strings.HasPrefix(out.String(), c.want) || errOut.Len() > 0 || h.logged != c.logged {
			t.Errorf("%s: exit %d, %d searches in the log: %s%s", c.detail, code, h.logged, out.String(), errOut.String())
		}
	}
}

func TestRefusedOnAWS(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	for _, c := range []struct{ args, want string }{
		{"serve --aws", "works only with a server; the commands that accept --aws are: keys"},
		{"keys list --tenant acme --aws --environment Prod", "must be 1 to 20"},
		{"keys list --tenant acme --aws", "no region is set; set the region of the deployment, for example: export AWS_REGION="},
	} {
		var out, errOut bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), nil, &out, &errOut); code != 2 || !strings.Contains(errOut.String(), c.want) {
			t.Errorf("%s: exit %d, %s; want 2 and %q", c.args, code, errOut.String(), c.want)
		}
	}
}

// TestDoctorOnThisMachine: no server is a finding, not a failure of the doctor;
// so is a tenant that cannot be loaded.
func TestDoctorOnThisMachine(t *testing.T) {
	var out, errOut bytes.Buffer
	code := run(t.Context(), []string{"doctor", "--endpoint-url", "http://127.0.0.1:1", "--schemas", "../../schemas"}, nil, &out, &errOut)
	if code != 1 || !strings.Contains(out.String(), "make run") || !strings.Contains(out.String(), "no problems found in ../../schemas") {
		t.Errorf("exit %d\n%s%s", code, out.String(), errOut.String())
	}
	out.Reset()
	careless := t.TempDir()
	if err := os.MkdirAll(careless+"/acme", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(careless+"/acme/tenant.properties", []byte("eventbridge-output=[{\"source\":\"aws.s3\"}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t.Context(), []string{"doctor", "--endpoint-url", "http://127.0.0.1:1", "--schemas", careless}, nil, &out, &errOut)
	if !strings.Contains(out.String(), "errors in the tenants' files: 1; the first: acme/tenant.properties:1") {
		t.Errorf("a careless tenant: %s", out.String())
	}
}
