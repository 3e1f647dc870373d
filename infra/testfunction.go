package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/deployment"
)

// testDelivery: what the test function misses is no loss.
var testDelivery = delivery{retries: 2, age: 60 * 60}

// NewTestFunction shows what the router publishes to the account's default bus:
// a rule of its own, and a function that writes each event to its log.
func NewTestFunction(parent constructs.Construct, c Config, code Code) {
	scope := constructs.NewConstruct(parent, jsii.String("TestFunction"))
	f := newFunction(scope, c, functionProps{
		name:        c.Environment.TestFunction(),
		role:        c.Environment.TestRole(*awscdk.Stack_Of(scope).Region()),
		code:        code.Test,
		description: "writes output events of eventrouter " + string(c.Environment) + " to its log, and does nothing else",
		timeout:     5 * time.Second,
		memory:      128,
		environment: map[string]*string{deployment.EnvEnvironment: jsii.String(string(c.Environment))},
	})
	awsevents.NewCfnRule(scope, jsii.String("Rule"), &awsevents.CfnRuleProps{
		Name:         jsii.String(c.Environment.TestRule()),
		Description:  jsii.String("output events to " + c.Environment.TestFunction()),
		EventBusName: jsii.String(deployment.DefaultBus),
		EventPattern: eventPattern(deployment.TestPattern),
		State:        jsii.String("ENABLED"),
		Targets:      []any{target(f.lambda.FunctionArn(), testDelivery)},
	})
	f.invokedBy("TestRule", arn(scope, "events", "rule", c.Environment.TestRule()))
}
