package main

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/internal/names"
)

// same compares what a template holds with JSON, whatever the order of members.
func same(t *testing.T, what string, got any, want string) {
	t.Helper()
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !reflect.DeepEqual(got, w) {
		g, _ := json.Marshal(got)
		t.Errorf("%s:\n got %s\nwant %s", what, g, want)
	}
}

// TestRulePatterns: R71, R72.
func TestRulePatterns(t *testing.T) {
	for _, tt := range []template{plain(), complete()} {
		env := names.Environment("dev")
		if len(tt.of("AWS::Events::EventBus")) > 0 {
			env = "prod"
		}
		same(t, "input rule", at(tt.named(t, "AWS::Events::Rule", "Name", env.Name(names.InputRule)), "Properties", "EventPattern"), `{
			"source": ["blockforger-input", "blockforger-output"],
			"detail-type": [{"suffix": ".POST"}, {"suffix": ".PUT"}, {"suffix": ".PATCH"}, {"suffix": ".DELETE"}],
			"detail": {"tenant": [{"exists": true}], "rootSchema": [{"exists": true}], "api_key": [{"exists": true}]}}`)
		same(t, "test rule", at(tt.named(t, "AWS::Events::Rule", "Name", env.Name(names.TestRule)), "Properties", "EventPattern"), `{"source": ["blockforger-output"]}`)
	}
}

// TestNamesByEnvironment: R70, with the names that the function and the command
// line expect.
func TestNamesByEnvironment(t *testing.T) {
	for env, tt := range map[names.Environment]template{"dev": plain(), "prod": complete()} {
		for _, want := range []struct{ kind, property, name string }{
			{"AWS::Lambda::Function", "FunctionName", env.Name(names.Function)},
			{"AWS::Lambda::Function", "FunctionName", env.Name(names.TestFunction)},
			{"AWS::DynamoDB::Table", "TableName", env.Name(names.Table)},
			{"AWS::S3::Bucket", "BucketName", "eventrouter-" + string(env) + "-${AccountId}-${Region}"},
			{"AWS::IAM::Role", "RoleName", env.Role("${Region}")},
			{"AWS::Events::Rule", "Name", env.Name(names.InputRule)},
			{"AWS::Events::Rule", "Name", env.Name(names.RelayRule)},
			{"AWS::Events::Archive", "ArchiveName", onBus(env.Name(names.Archive), map[names.Environment]string{"dev": "default", "prod": "eventrouter-prod"}[env])},
			{"AWS::SQS::Queue", "QueueName", env.Name(names.InputDLQ)},
			{"AWS::SQS::Queue", "QueueName", env.Name(names.FailureQueue)},
			{"AWS::Logs::LogGroup", "LogGroupName", names.LogGroup(env.Name(names.Function))},
			{"AWS::Logs::LogGroup", "LogGroupName", names.LogGroup(env.Name(names.TestFunction))},
			{"AWS::CloudWatch::Dashboard", "DashboardName", env.Name(names.Dashboard)},
			{"AWS::SNS::Topic", "TopicName", env.Name(names.AlarmTopic)},
			{"AWS::KMS::Alias", "AliasName", env.Name(names.KeyAlias)},
		} {
			tt.named(t, want.kind, want.property, want.name)
		}
	}
}

func TestTable(t *testing.T) {
	for tt, protected := range map[*template]bool{ptr(plain()): true, ptr(complete()): false} {
		for _, table := range tt.of("AWS::DynamoDB::Table") {
			p := table["Properties"]
			same(t, "keys", at(p, "KeySchema"), `[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}]`)
			same(t, "index", at(p, "GlobalSecondaryIndexes"), `[{"IndexName":"open","KeySchema":[{"AttributeName":"open","KeyType":"HASH"},{"AttributeName":"opened","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]`)
			same(t, "billing", at(p, "BillingMode"), `"PAY_PER_REQUEST"`)
			same(t, "recovery", at(p, "PointInTimeRecoverySpecification"), `{"PointInTimeRecoveryEnabled":true}`)
			same(t, "expiry", at(p, "TimeToLiveSpecification"), `{"AttributeName":"ttl","Enabled":true}`)
			same(t, "encryption", at(p, "SSESpecification"), `{"SSEEnabled":true}`)
			if at(p, "DeletionProtectionEnabled") != nil || (table["DeletionPolicy"] == "RetainExceptOnCreate") != protected {
				t.Errorf("protection %v, policy %v, want protected %v: a failed first deployment must be able to roll back", at(p, "DeletionProtectionEnabled"), table["DeletionPolicy"], protected)
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestBucket(t *testing.T) {
	for _, bucket := range plain().of("AWS::S3::Bucket") {
		p := bucket["Properties"]
		same(t, "public access", at(p, "PublicAccessBlockConfiguration"), `{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}`)
		same(t, "versions", at(p, "VersioningConfiguration"), `{"Status":"Enabled"}`)
		same(t, "encryption", at(p, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault"), `{"SSEAlgorithm":"AES256"}`)
	}
	plain().denies(t, "AWS::S3::BucketPolicy", "aws:SecureTransport")
}

// denies finds a statement that refuses what does not come by TLS.
func (t template) denies(tt *testing.T, kind, condition string) {
	tt.Helper()
	owners := map[string]bool{}
	for _, s := range t.statements() {
		if s.kind == kind && s.body["Effect"] == "Deny" && at(s.body, "Condition", "Bool", condition) == "false" {
			owners[s.owner] = true
		}
	}
	if want := len(t.of(kind)); want == 0 || len(owners) != want {
		tt.Errorf("%d of %d %s refuse what does not come by TLS", len(owners), want, kind)
	}
}

func TestFunctions(t *testing.T) {
	tt := plain()
	for id, f := range tt.of("AWS::Lambda::Function") {
		p := f["Properties"]
		same(t, id, []any{at(p, "Runtime"), at(p, "Architectures"), at(p, "Handler"), at(p, "LoggingConfig", "LogFormat"), at(p, "TracingConfig", "Mode")},
			`["provided.al2023",["arm64"],"bootstrap","JSON","Active"]`)
		group := tt["Resources"].(map[string]any)[text(at(p, "LoggingConfig", "LogGroup", "Ref"))]
		if text(at(group, "Properties", "LogGroupName")) != names.LogGroup(text(at(p, "FunctionName"))) {
			t.Errorf("%s logs to %v", id, group)
		}
	}
	if c := at(complete().named(t, "AWS::Lambda::Function", "FunctionName", "eventrouter-prod"), "Properties", "ReservedConcurrentExecutions"); c != float64(50) {
		t.Errorf("reserved concurrency %v, want 50", c)
	}
}

// TestRelay: the relay is a function of its own, wired like the router and
// without what the router's events need.
func TestRelay(t *testing.T) {
	for tt, e := range map[*template]names.Environment{ptr(plain()): "dev", ptr(complete()): "prod"} {
		router := tt.named(t, "AWS::Lambda::Function", "FunctionName", e.Name(names.Function))["Properties"]
		f := tt.named(t, "AWS::Lambda::Function", "FunctionName", e.Name(names.RelayFunction))
		p := f["Properties"]
		if at(p, "Timeout") != float64(60) || at(p, "ReservedConcurrentExecutions") != nil {
			t.Errorf("time-out %v, reserved concurrency %v, want 60 and none", at(p, "Timeout"), at(p, "ReservedConcurrentExecutions"))
		}
		if !reflect.DeepEqual(at(p, "Environment"), at(router, "Environment")) || !reflect.DeepEqual(at(p, "Role"), at(router, "Role")) {
			t.Error("the relay has other variables, or another role, than the router")
		}
		found := false
		for _, r := range tt.of("AWS::Lambda::EventInvokeConfig") {
			if config := at(r, "Properties"); at(config, "FunctionName", "Ref") == tt.id(f) {
				found = true
				same(t, "relay's retries", []any{at(config, "MaximumRetryAttempts"), at(config, "MaximumEventAgeInSeconds"), at(config, "DestinationConfig")}, `[0,60,null]`)
			}
		}
		rule := tt.named(t, "AWS::Events::Rule", "Name", e.Name(names.RelayRule))
		if target := at(rule, "Properties", "Targets", 0, "Arn", "Fn::GetAtt", 0); !found || target != tt.id(f) {
			t.Errorf("retries are set: %v; the schedule's target is %v, want %s", found, target, tt.id(f))
		}
	}
}

// TestEnvironment: what the function reads is what the stack sets, and nothing
// but strings of ours.
func TestEnvironment(t *testing.T) {
	f := complete().named(t, "AWS::Lambda::Function", "FunctionName", "eventrouter-prod")
	variables := at(f, "Properties", "Environment", "Variables").(map[string]any)
	got := map[string]string{}
	for name, value := range variables {
		got[name] = text(value)
	}
	table, bucket := onlyID(complete().of("AWS::DynamoDB::Table")), onlyID(complete().of("AWS::S3::Bucket"))
	want := map[string]string{
		names.EnvEnvironment: "prod", names.EnvTable: "${" + table + "}", names.EnvBucket: "${" + bucket + "}",
		names.EnvSchemasPrefix: "schemas/", names.EnvDataPrefix: "data/",
		names.EnvAccount: "${AccountId}", names.EnvPartition: "${Partition}", names.EnvMarkDays: "12", names.EnvTimeout: "30",
		names.EnvGC: "400", names.EnvMemoryLimit: "409MiB", names.EnvInputBus: "eventrouter-prod",
		names.EnvOutputBus: "arn:${Partition}:events:${Region}:${AccountId}:event-bus/default",
		names.EnvOutputBuses: `[{"arn":"arn:aws:events:us-east-1:777788889999:event-bus/orders"},{"arn":"arn:aws:events:eu-west-1:777788889999:event-bus/default"},` +
			`{"arn":"arn:aws:events:us-east-1:123456789012:event-bus/own","tenants":["acme"],"sources":["acme.orders","acme.stock"]}]`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func onlyID(m map[string]resource) string {
	for id := range m {
		return id
	}
	return ""
}

// TestDeliveries: R74, retries and ages set on purpose, dead letters kept.
func TestDeliveries(t *testing.T) {
	tt := plain()
	router := tt.id(tt.named(t, "AWS::Lambda::Function", "FunctionName", "eventrouter-dev"))
	dead := tt.id(tt.named(t, "AWS::SQS::Queue", "QueueName", "eventrouter-input-dlq-dev"))
	failures := tt.id(tt.named(t, "AWS::SQS::Queue", "QueueName", "eventrouter-failures-dev"))

	rule := tt.named(t, "AWS::Events::Rule", "Name", "eventrouter-input-dev")
	same(t, "input rule's state", at(rule, "Properties", "State"), `"ENABLED"`)
	target := at(rule, "Properties", "Targets", 0)
	if text(at(target, "Arn")) != "${"+router+".Arn}" || text(at(target, "DeadLetterConfig", "Arn")) != "${"+dead+".Arn}" {
		t.Errorf("target %v", target)
	}
	same(t, "input rule's retries", at(target, "RetryPolicy"), `{"MaximumRetryAttempts":185,"MaximumEventAgeInSeconds":86400}`)

	for _, c := range tt.of("AWS::Lambda::EventInvokeConfig") {
		p := c["Properties"]
		if text(at(p, "FunctionName")) != "${"+router+"}" {
			continue // the relay's: TestRelay
		}
		same(t, "function's retries", []any{at(p, "MaximumRetryAttempts"), at(p, "MaximumEventAgeInSeconds"), at(p, "Qualifier")}, `[2,21600,"$LATEST"]`)
		if text(at(p, "DestinationConfig", "OnFailure", "Destination")) != "${"+failures+".Arn}" {
			t.Errorf("failures go to %v", p)
		}
	}
	if n := len(tt.of("AWS::Lambda::EventInvokeConfig")); n != 2 {
		t.Errorf("%d EventInvokeConfigs, want those of router and relay", n)
	}

	relay := tt.named(t, "AWS::Events::Rule", "Name", "eventrouter-relay-dev")["Properties"]
	same(t, "relay", []any{at(relay, "ScheduleExpression"), at(relay, "State"), at(relay, "Targets", 0, "RetryPolicy")},
		`["rate(1 minute)","ENABLED",{"MaximumRetryAttempts":0,"MaximumEventAgeInSeconds":60}]`)
}

// TestBuffer: inputBuffer=sqs.
func TestBuffer(t *testing.T) {
	tt := complete()
	buffer := tt.named(t, "AWS::SQS::Queue", "QueueName", "eventrouter-input-prod")
	id := tt.id(buffer)
	target := at(tt.named(t, "AWS::Events::Rule", "Name", "eventrouter-input-prod"), "Properties", "Targets", 0)
	if text(at(target, "Arn")) != "${"+id+".Arn}" {
		t.Errorf("the rule's target is %v", target)
	}
	if visible := at(buffer, "Properties", "VisibilityTimeout").(float64); visible < 6*names.Timeout.Seconds() {
		t.Errorf("visibility %v s, want at least six times the time-out of %v", visible, names.Timeout)
	}
	if at(buffer, "Properties", "RedrivePolicy", "maxReceiveCount") != float64(100) {
		t.Errorf("redrive %v", at(buffer, "Properties", "RedrivePolicy"))
	}
	if shortest := (Config{MarkDays: leastMarkDays}).QueueDays(); bufferReceives*bufferVisibility >= time.Duration(shortest)*24*time.Hour {
		t.Errorf("%d receives of %v last longer than the queue keeps an event, %d days", bufferReceives, bufferVisibility, shortest)
	}
	same(t, "message group", at(target, "SqsParameters", "MessageGroupId"), `"$.detail.tenant"`)
	for _, m := range tt.of("AWS::Lambda::EventSourceMapping") {
		same(t, "concurrency, no more than is reserved", at(m, "Properties", "ScalingConfig", "MaximumConcurrency"), `50`)
		same(t, "partial batch answers", at(m, "Properties", "FunctionResponseTypes"), `["ReportBatchItemFailures"]`)
		if text(at(m, "Properties", "EventSourceArn")) != "${"+id+".Arn}" {
			t.Errorf("mapping %v", m)
		}
	}
	if n := len(tt.of("AWS::Lambda::EventSourceMapping")); n != 1 {
		t.Errorf("%d mappings, want 1", n)
	}
	tt.named(t, "AWS::CloudWatch::Alarm", "AlarmName", "eventrouter-prod-buffer-age")
	if n := len(plain().of("AWS::Lambda::EventSourceMapping")); n != 0 {
		t.Errorf("%d mappings without a buffer", n)
	}
}

// TestDrainedBuffer: with inputBuffer=drain events go to the function directly,
// which still reads the queue; a queue that may hold events is never deleted.
func TestDrainedBuffer(t *testing.T) {
	for _, mode := range []string{"sqs", "drain"} {
		tt := mustSynth(map[string]any{"inputBuffer": mode})
		buffer := tt.named(t, "AWS::SQS::Queue", "QueueName", "eventrouter-input-dev")
		if buffer["DeletionPolicy"] != "RetainExceptOnCreate" || buffer["UpdateReplacePolicy"] != "Retain" {
			t.Errorf("inputBuffer=%s: policies %v, %v", mode, buffer["DeletionPolicy"], buffer["UpdateReplacePolicy"])
		}
		if n := len(tt.of("AWS::Lambda::EventSourceMapping")); n != 1 {
			t.Errorf("inputBuffer=%s: %d mappings, want 1", mode, n)
		}
		target := text(at(tt.named(t, "AWS::Events::Rule", "Name", "eventrouter-input-dev"), "Properties", "Targets", 0, "Arn"))
		if direct := target == "${"+onlyRouter(tt)+".Arn}"; direct != (mode == "drain") {
			t.Errorf("inputBuffer=%s: the rule's target is %s", mode, target)
		}
	}
}

// TestSecretsAreEncrypted: whatever holds input events is under our key, and is
// gone before marks are.
func TestSecretsAreEncrypted(t *testing.T) {
	for tt, days := range map[*template]float64{ptr(plain()): 35, ptr(complete()): 12} {
		key := "${" + onlyID(tt.of("AWS::KMS::Key")) + ".Arn}"
		for id, q := range tt.of("AWS::SQS::Queue") {
			if text(at(q, "Properties", "KmsMasterKeyId")) != key {
				t.Errorf("queue %s is encrypted with %v", id, at(q, "Properties", "KmsMasterKeyId"))
			}
			if kept := at(q, "Properties", "MessageRetentionPeriod").(float64); kept > (days-2)*24*60*60 {
				t.Errorf("queue %s keeps messages for %v s, marks last %v days", id, kept, days)
			}
		}
		for id, a := range tt.of("AWS::Events::Archive") {
			if text(at(a, "Properties", "KmsKeyIdentifier")) != key {
				t.Errorf("archive %s is encrypted with %v", id, at(a, "Properties", "KmsKeyIdentifier"))
			}
			if kept := at(a, "Properties", "RetentionDays").(float64); kept == 0 || kept > days-2 {
				t.Errorf("archive %s keeps events for %v days, marks last %v", id, kept, days)
			}
		}
		tt.denies(t, "AWS::SQS::QueuePolicy", "aws:SecureTransport")
		for _, k := range tt.of("AWS::KMS::Key") {
			if at(k, "Properties", "EnableKeyRotation") != true {
				t.Error("the key is not rotated")
			}
		}
	}
}

func TestArchive(t *testing.T) {
	a := complete().named(t, "AWS::Events::Archive", "ArchiveName", onBus("eventrouter-input-prod", "eventrouter-prod"))
	if arn := text(at(a, "Properties", "SourceArn")); !strings.HasSuffix(arn, ":event-bus/eventrouter-prod") {
		t.Errorf("source %s, want the dedicated bus", arn)
	}
	same(t, "archive's pattern", at(a, "Properties", "EventPattern"), names.InputPattern)
	none, err := synth(map[string]any{"archiveDays": "0", "testFunction": "false"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(none.of("AWS::Events::Archive")); n != 0 {
		t.Errorf("archiveDays=0 has %d archives", n)
	}
	if n := len(none.of("AWS::Lambda::Function")); n != 2 {
		t.Errorf("testFunction=false has %d functions, want router and relay", n)
	}
}

// TestSharedBus: a bus that the stack does not make serves one environment, and
// everything on it waits until the guard parameter says that it is this one.
func TestSharedBus(t *testing.T) {
	const busARN = "arn:aws:events:us-east-1:123456789012:event-bus/shared"
	for value, want := range map[string]struct{ bus, guard, rule string }{
		"":       {"default", "/eventrouter/default-bus", "eventrouter-input-dev"},
		"shared": {"shared", "/eventrouter/input-bus/shared", "shared/eventrouter-input-dev"},
		busARN:   {"shared", "/eventrouter/input-bus/shared", "shared/eventrouter-input-dev"},
	} {
		tt := mustSynth(map[string]any{"inputBus": value, "outputBus": value, "publisherAccounts": "111122223333"})
		if n := len(tt.of("AWS::Events::EventBus")); n != 0 {
			t.Errorf("inputBus=%s: %d buses are made, want none", value, n)
		}
		guard := tt.named(t, "AWS::SSM::Parameter", "Name", want.guard)
		if got := at(guard, "Properties", "Value"); got != "dev" {
			t.Errorf("inputBus=%s: the guard holds %v, want the environment", value, got)
		}
		for kind, named := range map[string][2]string{
			"AWS::Events::Rule": {"Name", "eventrouter-input-dev"}, "AWS::Events::Archive": {"SourceArn", "arn:${Partition}:events:${Region}:${AccountId}:event-bus/" + want.bus},
			"AWS::Events::EventBusPolicy": {"EventBusName", want.bus},
		} {
			if r := tt.named(t, kind, named[0], named[1]); !slices.Contains(list(r["DependsOn"]), any(tt.id(guard))) {
				t.Errorf("inputBus=%s: %s does not wait for the guard: %v", value, kind, r["DependsOn"])
			}
		}
		if got := at(tt.named(t, "AWS::Events::Rule", "Name", "eventrouter-input-dev"), "Properties", "EventBusName"); got != want.bus {
			t.Errorf("inputBus=%s: the input rule is on %v, want %s", value, got, want.bus)
		}
		if got := at(tt.named(t, "AWS::Events::Rule", "Name", "eventrouter-test-dev"), "Properties", "EventBusName"); got != want.bus {
			t.Errorf("outputBus=%s: the test rule is on %v, want %s", value, got, want.bus)
		}
		variables := at(tt.named(t, "AWS::Lambda::Function", "FunctionName", "eventrouter-dev"), "Properties", "Environment", "Variables")
		if got := text(at(variables, "EVENTROUTER_OUTPUT_BUS")); got != "arn:${Partition}:events:${Region}:${AccountId}:event-bus/"+want.bus {
			t.Errorf("outputBus=%s: the function publishes to %s", value, got)
		}
		rules, _ := tt["Rules"].(map[string]any)
		for _, id := range []string{"InputBusIsOwn", "OutputBusIsOwn"} {
			if given := strings.HasPrefix(value, "arn:"); given != (rules[id] != nil) {
				t.Errorf("inputBus=%s: rule %s is %v; an ARN must be of the deployment's account and region", value, id, rules[id])
			}
		}
	}
	if n := len(complete().of("AWS::SSM::Parameter")); n != 0 {
		t.Errorf("a dedicated bus has %d guards, want none", n)
	}
}

// TestDedicatedBus: rule and archive wait for the bus; output events are still
// seen on the default one.
func TestDedicatedBus(t *testing.T) {
	tt := complete()
	bus := tt.id(tt.named(t, "AWS::Events::EventBus", "Name", "eventrouter-prod"))
	rule := tt.named(t, "AWS::Events::Rule", "Name", "eventrouter-input-prod")
	archive := tt.named(t, "AWS::Events::Archive", "ArchiveName", onBus("eventrouter-input-prod", "eventrouter-prod"))
	for what, r := range map[string]resource{"rule": rule, "archive": archive} {
		if !slices.Contains(list(r["DependsOn"]), any(bus)) {
			t.Errorf("the %s does not wait for the bus: %v", what, r["DependsOn"])
		}
	}
	if at(rule, "Properties", "EventBusName") != "eventrouter-prod" || at(tt.named(t, "AWS::Events::Rule", "Name", "eventrouter-test-prod"), "Properties", "EventBusName") != "default" {
		t.Error("rules are on the wrong buses")
	}
}

// TestPublishers: R73, who may put events on our bus.
func TestPublishers(t *testing.T) {
	if n := len(plain().of("AWS::Events::EventBusPolicy")); n != 0 {
		t.Errorf("%d bus policies although nobody else may publish", n)
	}
	policies := complete().of("AWS::Events::EventBusPolicy")
	if len(policies) != 2 {
		t.Errorf("%d bus policies, want one for all accounts and one for the organization", len(policies))
	}
	seen := map[string]bool{}
	for _, p := range policies {
		s := at(p, "Properties", "Statement")
		who := text(at(s, "Principal", "AWS")) + text(at(s, "Condition", "StringEquals", "aws:PrincipalOrgID"))
		seen[who] = true
		if at(s, "Action") != "events:PutEvents" || at(s, "Effect") != "Allow" || at(s, "Condition", "StringEquals", "events:source") != "blockforger-input" {
			t.Errorf("%s may do %v", who, s)
		}
		if !strings.HasSuffix(text(at(s, "Resource")), ":event-bus/eventrouter-prod") || at(p, "Properties", "EventBusName") != "eventrouter-prod" {
			t.Errorf("%s is let in to %v", who, text(at(s, "Resource")))
		}
	}
	for _, who := range []string{"arn:${Partition}:iam::111122223333:root, arn:${Partition}:iam::444455556666:root", "o-a1b2c3d4e5"} {
		if !seen[who] {
			t.Errorf("%s is not let in: %v", who, seen)
		}
	}
}

// TestTargetBusStack: R73, the other side.
func TestTargetBusStack(t *testing.T) {
	tt, err := synth(map[string]any{"stack": "target-bus", "environment": "prod", "routerAccount": "123456789012", "routerRegion": "us-east-1",
		"targetBus": "orders", "targetSources": "acme.orders,blockforger-output"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tt["Resources"].(map[string]any)); n != 1 {
		t.Errorf("%d resources, want the policy alone", n)
	}
	for _, p := range tt.of("AWS::Events::EventBusPolicy") {
		s := at(p, "Properties", "Statement")
		same(t, "who may", []any{text(at(s, "Principal", "AWS")), text(at(s, "Condition", "ArnEquals", "aws:PrincipalArn")), at(s, "Condition", "StringEquals", "events:source"), at(s, "Action")},
			`["arn:${Partition}:iam::123456789012:root","arn:${Partition}:iam::123456789012:role/eventrouter-prod-us-east-1",["acme.orders","blockforger-output"],"events:PutEvents"]`)
		if text(at(s, "Resource")) != "arn:${Partition}:events:${Region}:${AccountId}:event-bus/orders" {
			t.Errorf("resource %s", text(at(s, "Resource")))
		}
	}
}

// TestTargetBusNames: two routers, or two buses of one account, are two stacks and
// two statements.
func TestTargetBusNames(t *testing.T) {
	stacks, statements := map[string]bool{}, map[string]bool{}
	longest := "e" + strings.Repeat("n", 19)
	for _, account := range []string{"111122223333", "444455556666"} {
		for _, region := range []string{"us-east-1", "ap-southeast-1"} {
			for _, bus := range []string{"default", "orders", "orders.v1", "orders_v1", strings.Repeat("o", 200)} {
				c, err := ReadTargetBusConfig(map[string]any{"stack": "target-bus", "environment": longest, "routerAccount": account, "routerRegion": region, "targetBus": bus})
				if err != nil {
					t.Fatal(err)
				}
				if stacks[c.stack()] || len(c.stack()) > 128 || !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`).MatchString(c.stack()) {
					t.Errorf("%s %s %s: stack %s is taken, too long or not a stack's name", account, region, bus, c.stack())
				}
				stacks[c.stack()], statements[c.statement()] = true, true
			}
		}
	}
	if len(statements) != 4 {
		t.Errorf("statements %v, want one for each of 4 routers", statements)
	}
}

// TestMovedBus: what CloudFormation replaces when the input bus changes has
// another name then, because the new one is made before the old one is deleted.
func TestMovedBus(t *testing.T) {
	publishers := map[string]any{"publisherAccounts": "111122223333", "publisherOrganization": "o-a1b2c3d4e5"}
	names := map[string]string{}
	for _, bus := range []string{"default", "dedicated", "shared"} {
		values := maps.Clone(publishers)
		values["inputBus"] = bus
		tt := mustSynth(values)
		for kind, property := range map[string]string{"AWS::Events::Archive": "ArchiveName", "AWS::Events::EventBusPolicy": "StatementId"} {
			for id, r := range tt.of(kind) {
				name := text(at(r, "Properties", property))
				if other, taken := names[name]; taken {
					t.Errorf("%s of inputBus=%s and of %s are both named %s", id, bus, other, name)
				}
				names[name] = bus
			}
		}
	}
}

func TestAPI(t *testing.T) {
	tt := plain()
	for _, stage := range tt.of("AWS::ApiGatewayV2::Stage") {
		settings := at(stage, "Properties", "DefaultRouteSettings")
		same(t, "limits", []any{at(settings, "ThrottlingRateLimit"), at(settings, "ThrottlingBurstLimit")}, `[1000,500]`)
	}
	for _, r := range tt.of("AWS::ApiGatewayV2::Route") {
		same(t, "route", at(r, "Properties", "RouteKey"), `"$default"`)
	}
	for _, i := range tt.of("AWS::ApiGatewayV2::Integration") {
		same(t, "integration", []any{at(i, "Properties", "IntegrationType"), at(i, "Properties", "PayloadFormatVersion")}, `["AWS_PROXY","2.0"]`)
	}
	for _, s := range tt.of("AWS::ApiGatewayV2::Stage") {
		format := text(at(s, "Properties", "AccessLogSettings", "Format"))
		for _, word := range []string{"header", "query", "path", "authorizer"} {
			if strings.Contains(strings.ToLower(format), word) {
				t.Errorf("the access log shows the %s: %s", word, format)
			}
		}
		if format == "" {
			t.Error("there is no access log")
		}
	}
}

func TestLogRetention(t *testing.T) {
	for tt, days := range map[*template]float64{ptr(plain()): 30, ptr(complete()): 90} {
		if n := len(tt.of("AWS::Logs::LogGroup")); n != 4 {
			t.Errorf("%d log groups, want those of three functions and of the API", n)
		}
		for id, g := range tt.of("AWS::Logs::LogGroup") {
			if at(g, "Properties", "RetentionInDays") != days {
				t.Errorf("%s keeps %v days, want %v", id, at(g, "Properties", "RetentionInDays"), days)
			}
		}
	}
}

// TestAlarms: each says what to do, and tells the topic.
func TestAlarms(t *testing.T) {
	tt := plain()
	topic := "${" + onlyID(tt.of("AWS::SNS::Topic")) + "}"
	names := map[string]bool{}
	for _, a := range tt.of("AWS::CloudWatch::Alarm") {
		name := text(at(a, "Properties", "AlarmName"))
		names[strings.TrimPrefix(name, "eventrouter-dev-")] = true
		if !strings.Contains(text(at(a, "Properties", "AlarmDescription")), "Do: ") {
			t.Errorf("%s does not say what to do", name)
		}
		if text(at(a, "Properties", "AlarmActions")) != topic {
			t.Errorf("%s tells %v", name, at(a, "Properties", "AlarmActions"))
		}
	}
	for _, want := range []string{"errors", "throttles", "input-dead-letters", "failures", "undelivered", "relay-lag", "entries-failed", "buses-gone", "key-rejections", "output-rate",
		"rejections", "events-dropped", "event-age", "failures-undelivered", "table-throttles", "index-throttles", "api-errors"} {
		if !names[want] {
			t.Errorf("there is no alarm %s", want)
		}
	}
	lag := tt.named(t, "AWS::CloudWatch::Alarm", "AlarmName", "eventrouter-dev-relay-lag")["Properties"]
	same(t, "a relay that does not run is an alarm too", []any{at(lag, "TreatMissingData"), at(lag, "Threshold"), at(lag, "Namespace")}, `["breaching",120000,"EventRouter"]`)
	function, table, api := "${"+onlyRouter(tt)+"}", "${"+onlyID(tt.of("AWS::DynamoDB::Table"))+"}", "${"+onlyID(tt.of("AWS::ApiGatewayV2::Api"))+"}"
	for name, want := range map[string][]string{ // metric, then its dimensions by name
		"events-dropped":       {"AsyncEventsDropped", "FunctionName", function},
		"event-age":            {"AsyncEventAge", "FunctionName", function},
		"failures-undelivered": {"DestinationDeliveryFailures", "FunctionName", function},
		"api-errors":           {"5xx", "ApiId", api},
		"table-throttles":      {"ReadThrottleEvents WriteThrottleEvents", "TableName", table},
		"index-throttles":      {"ReadThrottleEvents WriteThrottleEvents", "GlobalSecondaryIndexName", "open", "TableName", table},
	} {
		p := tt.named(t, "AWS::CloudWatch::Alarm", "AlarmName", "eventrouter-dev-"+name)["Properties"]
		var metrics []string
		dimensions := at(p, "Dimensions")
		if m, ok := at(p, "MetricName").(string); ok {
			metrics = []string{m}
		}
		for _, q := range list(at(p, "Metrics")) {
			if m, ok := at(q, "MetricStat", "Metric", "MetricName").(string); ok {
				metrics, dimensions = append(metrics, m), at(q, "MetricStat", "Metric", "Dimensions")
			}
		}
		slices.Sort(metrics)
		got := []string{strings.Join(metrics, " ")}
		for _, d := range list(dimensions) {
			got = append(got, text(at(d, "Name")), text(at(d, "Value")))
		}
		if !slices.Equal(got, want) {
			t.Errorf("alarm %s watches %q, want %q", name, got, want)
		}
	}
	for _, s := range complete().of("AWS::SNS::Subscription") {
		same(t, "subscription", []any{at(s, "Properties", "Protocol"), at(s, "Properties", "Endpoint")}, `["email","ops@example.com"]`)
	}
	if len(complete().of("AWS::SNS::Subscription")) != 1 || len(plain().of("AWS::SNS::Subscription")) != 0 {
		t.Error("alarmEmail and the subscription do not agree")
	}
}

func onlyRouter(tt template) string {
	for id, f := range tt.of("AWS::Lambda::Function") {
		if at(f, "Properties", "FunctionName") == "eventrouter-dev" {
			return id
		}
	}
	return ""
}

func TestSavedQueries(t *testing.T) {
	for _, name := range []string{"one-event", "rejections", "faults", "slowest", "busiest-tenants", "relay", "cold-starts"} {
		q := plain().named(t, "AWS::Logs::QueryDefinition", "Name", "eventrouter-dev/"+name)
		same(t, name, at(q, "Properties", "LogGroupNames"), `["/aws/lambda/eventrouter-dev","/aws/lambda/eventrouter-relay-dev"]`)
	}
}
