package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestContradictions checks that keys without effect beside another are refused, with
// the remedy.
func TestContradictions(t *testing.T) {
	for _, c := range []struct {
		values map[string]any
		want   string
	}{
		{map[string]any{"api": "false", "apiRateLimit": "5"}, "context key apiRateLimit: there is no HTTP API with api=false; remove this key, or api"},
		{map[string]any{"api": false, "apiBurstLimit": float64(5)}, "context key apiBurstLimit: there is no HTTP API"},
		{map[string]any{"tableName": "restored", "warmWrites": "5000"}, "context key warmWrites: the table restored exists already; remove this key"},
		{map[string]any{"environment": "prod", "tableName": "eventrouter-prod"}, "context key tableName:"},
		{map[string]any{"archiveDays": "9", "markDays": "10"}, "context key archiveDays: 9 is more than markDays less 2"},
		{map[string]any{"bufferConcurrency": "3"}, "context key bufferConcurrency: there is no buffer with inputBuffer=direct; add inputBuffer=sqs"},
		{map[string]any{"inputBus": strings.Repeat("b", 256)}, "context key inputBus: the name has 256 characters"},
		{map[string]any{"routerAccount": "123456789012"}, "context key routerAccount: there is no such key"},
	} {
		if _, err := ReadConfig(c.values); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.values, err, c.want)
		}
	}
	if _, err := ReadConfig(map[string]any{"api": false, "tableName": "restored"}); err != nil {
		t.Error(err)
	}
}

// TestTestFunctionInProduction checks that the test function, which logs payloads, is
// off by default in the environment prod alone.
func TestTestFunctionInProduction(t *testing.T) {
	for _, c := range []struct {
		values map[string]any
		want   bool
	}{
		{map[string]any{"environment": "prod"}, false},
		{map[string]any{"environment": "prod", "testFunction": true}, true},
		{map[string]any{"environment": "production"}, true},
		{map[string]any{"testFunction": "false"}, false},
	} {
		if got, err := ReadConfig(c.values); err != nil || got.TestFunction != c.want {
			t.Errorf("%v: %v, %v; want %v", c.values, got.TestFunction, err, c.want)
		}
	}
}

// TestWithoutAPI checks that api=false leaves nothing of the HTTP API.
func TestWithoutAPI(t *testing.T) {
	tt := mustSynth(map[string]any{"api": false})
	for _, kind := range []string{"Api", "Route", "Stage", "Integration"} {
		if n := len(tt.of("AWS::ApiGatewayV2::" + kind)); n > 0 {
			t.Errorf("%d resources of type %s", n, kind)
		}
	}
	for id, a := range tt.of("AWS::CloudWatch::Alarm") {
		if strings.HasSuffix(text(at(a, "Properties", "AlarmName")), "api-errors") {
			t.Errorf("the alarm %s", id)
		}
	}
	for id, p := range tt.of("AWS::Lambda::Permission") {
		if text(at(p, "Properties", "Principal")) == "apigateway.amazonaws.com" {
			t.Errorf("the permission %s", id)
		}
	}
	if n := len(plain().of("AWS::ApiGatewayV2::Api")); n != 1 {
		t.Errorf("%d APIs by default, want 1", n)
	}
}

// TestRestoredTable checks that a table that exists is used by functions, rights and
// alarms, and that the stack makes none.
func TestRestoredTable(t *testing.T) {
	tt := mustSynth(map[string]any{"tableName": "eventrouter-restored"})
	if n := len(tt.of("AWS::DynamoDB::Table")); n != 0 {
		t.Errorf("%d tables", n)
	}
	functions := 0
	for _, f := range tt.of("AWS::Lambda::Function") {
		if table := text(at(f, "Properties", "Environment", "Variables", "EVENTROUTER_TABLE")); table != "" {
			functions++
			if table != "eventrouter-restored" {
				t.Errorf("a function uses the table %s", table)
			}
		}
	}
	rights := 0
	for _, s := range tt.statements() {
		if s.sid() == "Ledger" || s.sid() == "Backlog" {
			rights++
			if r := text(s.body["Resource"]); !strings.Contains(r, ":table/eventrouter-restored") {
				t.Errorf("%s is about %s", s.sid(), r)
			}
		}
	}
	if functions != 2 || rights != 2 {
		t.Errorf("%d functions and %d statements use the table, want 2 and 2", functions, rights)
	}
}

// TestWarmThroughput checks that table and index are warmed alike, and nothing by
// default.
func TestWarmThroughput(t *testing.T) {
	warm := mustSynth(map[string]any{"warmWrites": "10000"})
	table := func(tt template) any { return tt.of("AWS::DynamoDB::Table")[onlyID(tt.of("AWS::DynamoDB::Table"))] }
	for _, path := range [][]any{{"Properties", "WarmThroughput"}, {"Properties", "GlobalSecondaryIndexes", 0, "WarmThroughput"}} {
		if got := at(table(warm), path...); text(got) != `{"ReadUnitsPerSecond":12000,"WriteUnitsPerSecond":10000}` {
			t.Errorf("%v: %v", path, text(got))
		}
		if got := at(table(plain()), path...); got != nil {
			t.Errorf("%v by default: %v", path, got)
		}
	}
}

// TestOldVersions checks the life of replaced versions: those of records, which the
// ledger holds too, are short.
func TestOldVersions(t *testing.T) {
	tt := plain()
	rules := list(at(tt.of("AWS::S3::Bucket")[onlyID(tt.of("AWS::S3::Bucket"))], "Properties", "LifecycleConfiguration", "Rules"))
	got := map[string]float64{}
	for _, r := range rules {
		days, _ := at(r, "NoncurrentVersionExpiration", "NoncurrentDays").(float64)
		got[text(at(r, "Prefix"))] = days
	}
	if len(got) != 2 || got[""] != 35 || got["data/"] != 7 {
		t.Errorf("days by prefix: %v", got)
	}
}

// limitsOfNames are the longest names that AWS accepts.
var limitsOfNames = map[string]struct {
	property string
	most     int
	form     *regexp.Regexp
}{
	"AWS::Lambda::Function":       {"FunctionName", 64, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},
	"AWS::IAM::Role":              {"RoleName", 64, nil},
	"AWS::SQS::Queue":             {"QueueName", 80, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},
	"AWS::Events::Rule":           {"Name", 64, regexp.MustCompile(`^[.A-Za-z0-9_-]+$`)},
	"AWS::Events::Archive":        {"ArchiveName", 48, regexp.MustCompile(`^[.A-Za-z0-9_-]+$`)},
	"AWS::Events::EventBus":       {"Name", 256, nil},
	"AWS::Events::EventBusPolicy": {"StatementId", 64, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},
	"AWS::S3::Bucket":             {"BucketName", 63, nil},
	"AWS::DynamoDB::Table":        {"TableName", 255, nil},
	"AWS::CloudWatch::Alarm":      {"AlarmName", 255, nil},
	"AWS::CloudWatch::Dashboard":  {"DashboardName", 255, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},
	"AWS::Logs::LogGroup":         {"LogGroupName", 512, nil},
	"AWS::Logs::QueryDefinition":  {"Name", 255, nil},
	"AWS::SNS::Topic":             {"TopicName", 256, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},
	"AWS::KMS::Alias":             {"AliasName", 256, nil},
	"AWS::ApiGatewayV2::Api":      {"Name", 128, nil},
	"AWS::SSM::Parameter":         {"Name", 1011, nil},
}

// TestLongestNames synthesizes the longest environment name with every option, in the
// region with the longest name, and compares each name with its limit.
func TestLongestNames(t *testing.T) {
	const longest = "a-20-character-name-"
	if len(longest) != 20 {
		t.Fatal(len(longest))
	}
	values := map[string]any{}
	for k, v := range all {
		values[k] = v
	}
	values["environment"] = longest
	shared := map[string]any{"environment": longest, "inputBus": strings.Repeat("b", 255), "outputBus": strings.Repeat("c", 256)}
	seen := map[string]bool{}
	for _, tt := range []template{mustSynth(values), mustSynth(shared)} {
		for kind, limit := range limitsOfNames {
			for id, r := range tt.of(kind) {
				name := text(at(r, "Properties", limit.property))
				name = strings.NewReplacer("${AccountId}", "123456789012", "${Region}", "ap-southeast-1").Replace(name)
				seen[kind] = true
				if name == "" || len(name) > limit.most || limit.form != nil && !limit.form.MatchString(name) {
					t.Errorf("%s: the %s %q has %d characters, at most %d are allowed, form %v", id, limit.property, name, len(name), limit.most, limit.form)
				}
			}
		}
	}
	for kind := range limitsOfNames {
		if !seen[kind] {
			t.Errorf("no resource of type %s was checked", kind)
		}
	}
}
