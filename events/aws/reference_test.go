package aws_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/events/typed"
)

// TestKindsWithResources counts the kinds of which the service specification says
// what resource they are about.
func TestKindsWithResources(t *testing.T) {
	tagged := 0
	for kind, decode := range aws.Events() {
		event, err := decode(events.Envelope{Source: kind.Source, DetailType: kind.DetailType, Detail: jsontext.Value(`{}`)})
		if err != nil {
			t.Errorf("%v: %v", kind, err)
			continue
		}
		if hasTag(reflect.ValueOf(event).Elem().FieldByName("Detail").Type()) {
			tagged++
		}
	}
	if tagged != 189 {
		t.Errorf("%d kinds have a member that holds a resource, want 189", tagged)
	}
}

func hasTag(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return hasTag(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).Tag.Get("cfn") != "" || hasTag(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

func TestResourcesOfSamples(t *testing.T) {
	samples, registry := sampleEvents(t), aws.Registry()
	for name, want := range map[string][]typed.Reference{
		"aws.s3@ObjectCreated-3.json:1": {{Type: "AWS::S3::Bucket", ID: "example-bucket", ARN: "arn:aws:s3:::example-bucket", Account: "123456789012", Region: "eu-west-1"}},
		"ecs-task-state-change.json:1": {
			{Type: "AWS::ECS::Cluster", ID: "shop", ARN: "arn:aws:ecs:us-west-2:111122223333:cluster/shop", Account: "111122223333", Region: "us-west-2"},
			{ARN: "arn:aws:ecs:us-west-2:111122223333:task/shop/c13b4cb40f1f4fe4a2971f76ae5a47ad", Account: "111122223333", Region: "us-west-2"}},
		"aws.codepipeline@CodePipelinePipelineExecutionStateChange-3.json:1": {
			{Type: "AWS::CodePipeline::Pipeline", ID: "myPipeline", ARN: "arn:aws:codepipeline:us-east-1:123456789012:pipeline:myPipeline", Account: "123456789012", Region: "us-east-1"}},
	} {
		event, err := registry.Decode(samples[name])
		if err != nil {
			t.Fatal(name, err)
		}
		if got := typed.Resources(event); !slices.Equal(got, want) {
			t.Errorf("%s refers to\n%+v, want\n%+v", name, got, want)
		}
	}
}
