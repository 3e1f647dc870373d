package tenant

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant/diag"
)

const localBus = events.BusARN("arn:aws:events:us-east-1:000000000000:event-bus/default")

func parseText(text string) (*Tenant, []string) {
	t, findings := parseTenant("acme", "acme/tenant.properties", []byte(text), policy{defaultBus: localBus})
	return t, texts(findings)
}

func texts(fs []diag.Diagnostic) (out []string) {
	for _, f := range diag.Sort(fs) {
		out = append(out, f.String())
	}
	return out
}

func TestTenantProperties(t *testing.T) {
	got, findings := parseText(`
eventbridge-input = true  
token-limit-monthly: 9007199254740993
rate-limit-per-second=0.5
cors-origins = https://app.example.com, http://localhost:3000,*
payload-max-bytes=1048576
eventbridge-results=arn:aws-cn:events:cn-north-1:123456789012:event-bus/a_b
eventbridge-output=[{
  "eventbridge_arn": "arn:aws:events:eu-west-1:123456789012:event-bus/orders",
  "source": "acme.orders", "detail_type": "x.{schema_id}.{operation}",
  "operations": ["PUT","DELETE"], "schema_names": ["orders"], "payload": "record", "metadata": true}, {}]
`)
	want := &Tenant{
		ID: "acme", Input: true, TokenLimit: 9007199254740993, RateLimit: 0.5,
		CORSOrigins:     []string{"https://app.example.com", "http://localhost:3000", "*"},
		PayloadMaxBytes: 1048576,
		Results:         "arn:aws-cn:events:cn-north-1:123456789012:event-bus/a_b",
		rules: []Rule{{
			Bus: "arn:aws:events:eu-west-1:123456789012:event-bus/orders", Source: "acme.orders",
			DetailType: "x.{schema_id}.{operation}", Operations: []events.Operation{"PUT", "DELETE"},
			Schemas: []events.SchemaID{"orders"}, Record: true, Metadata: true,
		}, {Bus: localBus, Source: "blockforger-output", DetailType: "{schema_id}.{operation}"}},
	}
	opts := cmp.Options{cmp.AllowUnexported(Tenant{}), cmpopts.IgnoreUnexported(Rule{})}
	if diff := cmp.Diff(want, got, opts); diff != "" || findings != nil {
		t.Error(findings, diff)
	}
}

// Nothing is on that is not switched on.
func TestEmptyTenant(t *testing.T) {
	got, findings := parseText("")
	if diff := cmp.Diff(&Tenant{ID: "acme"}, got, cmp.AllowUnexported(Tenant{})); diff != "" || findings != nil {
		t.Error(findings, diff)
	}
}

func TestFindingsOfProperties(t *testing.T) {
	const file = "acme/tenant.properties:"
	for _, c := range []struct {
		text, want string
		refused    bool
	}{
		{"eventbridge-inptu=true", `1:1: warning: unknown property "eventbridge-inptu" (did you mean "eventbridge-input"?)`, false},
		{"whatever=1", `1:1: warning: unknown property "whatever"`, false},
		{"eventbridge-input=yes", `1:19: error: eventbridge-input must be true or false, not "yes"`, true},
		{"eventbridge-input=", `1:19: error: eventbridge-input must be true or false, not ""`, true},
		{"eventbridge-input=True", `1:19: error: eventbridge-input must be true or false, not "True"`, true},
		{"eventbridge-input=[]", `1:19: error: eventbridge-input must be true or false, not JSON`, true},
		{"token-limit-monthly=0", `1:21: error: token-limit-monthly must be a whole number of tokens, 1 or more, not "0"`, true},
		{"token-limit-monthly=-5", `1:21: error: token-limit-monthly must be a whole number of tokens, 1 or more, not "-5"`, true},
		{"token-limit-monthly=1e6", `1:21: error: token-limit-monthly must be a whole number of tokens, 1 or more, not "1e6"`, true},
		{"token-limit-monthly=9223372036854775808", `1:21: error: token-limit-monthly must be a whole number of tokens, 1 or more, not "9223372036854775808"`, true},
		{"rate-limit-per-second=Inf", `1:23: error: rate-limit-per-second must be a number of requests above 0, such as 20 or 0.5, not "Inf"`, true},
		{"rate-limit-per-second=0", `1:23: error: rate-limit-per-second must be a number of requests above 0, such as 20 or 0.5, not "0"`, true},
		{"cors-origins=https://a.example/", `1:14: error: cors-origins must be * or origins such as https://app.example.com, separated by commas, not "https://a.example/"`, true},
		{"cors-origins=https://*.example", `1:14: error: cors-origins must be * or origins such as https://app.example.com, separated by commas, not "https://*.example"`, true},
		{"payload-max-bytes=1048577", `1:19: error: payload-max-bytes must be a whole number of bytes, 1 to 1048576, not "1048577"`, true},
		{"eventbridge-results=x", `1:21: error: eventbridge-results: "x" is not the ARN of an event bus: want arn:aws:events:REGION:ACCOUNT:event-bus/NAME`, true},
		{"eventbridge-output={}", `1:20: error: eventbridge-output must be a JSON array of output rules, [ … ], not "{}"`, true},
		{"eventbridge-output=", `1:20: error: eventbridge-output must be a JSON array of output rules, [ … ], not ""`, true},
		{"eventbridge-output=[1]", `1:21: error: an output rule must be an object, { … }`, true},
		{"eventbridge-output=[\n {},\n {\"sorce\": \"x\"}]", `3:3: error: an output rule has no field "sorce" (did you mean "source"?); known are eventbridge_arn, source, detail_type, operations, schema_names, payload, metadata`, true},
		{"eventbridge-output=[{\"source\": \"a\",\n  \"source\": \"b\"}]", `2:3: error: eventbridge-output repeats a name in one object`, true},
		{"eventbridge-output=[\n  {\"source\" \"b\"}]", "", true},
		{"eventbridge-output=[{},\n  ]", "", true},
		{"eventbridge-output=[{\"metadata\":\"yes\"}]", `1:33: error: metadata must be true or false`, true},
		{"eventbridge-output=[{\"payload\":\"all\"}]", `1:32: error: payload must be "request" or "record", not "all"`, true},
		{"eventbridge-output=[{\"payload\":null}]", `1:32: error: payload must be a string`, true},
		{"eventbridge-output=[{\"source\":\"aws.x\"}]", `1:31: error: source "aws.x" begins with aws., which belongs to AWS; choose another`, true},
		{"eventbridge-output=[{\"source\":\"\"}]", `1:31: error: source must have 1 to 256 characters`, true},
		{"eventbridge-output=[{\"source\":\"blockforger-input\"}]", `1:31: error: source "blockforger-input" is that of input events, so that the output would be taken as input; choose another`, true},
		{"eventbridge-output=[{\"operations\":\"PUT\"}]", `1:35: error: operations must be an array of strings`, true},
		{"eventbridge-output=[{\"operations\":[\"PUT\",\n \"post\"]}]", `2:2: error: operation "post" is unknown; known are POST, PUT, PATCH and DELETE`, true},
		{"eventbridge-output=[{\"operations\":[\"PUT\",\n 1]}]", `2:2: error: operations must be a string`, true},
		{"eventbridge-output=[{\"schema_names\":[\"orders.json\"]}]", `1:38: warning: schema name "orders.json" ends with .json; write "orders"`, false},
		{"eventbridge-output=[{\"schema_names\":[\"../x\"]}]", `1:38: error: schema_names: schema id "../x" has '.' at byte 0; allowed are letters, digits, and after the first also _ and -`, true},
		{"eventbridge-output=[{\"eventbridge_arn\":\"arn:aws:events:us-east-1:123456789012:rule/x\"}]", `1:40: error: eventbridge_arn: "arn:aws:events:us-east-1:123456789012:rule/x" is not the ARN of an event bus: this is a rule's ARN; name the bus, event-bus/NAME`, true},
		{"eventbridge-output=[{\"detail_type\":\"\"}]", `1:36: error: detail_type must have 1 to 128 characters; leave it out for {schema_id}.{operation}`, true},
		{"eventbridge-output=[{\"detail_type\":\"" + strings.Repeat("é", 129) + "\",\"schema_names\":[\"a\"],\"operations\":[\"PUT\"]}]", `1:36: error: detail_type can become 129 characters long, at most 128 are allowed`, true},
		{"eventbridge-output=[{\"detail_type\":\"{schema_id}{schema_id}{operation}\"}]", `1:36: error: detail_type can become 134 characters long, at most 128 are allowed`, true},
		{"eventbridge-output=[{\"detail_type\":\"{schema_id}{schema_id}{operation}\",\"schema_names\":[\"a\"]}]", "", false},
		{"eventbridge-output=[{\"detail_type\":\"x\",\"schema_names\":[\"a\"],\"operations\":[\"PUT\",\"POST\"]}]", `1:36: warning: detail_type "x" is the same for several operations; add {operation}, or name one operation in operations`, false},
		{"eventbridge-output=[{\"detail_type\":\"x\",\"schema_names\":[\"a\"],\"operations\":[\"PUT\"]}]", "", false},
		{"eventbridge-output=[{\"detail_type\":\"{schema}.{schema_id}.{operation}\"}]", `1:36: warning: detail_type has an unknown placeholder "{schema}" (did you mean "{schema_id}"?), which stays as it is`, false},
	} {
		got, findings := parseText(c.text)
		if (got == nil) != c.refused {
			t.Errorf("%q: refused = %v: %q", c.text, got == nil, findings)
		}
		if c.want != "" && (len(findings) != 1 || findings[0] != file+c.want) {
			t.Errorf("%q:\n got %q\nwant %s", c.text, findings, file+c.want)
		}
		if c.want == "" && c.refused != (len(findings) == 1) {
			t.Errorf("%q: %q", c.text, findings)
		}
	}
}

func TestEveryBadRuleIsFound(t *testing.T) {
	_, findings := parseText("eventbridge-output=[{\"payload\":1},\n{\"metadata\":1, \"x\":2},\n7]\nx=[")
	want := []string{
		"acme/tenant.properties:1:32: error: payload must be a string",
		"acme/tenant.properties:2:13: error: metadata must be true or false",
		`acme/tenant.properties:2:16: error: an output rule has no field "x"; known are eventbridge_arn, source, detail_type, operations, schema_names, payload, metadata`,
		"acme/tenant.properties:3:1: error: an output rule must be an object, { … }",
		"acme/tenant.properties:4:3: error: '[' is never closed; it opened here, on line 4",
	}
	if diff := cmp.Diff(want, findings); diff != "" {
		t.Error(diff)
	}
}

func TestTooManyRules(t *testing.T) {
	rules := func(n int, extra string) string {
		return "eventbridge-output=[\n" + strings.Repeat("{\"schema_names\":[\"a\",\"b\"]},\n", n) + extra + "]"
	}
	if got, findings := parseText(rules(90, `{"schema_names":["c"]}`)); got == nil {
		t.Error("90 rules for a schema are refused:", findings)
	}
	got, findings := parseText(rules(90, `{"operations":["PATCH"]}`))
	want := []string{"acme/tenant.properties:92:1: error: 91 rules match a PATCH, at most 90 may"}
	if got != nil || !cmp.Equal(findings, want) {
		t.Errorf("91 rules: %q", findings)
	}
}

func TestOutputs(t *testing.T) {
	got, findings := parseText(`eventbridge-output=[
		{"schema_names":["a"], "operations":["POST"], "metadata":true},
		{"payload":"record"},
		{"source":"other"},
		{"detail_type":"a.{operation}", "schema_names":["a"]}]`)
	if findings != nil {
		t.Fatal(findings)
	}
	out := func(dt string, record, metadata bool) Output {
		return Output{Bus: localBus, Source: "blockforger-output", DetailType: events.DetailType(dt), Record: record, Metadata: metadata}
	}
	other := func(dt string) Output {
		return Output{Bus: localBus, Source: "other", DetailType: events.DetailType(dt)}
	}
	for _, c := range []struct {
		schema events.SchemaID
		op     events.Operation
		want   []Output
	}{
		{"a", events.Post, []Output{out("a.POST", false, true), other("a.POST")}},
		{"a", events.Put, []Output{out("a.PUT", true, false), other("a.PUT")}},
		{"b", events.Delete, []Output{out("b.DELETE", true, false), other("b.DELETE")}},
	} {
		if diff := cmp.Diff(c.want, outputs(got.rules, c.schema, c.op)); diff != "" {
			t.Errorf("%s %s: %s", c.schema, c.op, diff)
		}
	}
}

func TestBusPolicySwitchesOffOneRule(t *testing.T) {
	const far = "arn:aws:events:eu-west-1:123456789012:event-bus/far"
	p := policy{defaultBus: localBus, allow: func(tenant events.TenantID, source string, bus events.BusARN) error {
		if bus == far && source == "acme.x" && tenant == "acme" {
			return errors.New("it is not on the allow-list")
		}
		return nil
	}}
	text := fmt.Sprintf("eventbridge-output=[{},\n {\"source\":\"acme.x\",\"eventbridge_arn\":%q},\n {\"source\":\"acme.y\",\"eventbridge_arn\":%q}]", far, far)
	got, findings := parseTenant("acme", "f", []byte(text), p)
	want := []string{`f:2:2: error: the rule is switched off, bus ` + far + ` is not allowed for source "acme.x": it is not on the allow-list`}
	if got == nil || !cmp.Equal(texts(findings), want) {
		t.Fatalf("%v, %q", got, texts(findings))
	}
	outs := outputs(got.rules, "s", events.Post)
	if len(outs) != 2 || outs[0].Source != "blockforger-output" || outs[1].Source != "acme.y" {
		t.Errorf("outputs = %v", outs)
	}
	got, findings = parseTenant("acme", "f", []byte("eventbridge-results="+far), policy{allow: func(events.TenantID, string, events.BusARN) error { return errors.New("no") }})
	if got == nil || got.Results != "" || len(findings) != 1 || findings[0].Severity != diag.SeverityError {
		t.Errorf("results = %v, %v", got, findings)
	}
}

func FuzzTenant(f *testing.F) {
	f.Add("eventbridge-output=[{\"operations\":[\"PUT\"],\"schema_names\":[\"a.json\"],\"metadata\":true}]")
	f.Add("cors-origins=*\neventbridge-results=arn:aws:events:us-east-1:123456789012:event-bus/x\nrate-limit-per-second=1.")
	f.Fuzz(func(t *testing.T, text string) {
		got, findings := parseTenant("acme", "f", []byte(text), policy{defaultBus: localBus})
		_, refused := diag.FirstFatal(findings)
		if refused != (got == nil) {
			t.Fatalf("tenant %v with findings %v", got, findings)
		}
		if got == nil {
			return
		}
		for _, out := range outputs(got.rules, "schema", events.Delete) {
			if _, err := events.ParseBusARN(string(out.Bus)); err != nil || out.Source == events.InputSource || out.DetailType == "" {
				t.Fatalf("output %+v of %q", out, text)
			}
		}
	})
}
