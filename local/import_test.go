package local_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/local/template"
)

var here = template.Place{Account: "000000000000", Region: "us-east-1", QueueURL: "http://localhost"}

// What the stack would deploy is what runs here: an input event of the golden
// template reaches the function that its rule names.
func TestImportOfTheStack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ environment, bus string }{{"dev", "default"}, {"prod", "eventrouter-prod"}} {
		text, err := os.ReadFile("../infra/testdata/golden/EventRouter-" + c.environment + ".template.json")
		if err != nil {
			t.Fatal(err)
		}
		stack, err := template.Parse(text, here)
		if err != nil {
			t.Fatal(err)
		}
		functions, err := stack.Names("AWS::Lambda::Function")
		if err != nil || len(functions) != 3 {
			t.Fatal(functions, err)
		}
		box := &inbox{}
		m := start(t, t.TempDir(), local.Options{EnforcePermissions: true}, func(s *local.Server) {
			for _, f := range functions {
				s.Functions.Register(f, box.handle)
			}
			for range 2 { // and again, as at the next start
				leftOut, err := s.Import(context.Background(), stack)
				if err != nil || !strings.Contains(strings.Join(leftOut, " "), "AWS::DynamoDB::Table") || strings.Contains(strings.Join(leftOut, " "), "Rule") {
					t.Fatal(leftOut, err)
				}
			}
		})
		rules, archives := m.EventBridge.Rules(), 0
		if out, err := m.EventBridge.ListArchives(t.Context(), &eventbridge.ListArchivesInput{}); err == nil {
			archives = len(out.Archives)
		}
		if len(rules) != 3 || archives != 1 {
			t.Errorf("%s: rules %+v, %d archives", c.environment, rules, archives)
		}
		e := entry("blockforger-output", "pet.POST", `{}`)
		put(t, m.client(), e)
		eventually(t, "the test function has the event", func() bool { return len(box.got()) == 1 })

		verdicts, err := m.EventBridge.Explain(&eventbridge.PutEventsRequestEntry{EventBusName: c.bus, Source: "blockforger-input", DetailType: "pet.POST",
			Detail: `{"tenant":"a","rootSchema":"pet","api_key":"k"}`})
		matched := ""
		for _, v := range verdicts {
			if v.Matches {
				for _, r := range rules {
					if r.Name == v.Rule {
						matched += r.Name + " -> " + strings.Join(r.Targets, ",")
					}
				}
			}
		}
		want := map[string]string{
			"dev":  "eventrouter-input-dev -> arn:aws:lambda:us-east-1:000000000000:function:eventrouter-dev",
			"prod": "eventrouter-input-prod -> arn:aws:sqs:us-east-1:000000000000:eventrouter-input-prod",
		}[c.environment]
		if err != nil || matched != want {
			t.Errorf("%q, want %q; %v", matched, want, err)
		}
	}
}

func TestImportOfWhatIsWrong(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	for resource, want := range map[string]string{
		`"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":"a"}}`:                                                          "Event pattern is not valid",
		`"Type":"AWS::Events::Rule","Properties":{"EventBusName":"nowhere","EventPattern":{"source":["a"]}}`:                               "nowhere",
		`"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["a"]},"Targets":[{"Id":"1","Arn":{"Fn::GetAtt":["x","No"]}}]}`: "Fn::GetAtt x.No is not known here",
		`"Type":"AWS::Events::Rule","Properties":{"EventPattern":7,"Targets":7}`:                                                           "its properties are not those",
		`"Type":"AWS::Lambda::Permission","Properties":{"FunctionName":"nobody","Action":"lambda:InvokeFunction","Principal":"*"}`:         "Function not found",
		`"Type":"AWS::SQS::Queue","Properties":{"QueueName":"no blanks"}`:                                                                  "Can only include",
		`"Type":"AWS::SQS::Queue","Properties":{"QueueName":{"Fn::GetAtt":["x","QueueName"]}}`:                                             "refers to itself",
	} {
		stack, err := template.Parse([]byte(`{"Resources":{"x":{`+resource+`}}}`), here)
		if err == nil {
			_, err = m.Import(t.Context(), stack)
		}
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.MessageOf(err), want) || !strings.Contains(fault.MessageOf(err), " x: ") {
			t.Errorf("%s: %v", resource, err)
		}
	}
}
