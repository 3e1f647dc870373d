package typed_test

import (
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
)

type deployed struct {
	Cluster events.ARN `json:"cluster" cfn:"AWS::ECS::Cluster"`
	Bucket  *struct {
		Name string `json:"name" cfn:"AWS::S3::Bucket"`
	} `json:"bucket,omitzero"`
	Queues []string                    `json:"queues,omitzero" cfn:"AWS::SQS::Queue"`
	Named  map[string]deployedInstance `json:"named,omitzero"`
	Either *events.StringOrNumber      `json:"either,omitzero" cfn:"AWS::X::Thing"`
	Maybe  events.Nullable[string]     `json:"maybe,omitzero" cfn:"AWS::X::Thing"`
	Self   *deployed                   `json:"self,omitzero"`
	Free   string                      `json:"free"`

	Unknown typed.Unknown `json:"-"`
}

type deployedInstance struct {
	ID string `json:"id" cfn:"AWS::EC2::Instance"`

	Unknown typed.Unknown `json:"-"`
}

func TestResources(t *testing.T) {
	const account, region = "111122223333", "eu-west-1"
	here := func(cloudFormation, id, arn string) typed.Reference {
		return typed.Reference{Type: cloudFormation, ID: id, ARN: events.ARN(arn), Account: account, Region: region}
	}
	r := typed.NewRegistry(typed.Map{{Source: "s", DetailType: "t"}: typed.Decode[deployed]}, typed.RouterEvents())
	for name, c := range map[string]struct {
		source, detail string
		resources      []string
		want           []typed.Reference
	}{
		"nothing": {"s", `{"cluster":"","free":"i-0abcd1234"}`, nil, nil},
		"by the tag": {"s", `{"cluster":"arn:aws:ecs:us-east-1:999999999999:cluster/shop","bucket":{"name":"b"},"queues":["q1","q2"],"either":7,"maybe":"m","self":{"cluster":"x"}}`, nil,
			[]typed.Reference{{Type: "AWS::ECS::Cluster", ID: "shop", ARN: "arn:aws:ecs:us-east-1:999999999999:cluster/shop", Account: "999999999999", Region: "us-east-1"},
				here("AWS::S3::Bucket", "b", ""), here("AWS::SQS::Queue", "q1", ""), here("AWS::SQS::Queue", "q2", ""),
				here("AWS::X::Thing", "7", ""), here("AWS::X::Thing", "m", ""), here("AWS::ECS::Cluster", "x", "")}},
		"in a map, in order": {"s", `{"named":{"b":{"id":"i-2"},"a":{"id":"i-1"}}}`, nil,
			[]typed.Reference{here("AWS::EC2::Instance", "i-1", ""), here("AWS::EC2::Instance", "i-2", "")}},
		"one resource twice": {"s", `{"named":{"a":{"id":"i-1"},"b":{"id":"i-1"}},"bucket":{"name":"b"}}`,
			[]string{"arn:aws:ec2:us-east-2:111122223333:instance/i-1", "arn:aws:s3:::b", "arn:aws:s3:::b"},
			[]typed.Reference{here("AWS::S3::Bucket", "b", "arn:aws:s3:::b"),
				{Type: "AWS::EC2::Instance", ID: "i-1", ARN: "arn:aws:ec2:us-east-2:111122223333:instance/i-1", Account: account, Region: "us-east-2"}}},
		"ARNs alone": {"unknown", `{}`, []string{"arn:aws:states:us-east-1:111122223333:stateMachine:m", "arn:aws:ecr:eu-west-1:111122223333:repository/team/app",
			"arn:aws:ecs:eu-west-1:111122223333:task/shop/c13b4cb4", "arn:aws:nosuch:eu-west-1::x", "arn:aws:s3:::b/key", "plain", ""},
			[]typed.Reference{{Type: "AWS::StepFunctions::StateMachine", ID: "m", ARN: "arn:aws:states:us-east-1:111122223333:stateMachine:m", Account: account, Region: "us-east-1"},
				here("AWS::ECR::Repository", "team/app", "arn:aws:ecr:eu-west-1:111122223333:repository/team/app"),
				here("", "", "arn:aws:ecs:eu-west-1:111122223333:task/shop/c13b4cb4"), here("", "", "arn:aws:nosuch:eu-west-1::x"),
				here("", "", "arn:aws:s3:::b/key"), here("", "plain", "")}},
		"a record of the router": {events.OutputSource, `{"tenant":"acme","rootSchema":"pet","operation":"POST","payload":{}}`, []string{"/acme/pet/rex"},
			[]typed.Reference{here(typed.Record, "/acme/pet/rex", "")}},
	} {
		event, err := r.Decode(events.Envelope{Source: c.source, DetailType: "t", Account: account, Region: region, Resources: c.resources, Detail: jsontext.Value(c.detail)})
		if err != nil {
			t.Fatal(name, err)
		}
		if got := typed.Resources(event); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, got, c.want)
		}
	}
}
