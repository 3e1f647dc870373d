package deploylocal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/lambda/eventlog"
)

// A deployed is what `doctor --send` finds on AWS: the function behind a bus, the
// test function behind the output bus, the failure queue, logs and alarms. The
// function is the real one; the services around it are a few lines each.
type deployed struct {
	t       *testing.T
	handler *lambda.Handler

	mu       sync.Mutex
	log      bytes.Buffer // of the function
	test     bytes.Buffer // of the test function
	failures []message
	deaf     bool // the bus delivers nothing
}

type message struct {
	MessageId, ReceiptHandle, Body string
	Attributes                     map[string]string
}

// newDeployed starts the function of the environment of TestCalls on a database
// and a bucket that exist.
func newDeployed(t *testing.T, database, objects string, bus func(http.Handler) string) *deployed {
	d := &deployed{t: t}
	e := callsEnvironment
	variables := map[string]string{
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretkey1",
		"AWS_ENDPOINT_URL_DYNAMODB": database, "AWS_ENDPOINT_URL_S3": objects, "AWS_ENDPOINT_URL_EVENTBRIDGE": bus(http.HandlerFunc(d.bus)),
		names.EnvEnvironment: string(e), names.EnvTable: e.Name(names.Table), names.EnvBucket: e.Bucket(account, region), names.EnvAccount: account,
		names.EnvSchemasPrefix: names.SchemasPrefix, names.EnvDataPrefix: names.DataPrefix,
	}
	config, err := app.FromEnvironment(func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	d.handler = app.New(config).Handler(&d.log)
	// Somebody else's dead letter, which doctor must leave alone.
	d.failures = []message{{"other", "other", `{"requestPayload":{"id":"other"},"requestContext":{"condition":"RetriesExhausted"}}`, nil}}
	return d
}

// bus delivers input events to the function and all others to the test function.
// Lambda gives an event up at once.
func (d *deployed) bus(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(body))
	if req.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
		eventBridge(w, req)
		return
	}
	var in struct {
		Entries []struct{ Source, DetailType, Detail string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		d.t.Error(err)
	}
	entries := []any{}
	for _, e := range in.Entries {
		id := rand.Text()
		entries = append(entries, map[string]any{"EventId": id})
		event := fmt.Appendf(nil, `{"version":"0","id":%q,"source":%q,"detail-type":%q,"account":%q,"time":%q,"region":%q,"resources":[],"detail":%s}`,
			id, e.Source, e.DetailType, account, time.Now().UTC().Format(time.RFC3339), region, e.Detail)
		switch {
		case d.deaf:
		case e.Source == names.InputSource:
			if _, err := d.handler.Invoke(context.WithoutCancel(req.Context()), event); err != nil {
				d.fail(event, err)
			}
		default:
			d.mu.Lock()
			_, err := eventlog.Serve(req.Context(), event, &d.test)
			d.mu.Unlock()
			if err != nil {
				d.t.Error(err)
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": 0, "Entries": entries})
}

// fail sends Lambda's record of the failed invocation to the failure queue.
func (d *deployed) fail(event []byte, failure error) {
	record, err := json.Marshal(map[string]any{
		"version": "1.0", "timestamp": time.Now().UTC().Format(time.RFC3339), "requestPayload": json.RawMessage(event),
		"requestContext":  map[string]any{"condition": "RetriesExhausted", "approximateInvokeCount": 3},
		"responsePayload": map[string]any{"errorMessage": failure.Error()},
	})
	if err != nil {
		d.t.Error(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	id := rand.Text()
	d.failures = append(d.failures, message{id, id, string(record), map[string]string{"SentTimestamp": "1700000000000"}})
}

// functions is Lambda: invocations of the function, and what doctor looks at.
func (d *deployed) functions(w http.ResponseWriter, req *http.Request) {
	e := callsEnvironment
	if strings.HasSuffix(req.URL.Path, "/invocations") {
		body, _ := io.ReadAll(req.Body)
		out, err := d.handler.Invoke(context.WithoutCancel(req.Context()), body)
		if err != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		_, _ = w.Write(out)
		return
	}
	rule := func(name string) string {
		return `{"aws:SourceArn":"arn:aws:events:` + region + `:` + account + `:rule/` + name + `"}`
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"FunctionName": e.Name(names.Function),
		"Environment": map[string]any{"Variables": map[string]string{
			names.EnvTable: e.Name(names.Table), names.EnvPartition: "aws", names.EnvOutputBuses: `[{"arn":"arn:aws:events:eu-west-1:` + account + `:event-bus/orders"}]`,
		}},
		"Policy": rule(e.Name(names.RelayRule)) + rule(e.Name(names.InputBus)+"/"+e.Name(names.InputRule)),
	})
}

// queues is SQS with an empty queue for each name but that of the failure queue.
func (d *deployed) queues(w http.ResponseWriter, req *http.Request) {
	var in struct{ QueueName, QueueUrl, ReceiptHandle string }
	_ = json.NewDecoder(req.Body).Decode(&in)
	out := map[string]any{"QueueUrl": "https://sqs." + region + ".amazonaws.com/" + account + "/" + in.QueueName, "Attributes": map[string]string{"ApproximateNumberOfMessages": "0"}}
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasSuffix(in.QueueUrl, "/"+callsEnvironment.Name(names.FailureQueue)) {
		switch _, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), "."); operation {
		case "ReceiveMessage":
			out = map[string]any{"Messages": slices.Clone(d.failures)}
		case "DeleteMessage":
			d.failures = slices.DeleteFunc(d.failures, func(m message) bool { return m.ReceiptHandle == in.ReceiptHandle })
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out)
}

// logs is CloudWatch Logs with the log of the test function.
func (d *deployed) logs(w http.ResponseWriter, req *http.Request) {
	var in struct{ LogGroupName, FilterPattern string }
	_ = json.NewDecoder(req.Body).Decode(&in)
	found := []any{}
	d.mu.Lock()
	log := &d.log
	if in.LogGroupName == names.LogGroup(callsEnvironment.Name(names.TestFunction)) {
		log = &d.test
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, strings.Trim(in.FilterPattern, `"`)) {
			found = append(found, map[string]any{"message": line, "timestamp": 1})
		}
	}
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(map[string]any{"events": found})
}

// alarms is CloudWatch: it executes the action of each alarm that is set.
func (d *deployed) alarms(w http.ResponseWriter, req *http.Request) {
	out := cbor.Map{}
	if strings.HasSuffix(req.URL.Path, "/DescribeAlarmHistory") {
		out["AlarmHistoryItems"] = cbor.List{cbor.Map{"HistorySummary": cbor.String("Successfully executed action arn:aws:sns:us-east-1:123456789012:eventrouter-alarms-calls")}}
	}
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	_, _ = w.Write(cbor.Encode(out))
}

func identity(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::`+account+`:user/operator</Arn><UserId>U</UserId><Account>`+account+`</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
}

// doctor runs `eventrouter doctor --aws` with further flags against the deployment,
// with the services behind the URLs that serve returns, and returns its findings.
func (d *deployed) doctor(program doctor, database, objects string, serve func(http.Handler) string, flags ...string) map[string]finding {
	cmd := exec.Command(string(program), append([]string{"doctor", "--aws", "--environment", string(callsEnvironment), "--output", "json"}, flags...)...)
	cmd.Env = []string{"HOME=" + d.t.TempDir(), "PATH=" + os.Getenv("PATH"), "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secretkey1", "AWS_EC2_METADATA_DISABLED=true"}
	services := map[string]http.HandlerFunc{"EVENTBRIDGE": d.bus, "LAMBDA": d.functions, "STS": identity, "SQS": d.queues, "CLOUDWATCH_LOGS": d.logs, "CLOUDWATCH": d.alarms}
	for _, service := range slices.Sorted(maps.Keys(services)) {
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL_"+service+"="+serve(services[service]))
	}
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL_DYNAMODB="+database, "AWS_ENDPOINT_URL_S3="+objects)
	var said struct{ Findings []finding }
	out, err := cmd.Output()
	if json.Unmarshal(out, &said) != nil || len(said.Findings) < 10 {
		d.t.Fatalf("doctor: %v\n%s", err, out)
	}
	found := map[string]finding{}
	for _, f := range said.Findings {
		found[f.Check] = f
	}
	return found
}

type finding struct{ Check, Found, Wrong, Do, NotChecked string }
