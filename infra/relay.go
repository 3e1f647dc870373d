package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// A run of the relay that is late is not worth a second try: the next one is a
// minute away, and the alarm on the relay's lag sees that none came.
var relayDelivery = delivery{retries: 0, age: 60}

// NewRelaySchedule runs the relay every minute.
func NewRelaySchedule(parent constructs.Construct, c Config, f *Function) {
	scope := constructs.NewConstruct(parent, jsii.String("Relay"))
	awsevents.NewCfnRule(scope, jsii.String("Schedule"), &awsevents.CfnRuleProps{
		Name:               jsii.String(c.Environment.RelayRule()),
		Description:        jsii.String("has " + c.Environment.Function() + " publish what was left behind, and fold bills"),
		ScheduleExpression: jsii.String("rate(1 minute)"),
		State:              jsii.String("ENABLED"),
		Targets:            []any{target(f.lambda.FunctionArn(), relayDelivery)},
	})
	f.invokedBy("RelaySchedule", arn(scope, "events", "rule", c.Environment.RelayRule()))
}
