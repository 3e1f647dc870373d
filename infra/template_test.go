package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
)

const testBuild = "testdata/build"

func TestMain(m *testing.M) {
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// template is a synthesized template, as the JSON that it is.
type template map[string]any

type resource = map[string]any

// all turns on everything that a context key can turn on.
var all = map[string]any{
	"environment":           "prod",
	"publisherAccounts":     "111122223333,444455556666",
	"publisherOrganization": "o-a1b2c3d4e5",
	"outputBuses": []any{
		"arn:aws:events:us-east-1:777788889999:event-bus/orders",
		"arn:aws:events:eu-west-1:777788889999:event-bus/default",
		map[string]any{"arn": "arn:aws:events:us-east-1:123456789012:event-bus/own", "tenants": []any{"acme"}, "sources": []any{"acme.orders", "acme.stock"}},
	},
	"logRetentionDays":    float64(90),
	"alarmEmail":          "ops@example.com",
	"markDays":            "12",
	"archiveDays":         "7",
	"inputBuffer":         "sqs",
	"inputBus":            "dedicated",
	"reservedConcurrency": float64(50),
	"removalPolicy":       "destroy",
	"testFunction":        true,
}

// A synth costs a second: tests share these.
var (
	plain    = sync.OnceValue(func() template { return mustSynth(nil) })
	complete = sync.OnceValue(func() template { return mustSynth(all) })
)

func mustSynth(values map[string]any) template {
	t, err := synth(values)
	if err != nil {
		panic(err)
	}
	return t
}

func synth(values map[string]any) (template, error) {
	app := newApp()
	if err := define(app, values, testBuild); err != nil {
		return nil, err
	}
	stack := (*app.Node().Children())[0].(awscdk.Stack)
	return template(*assertions.Template_FromStack(stack, nil).ToJSON()), nil
}

// newApp is an app with the settings of cdk.json.
func newApp() awscdk.App {
	return awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), TreeMetadata: jsii.Bool(false)})
}

// of lists the resources of a type by their logical ids.
func (t template) of(kind string) map[string]resource {
	out := map[string]resource{}
	for id, r := range t["Resources"].(map[string]any) {
		if r := r.(map[string]any); r["Type"] == kind {
			out[id] = r
		}
	}
	return out
}

// named finds the one resource of a type whose property has this value.
func (t template) named(tt *testing.T, kind, property, value string) resource {
	tt.Helper()
	for _, r := range t.of(kind) {
		if text(at(r, "Properties", property)) == value {
			return r
		}
	}
	tt.Fatalf("no %s has %s %q", kind, property, value)
	return nil
}

// id is the logical id of a resource.
func (t template) id(r resource) string {
	for id, other := range t["Resources"].(map[string]any) {
		if fmt.Sprintf("%p", other) == fmt.Sprintf("%p", r) {
			return id
		}
	}
	return ""
}

// at walks down members and elements.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// text writes a value as a person would: intrinsic functions resolved as far as
// they can be, ${Name} for a reference.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		var parts []string
		for _, one := range v {
			parts = append(parts, text(one))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return "${" + strings.TrimPrefix(ref, "AWS::") + "}"
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok {
			return "${" + text(get[0]) + "." + text(get[1]) + "}"
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var b strings.Builder
			for _, one := range join[1].([]any) {
				b.WriteString(text(one))
			}
			return b.String()
		}
	}
	out, _ := json.Marshal(v)
	return string(out)
}

// list is a value that CloudFormation lets be one or many.
func list(v any) []any {
	if many, ok := v.([]any); ok {
		return many
	}
	return []any{v}
}

// statements lists every statement of every policy in the template, with the
// resource that it belongs to.
func (t template) statements() (out []statement) {
	resources := t["Resources"].(map[string]any)
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		r := resources[id].(map[string]any)
		for _, member := range []string{"PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy"} {
			for _, s := range list(at(r, "Properties", member, "Statement")) {
				if s != nil {
					out = append(out, statement{id, r["Type"].(string), s.(map[string]any)})
				}
			}
		}
		if s := at(r, "Properties", "Statement"); s != nil {
			out = append(out, statement{id, r["Type"].(string), s.(map[string]any)})
		}
	}
	return out
}

type statement struct {
	owner, kind string
	body        map[string]any
}

func (s statement) sid() string       { return text(s.body["Sid"]) }
func (s statement) actions() []any    { return list(s.body["Action"]) }
func (s statement) principal() string { return text(at(s.body, "Principal", "Service")) }
