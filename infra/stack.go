package main

import (
	"fmt"
	"hash/fnv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
)

// NewRouterStack is everything of one environment in one account and region.
// It names neither account nor region, so that one template serves all.
func NewRouterStack(scope constructs.Construct, c Config, code Code) awscdk.Stack {
	stack := awscdk.NewStack(scope, jsii.String(c.Environment.Name(names.Stack)), &awscdk.StackProps{
		StackName:   jsii.String(c.Environment.Name(names.Stack)),
		Description: jsii.String("eventrouter, environment " + string(c.Environment)),
	})
	awscdk.Tags_Of(stack).Add(jsii.String("eventrouter:environment"), jsii.String(string(c.Environment)), &awscdk.TagProps{
		ExcludeResourceTypes: jsii.Strings("AWS::CloudWatch::Dashboard"), // not everywhere yet, and cfn-lint knows no tags there
	})

	input := NewInputBus(stack, c)
	key := NewSecretsKey(stack, c, input)
	backend := NewBackend(stack, c)
	failures := NewFailureQueue(stack, c, key)
	function := NewRouterFunction(stack, c, code, backend, failures)
	rule := NewInputRule(stack, c, input, key, function)
	relay := NewRelay(stack, c, code, backend, function)
	NewArchive(stack, c, input, key)
	NewPublishers(stack, c, input)
	var api *API
	if c.API {
		api = NewAPI(stack, c, function)
	}
	if c.TestFunction {
		NewTestFunction(stack, c, code)
	}
	NewObservability(stack, c, key, function, relay, rule, failures, backend, api)
	NewOutputs(stack, function, backend, rule, failures, api)
	return stack
}

// NewOutputs prints what a person or a script wants to know after a deployment.
func NewOutputs(scope constructs.Construct, function *Function, backend *Backend, rule *InputRule, failures *FailureQueue, api *API) {
	output := func(name string, value *string) {
		awscdk.NewCfnOutput(scope, jsii.String(name), &awscdk.CfnOutputProps{Value: value})
	}
	output("FunctionName", function.lambda.FunctionName())
	output("RoleArn", function.role.RoleArn())
	output("TableName", backend.Table.TableName())
	output("BucketName", backend.Bucket.BucketName())
	output("InputDeadLetterQueueUrl", rule.DeadLetters.QueueUrl())
	output("FailureQueueUrl", failures.Queue.QueueUrl())
	if api != nil {
		output("ApiUrl", api.URL)
	}
}

// arn names a resource in the stack's own account and region. Names are known
// before the resources are, so that policies can tell each other apart without
// a circle of references.
func arn(scope constructs.Construct, service, resource, name string) *string {
	return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name),
	})
}

// named is arn where a colon stands before the name.
func named(scope constructs.Construct, service, resource, name string) *string {
	return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// busARN is the ARN of a bus of the stack's own account and region.
func busARN(scope constructs.Construct, name string) *string {
	return arn(scope, "events", "event-bus", name)
}

// ruleARN is the ARN of a rule, which contains the bus unless it is the default one.
func ruleARN(scope constructs.Construct, bus, rule string) *string {
	if bus != names.DefaultBus {
		rule = bus + "/" + rule
	}
	return arn(scope, "events", "rule", rule)
}

// onBus is the name of something that is made anew when its bus changes, which
// CloudFormation does before it deletes the old one: names must differ by bus.
func onBus(name, bus string) string {
	if bus == names.DefaultBus {
		return name
	}
	return name + "-" + hash(bus)
}

// hash is 8 hexadecimal digits that stand for a long name.
func hash(s string) string {
	h := fnv.New32a()
	h.Write([]byte(s))
	return fmt.Sprintf("%08x", h.Sum32())
}

// requireOwn makes the deployment fail before it changes anything if an ARN in a
// context key is of another account or region: the template is for all, so that
// the synth cannot know.
func requireOwn(scope constructs.Construct, id, key string, b Bus) {
	if b.Account == "" {
		return
	}
	awscdk.NewCfnRule(awscdk.Stack_Of(scope), jsii.String(id), &awscdk.CfnRuleProps{Assertions: &[]*awscdk.CfnRuleAssertion{{
		Assert: awscdk.Fn_ConditionAnd(
			awscdk.Fn_ConditionEquals(awscdk.Aws_ACCOUNT_ID(), b.Account),
			awscdk.Fn_ConditionEquals(awscdk.Aws_REGION(), b.Region)),
		AssertDescription: jsii.String("context key " + key + ": the bus " + b.Name + " is in account " + b.Account + ", region " + b.Region +
			"; it must be in the account and region of the deployment"),
	}}})
}

// fromOwnAccount is the condition that keeps a service from being talked into
// using its rights for another account (the confused deputy).
func fromOwnAccount(scope constructs.Construct) map[string]any {
	return map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()}}
}
