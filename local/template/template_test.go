package template

import (
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
)

var place = Place{Account: "000000000000", Region: "us-east-1", QueueURL: "http://localhost"}

func TestReferences(t *testing.T) {
	for given, want := range map[string]string{
		`{"a":1.10,"b":[true,null],"c":{}}`: `{"a":1.10,"b":[true,null],"c":{}}`,
		`{"Ref":"Queue"}`:                   `"http://localhost/000000000000/jobs"`,
		`{"Fn::GetAtt":["Queue","Arn"]}`:    `"arn:aws:sqs:us-east-1:000000000000:jobs"`,
		`{"Fn::GetAtt":["Rule","Arn"]}`:     `"arn:aws:events:us-east-1:000000000000:rule/orders/Rule"`,
		`{"Fn::GetAtt":["Bus","Name"]}`:     `"orders"`,
		`{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":",{"Ref":"AWS::Region"}]]}`: `"arn:aws:us-east-1"`,
		`{"Fn::Sub":"${AWS::AccountId}/${Bus}/${Queue.Arn}/${!x}"}`:                     `"000000000000/orders/arn:aws:sqs:us-east-1:000000000000:jobs/${x}"`,
		`{"Fn::Sub":["${a}-${Stage}",{"a":{"Ref":"Bus"}}]}`:                             `"orders-dev"`,
		`{"a":{"Ref":"AWS::NoValue"},"b":[{"Ref":"AWS::NoValue"},1]}`:                   `{"b":[1]}`,
	} {
		stack := parse(t, given)
		got, err := stack.Resources("Test", "P")
		if err != nil || string(got[0].Properties) != `{"P":`+want+`}` {
			t.Errorf("%s: %v, %v", given, got, err)
		}
	}
}

func TestBadReferences(t *testing.T) {
	for _, given := range []string{`{"Ref":"Nobody"}`, `{"Ref":7}`, `{"Fn::GetAtt":["Queue"]}`, `{"Fn::GetAtt":["Nobody","Arn"]}`, `{"Fn::GetAtt":["Test","Arn"]}`,
		`{"Fn::Join":["-"]}`, `{"Fn::Join":["-",[{}]]}`, `{"Fn::Join":[7,[]]}`, `{"Fn::Sub":"${Queue"}`, `{"Fn::Sub":"${Nobody}"}`, `{"Fn::Sub":["a"]}`,
		`{"Fn::Sub":7}`, `{"Fn::ImportValue":"x"}`, `{"Ref":"Ring"}`} {
		if got, err := parse(t, given).Resources("Test", "P"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "Test Test: ") {
			t.Errorf("%s: %v, %v", given, got, err)
		}
	}
	for _, text := range []string{"", "{}", "[]", "Resources:\n  yaml: true", `{"Resources":{}}`, `{"Resources":{"a":7}}`} {
		if _, err := Parse([]byte(text), place); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func parse(t *testing.T, property string) *Template {
	t.Helper()
	stack, err := Parse([]byte(`{"Parameters":{"Stage":{"Type":"String","Default":"dev"}},"Resources":{
		"Bus":{"Type":"AWS::Events::EventBus","Properties":{"Name":"orders"}},
		"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"jobs"}},
		"Rule":{"Type":"AWS::Events::Rule","Properties":{"EventBusName":{"Ref":"Bus"}}},
		"Ring":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":{"Fn::GetAtt":["Gnir","QueueName"]}}},
		"Gnir":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":{"Fn::GetAtt":["Ring","QueueName"]}}},
		"Test":{"Type":"Test","Properties":{"P":`+property+`}}}}`), place)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}
