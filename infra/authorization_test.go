package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/internal/names"
)

// authorization maps the operations that function, relay and doctor call to the
// actions that IAM checks: from AWS's Service Authorization Reference, pages
// "Actions, resources, and condition keys for" Amazon DynamoDB, Amazon S3, Amazon
// EventBridge, Amazon SQS, AWS Lambda and AWS STS, and the pages named below; all
// as of November 2026. An operation that is not here has one action, of its own
// name, on the resource that it names.
var authorization = map[string][]requirement{
	// DynamoDB Developer Guide, "Using IAM with DynamoDB transactions": there is no
	// action TransactWriteItems; each member is checked as the call of its kind.
	"dynamodb:TransactWriteItems/Put":            {{"dynamodb:PutItem", ""}},
	"dynamodb:TransactWriteItems/Update":         {{"dynamodb:UpdateItem", ""}},
	"dynamodb:TransactWriteItems/ConditionCheck": {{"dynamodb:ConditionCheckItem", ""}},
	// S3 API Reference, GetObject: without ListBucket on the bucket, a key that is
	// not there is 403 instead of 404.
	"s3:GetObject":               {{"s3:GetObject", ""}, {"s3:ListBucket", "bucket"}},
	"s3:GetObject/If-None-Match": {{"s3:GetObject", ""}, {"s3:ListBucket", "bucket"}},
	"s3:ListObjectsV2":           {{"s3:ListBucket", ""}},
	// S3 User Guide, "How to prevent object overwrites with conditional writes" and
	// "conditional deletes": to compare an ETag takes GetObject too.
	"s3:PutObject/If-Match":      {{"s3:PutObject", ""}, {"s3:GetObject", ""}},
	"s3:PutObject/If-None-Match": {{"s3:PutObject", ""}},
	"s3:DeleteObject/If-Match":   {{"s3:DeleteObject", ""}, {"s3:GetObject", ""}},
	// SQS Developer Guide, "Amazon SQS API permissions": a batch needs the action of one.
	"sqs:ChangeMessageVisibilityBatch": {{"sqs:ChangeMessageVisibility", ""}},
	// Lambda API Reference, Invoke: the action is named InvokeFunction.
	"lambda:Invoke": {{"lambda:InvokeFunction", ""}},
	// STS API Reference: "No permissions are required to perform this operation."
	"sts:GetCallerIdentity": {},
}

type requirement struct {
	action string
	on     string // "bucket": the bucket of the object that the call names; "": what it names
}

// recordedCall is one line of the list that TestCalls of internal/deploylocal writes.
type recordedCall struct{ Caller, Operation, Resource, Source, Step string }

// The deployment whose calls were recorded.
const (
	recordedEnvironment = "calls"
	recordedOutputBus   = "results"
)

func recordedCalls(t *testing.T) (calls []recordedCall) {
	t.Helper()
	text, err := os.ReadFile("../internal/deploylocal/testdata/calls.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &calls); err != nil || len(calls) < 30 {
		t.Fatalf("%d recorded calls, %v", len(calls), err)
	}
	return calls
}

// requirements are the actions that a call takes.
func (c recordedCall) requirements() []requirement {
	if needs, irregular := authorization[c.Operation]; irregular {
		return needs
	}
	return []requirement{{c.Operation, ""}}
}

// recordedAccesses are the recorded calls of the function and the relay, moved
// into an environment.
func recordedAccesses(t *testing.T, c Config) (out []access) {
	t.Helper()
	e := c.Environment
	roles := map[string]string{"function": e.Role(testRegion), "relay": e.Role(testRegion)}
	for _, r := range recordedCalls(t) {
		role, ofStack := roles[r.Caller]
		if !ofStack {
			continue // the doctor has the rights of the person who runs it
		}
		resource := strings.ReplaceAll(r.Resource, "eventrouter-"+recordedEnvironment, "eventrouter-"+string(e))
		resource = strings.Replace(resource, ":event-bus/"+recordedOutputBus, ":event-bus/"+c.OutputBus.Name, 1)
		context := map[string]string{"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
		if r.Source != "" {
			context["events:source"] = r.Source
		}
		for _, n := range r.requirements() {
			on := resource
			if n.on == "bucket" {
				on, _, _ = strings.Cut(resource, "/")
			}
			out = append(out, access{r.Caller + ", " + r.Step + ": " + r.Operation, "arn:aws:iam::" + testAccount + ":role/" + role, n.action, on, context})
		}
	}
	return out
}

// stackAccesses are what AWS's services do for the stack, and what its
// publishers and administrators do. Each comment names the page of AWS's
// documentation (November 2026) that says which permission it takes and which
// condition keys the service sends.
func stackAccesses(tt template, c Config) (out []access) {
	e := c.Environment
	add := func(what, principal, action, resource string, context ...string) {
		a := access{what, principal, action, resource, map[string]string{"aws:SecureTransport": "true"}}
		for i := 0; i < len(context); i += 2 {
			a.context[context[i]] = context[i+1]
		}
		out = append(out, a)
	}
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + resource
	}
	role := func(name string) string { return "arn:aws:iam::" + testAccount + ":role/" + name }
	key := tt.arnOf(onlyID(tt.of("AWS::KMS::Key")))
	queue := func(name string) string { return arn("sqs", name) }

	functions := map[string]string{e.Name(names.Function): e.Role(testRegion), e.Name(names.RelayFunction): e.Role(testRegion)}
	if c.TestFunction {
		functions[e.Name(names.TestFunction)] = e.TestRole(testRegion)
	}
	for function, name := range functions {
		r := role(name)
		// Lambda Developer Guide, "Defining Lambda function permissions with an
		// execution role"; "Sending Lambda function logs to CloudWatch Logs"; "Visualize
		// Lambda function invocations using AWS X-Ray" (AWSXRayDaemonWriteAccess).
		add("Lambda runs "+function, "lambda.amazonaws.com", "sts:AssumeRole", r, "aws:SourceAccount", testAccount, "aws:SourceArn", arn("lambda", "function:"+function))
		stream := arn("logs", "log-group:"+names.LogGroup(function)+":log-stream:2026/11/24/[$LATEST]0")
		add("log of "+function, r, "logs:CreateLogStream", stream)
		add("log of "+function, r, "logs:PutLogEvents", stream)
		add("traces of "+function, r, "xray:PutTraceSegments", "*")
		add("traces of "+function, r, "xray:PutTelemetryRecords", "*")
	}

	// Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations":
	// SendMessage with the function's role. SQS Developer Guide, "Key management":
	// a producer needs GenerateDataKey and Decrypt, a consumer Decrypt.
	r := role(e.Role(testRegion))
	add("failed event to the failure queue", r, "sqs:SendMessage", queue(e.Name(names.FailureQueue)))
	add("failed event to the failure queue", r, "kms:GenerateDataKey", key)
	add("failed event to the failure queue", r, "kms:Decrypt", key)

	// EventBridge User Guide, "Using resource-based policies": Lambda and SQS
	// targets. SQS Developer Guide, "Configuring KMS permissions for AWS services":
	// the key's statement for events.amazonaws.com; SNS Developer Guide, "Key
	// management", says that EventBridge sends neither SourceArn nor SourceAccount to
	// KMS for encrypted topics, and no page says that it does for queues.
	ruleOn := func(bus, rule string) string {
		if bus != "default" {
			rule = bus + "/" + rule
		}
		return arn("events", "rule/"+rule)
	}
	inputRule := ruleOn(c.InputBus.Name, e.Name(names.InputRule))
	fromRule := func(name string) []string { return []string{"aws:SourceArn", name, "aws:SourceAccount", testAccount} }
	toQueue := func(what, name string) {
		add(what, "events.amazonaws.com", "sqs:SendMessage", queue(name), fromRule(inputRule)...)
		add(what, "events.amazonaws.com", "kms:GenerateDataKey", key)
		add(what, "events.amazonaws.com", "kms:Decrypt", key)
	}
	toQueue("undelivered event to the dead-letter queue", e.Name(names.InputDLQ))
	if c.Buffered {
		toQueue("event to the buffer", e.Name(names.InputBuffer))
		// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source
		// mapping", execution role permissions (AWSLambdaSQSQueueExecutionRole).
		for _, action := range []string{"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} {
			add("Lambda polls the buffer", r, "sqs:"+action, queue(e.Name(names.InputBuffer)))
		}
		add("Lambda polls the buffer", r, "kms:Decrypt", key)
	} else {
		add("event to the function", "events.amazonaws.com", "lambda:InvokeFunction", arn("lambda", "function:"+e.Name(names.Function)), fromRule(inputRule)...)
	}
	add("schedule of the relay", "events.amazonaws.com", "lambda:InvokeFunction", arn("lambda", "function:"+e.Name(names.RelayFunction)), fromRule(arn("events", "rule/"+e.Name(names.RelayRule)))...)
	if c.TestFunction {
		add("output event to the test function", "events.amazonaws.com", "lambda:InvokeFunction", arn("lambda", "function:"+e.Name(names.TestFunction)), fromRule(ruleOn(c.OutputBus.Name, e.Name(names.TestRule)))...)
	}

	// API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP
	// APIs": SourceArn alone.
	for id := range tt.of("AWS::ApiGatewayV2::Api") {
		add("request to the API", "apigateway.amazonaws.com", "lambda:InvokeFunction", arn("lambda", "function:"+e.Name(names.Function)), "aws:SourceArn", arn("execute-api", id+"/$default/$default"))
	}

	// CloudWatch User Guide, "Notifying users on alarm changes": topic policy with
	// both keys; the key's statement is that of the SNS Developer Guide, "Enable
	// compatibility between event sources from AWS services and encrypted topics".
	alarm := []string{"aws:SourceArn", arn("cloudwatch", "alarm:"+e.Alarm("errors")), "aws:SourceAccount", testAccount}
	add("alarm to the topic", "cloudwatch.amazonaws.com", "sns:Publish", arn("sns", e.Name(names.AlarmTopic)), alarm...)
	add("alarm to the topic", "cloudwatch.amazonaws.com", "kms:GenerateDataKey", key, alarm...)
	add("alarm to the topic", "cloudwatch.amazonaws.com", "kms:Decrypt", key, alarm...)

	// EventBridge User Guide, "Encrypting EventBridge archives with AWS KMS keys":
	// DescribeKey without a condition, the others with the bus as encryption context.
	if c.ArchiveDays > 0 {
		bus := arn("events", "event-bus/"+c.InputBus.Name)
		add("archive", "events.amazonaws.com", "kms:DescribeKey", key)
		for _, action := range []string{"GenerateDataKey", "Decrypt", "ReEncryptFrom", "ReEncryptTo"} {
			add("archive", "events.amazonaws.com", "kms:"+action, key, "kms:EncryptionContext:aws:events:event-bus:arn", bus)
		}
	}
	add("the stack's update changes the key", administrator, "kms:PutKeyPolicy", key)
	add("an operator reads the dead letters", administrator, "kms:Decrypt", key)

	for _, b := range c.OutputBuses {
		source := names.OutputSource
		if len(b.Sources) > 0 {
			source = b.Sources[0]
		}
		add("function publishes to "+b.ARN, r, "events:PutEvents", b.ARN, "events:source", source)
	}
	input := arn("events", "event-bus/"+c.InputBus.Name)
	for _, account := range c.PublisherAccounts {
		add("publisher "+account, "arn:aws:iam::"+account+":role/publisher", "events:PutEvents", input, "events:source", names.InputSource)
	}
	if c.PublisherOrganization != "" {
		add("publisher of the organization", "arn:aws:iam::999900001111:role/publisher", "events:PutEvents", input, "events:source", names.InputSource, "aws:PrincipalOrgID", c.PublisherOrganization)
	}
	return out
}

// forbidden are requests that must be refused whatever else is allowed.
func forbidden(tt template, c Config) (out []access) {
	e := c.Environment
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + resource
	}
	add := func(what, principal, action, resource string, context ...string) {
		a := access{what, principal, action, resource, map[string]string{"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}}
		for i := 0; i < len(context); i += 2 {
			a.context[context[i]] = context[i+1]
		}
		out = append(out, a)
	}
	bucket := "arn:aws:s3:::" + e.Bucket(testAccount, testRegion)
	role := "arn:aws:iam::" + testAccount + ":role/" + e.Role(testRegion)
	add("an object over plain HTTP", administrator, "s3:GetObject", bucket+"/data/x", "aws:SecureTransport", "false")
	add("an object over TLS 1.1", administrator, "s3:GetObject", bucket+"/data/x", "s3:TlsVersion", "1.1")
	for id := range tt.of("AWS::SQS::Queue") {
		add("a queue over plain HTTP", administrator, "sqs:ReceiveMessage", tt.arnOf(id), "aws:SecureTransport", "false")
	}
	add("the topic over plain HTTP", administrator, "sns:Publish", arn("sns", e.Name(names.AlarmTopic)), "aws:SecureTransport", "false")
	add("the function publishes an input event", role, "events:PutEvents", arn("events", "event-bus/default"), "events:source", names.InputSource)
	add("the function publishes elsewhere", role, "events:PutEvents", arn("events", "event-bus/elsewhere"), "events:source", names.OutputSource)
	add("the function deletes a commit", role, "dynamodb:DeleteItem", arn("dynamodb", "table/"+e.Name(names.Table)))
	add("the function changes a tenant's files", role, "s3:PutObject", bucket+"/schemas/x")
	add("an unknown account publishes", "arn:aws:iam::999900001111:role/publisher", "events:PutEvents", arn("events", "event-bus/default"), "events:source", names.InputSource)
	add("another account's rule invokes the function", "events.amazonaws.com", "lambda:InvokeFunction", arn("lambda", "function:"+e.Name(names.Function)),
		"aws:SourceArn", "arn:aws:events:us-east-1:999900001111:rule/"+e.Name(names.InputRule), "aws:SourceAccount", "999900001111")
	add("another account's archive uses the key", "events.amazonaws.com", "kms:ReEncryptFrom", tt.arnOf(onlyID(tt.of("AWS::KMS::Key"))),
		"kms:EncryptionContext:aws:events:event-bus:arn", "arn:aws:events:us-east-1:999900001111:event-bus/default")
	return out
}

// TestDoctorPermissions compares the lists of doc/operations.md with what the
// recorded calls of doctor, without and with --send, require.
func TestDoctorPermissions(t *testing.T) {
	without := doctorActions(t, "doctor")
	generated(t, operationsGuide, "doctor-permissions", "`"+strings.Join(without, "` `")+"`\n")
	more := slices.DeleteFunc(doctorActions(t, "doctor --send"), func(a string) bool { return slices.Contains(without, a) })
	generated(t, operationsGuide, "doctor-send-permissions", "`"+strings.Join(more, "` `")+"`\n")
}

func doctorActions(t *testing.T, caller string) []string {
	actions := map[string]bool{"kms:Decrypt": caller == "doctor --send"} // SQS Developer Guide, "Key management": to receive from an encrypted queue
	for _, c := range recordedCalls(t) {
		if c.Caller == caller {
			for _, n := range c.requirements() {
				actions[n.action] = true
			}
		}
	}
	maps.DeleteFunc(actions, func(_ string, needed bool) bool { return !needed })
	return slices.Sorted(maps.Keys(actions))
}

// accessTests are deployments that together contain every statement.
func accessTests() map[string]map[string]any {
	const recorded = "arn:aws:events:eu-west-1:" + testAccount + ":event-bus/orders" // of the recorded calls
	everything := map[string]any{}
	for k, v := range all {
		everything[k] = v
	}
	everything["outputBuses"] = append(slices.Clone(all["outputBuses"].([]any)), recorded)
	return map[string]map[string]any{
		"plain":          {"outputBuses": []any{recorded}},
		"everything":     everything,
		"existing buses": {"outputBuses": []any{recorded}, "inputBus": "shared", "outputBus": "arn:aws:events:us-east-1:" + testAccount + ":event-bus/answers"},
	}
}

// TestAccess: the policies of the stack allow each call that is made, and each
// statement, action and resource is needed by one.
func TestAccess(t *testing.T) {
	for name, values := range accessTests() {
		t.Run(name, func(t *testing.T) {
			c, err := ReadConfig(values)
			if err != nil {
				t.Fatal(err)
			}
			tt := mustSynth(values)
			needed := append(recordedAccesses(t, c), stackAccesses(tt, c)...)
			refused := forbidden(tt, c)
			p := tt.policies()
			for _, f := range p.faults(needed, refused) {
				t.Error(f)
			}
			if t.Failed() {
				return
			}
			for what, less := range p.without() {
				if faults := less.faults(needed, refused); len(faults) == 0 {
					t.Errorf("%s is needed by no call: remove it, or record the call", what)
				} else if testing.Verbose() {
					t.Logf("without %s: %s", what, faults[0])
				}
			}
		})
	}
}

// faults lists the needed requests that are refused, and the forbidden ones that
// are allowed.
func (p policies) faults(needed, refused []access) (out []string) {
	for _, a := range needed {
		if !p.allows(a) {
			out = append(out, "refused: "+a.String())
		}
	}
	for _, a := range refused {
		if p.allows(a) {
			out = append(out, "allowed: "+a.String())
		}
	}
	return out
}

// without lists every set of policies that lacks one statement or, in a role's
// policy, one action or resource.
func (p policies) without() map[string]policies {
	out := map[string]policies{}
	for i, r := range p {
		out["statement "+r.name] = slices.Delete(slices.Clone(p), i, i+1)
		if r.role == "" {
			continue
		}
		for j, action := range r.actions {
			if len(r.actions) > 1 {
				less := slices.Clone(p)
				less[i].actions = slices.Delete(slices.Clone(r.actions), j, j+1)
				out[fmt.Sprintf("action %s of %s", action, r.name)] = less
			}
		}
		for j, resource := range r.resources {
			if len(r.resources) > 1 {
				less := slices.Clone(p)
				less[i].resources = slices.Delete(slices.Clone(r.resources), j, j+1)
				out[fmt.Sprintf("resource %s of %s", resource, r.name)] = less
			}
		}
	}
	return out
}

// TestTargetBusAccess: the stack of the other account lets the router's role in,
// with its sources, and nobody else of its account.
func TestTargetBusAccess(t *testing.T) {
	tt := mustSynth(map[string]any{"stack": "target-bus", "routerAccount": "111122223333", "routerRegion": "us-east-1"})
	p := tt.policies()
	request := func(role, source string) access {
		return access{"router", "arn:aws:iam::111122223333:role/" + role, "events:PutEvents", "arn:aws:events:us-east-1:" + testAccount + ":event-bus/default",
			map[string]string{"events:source": source, "aws:PrincipalArn": "arn:aws:iam::111122223333:role/" + role}}
	}
	router := names.Environment("dev").Role("us-east-1") // as the stack of the router names it
	if a := request(router, names.OutputSource); !p.allows(a) {
		t.Error("refused: ", a)
	}
	for _, a := range []access{request("other", names.OutputSource), request(router, names.InputSource)} {
		if p.allows(a) {
			t.Error("allowed: ", a)
		}
	}
}
