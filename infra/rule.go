package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// delivery is how EventBridge tries a target again.
type delivery struct {
	retries int
	age     int // seconds
	dead    awssqs.IQueue
}

// Input events are tried for as long as EventBridge can.
var inputDelivery = delivery{retries: 185, age: 24 * 60 * 60}

// target sends what a rule matches to a function or a queue.
func target(resource *string, d delivery) *awsevents.CfnRule_TargetProperty {
	t := &awsevents.CfnRule_TargetProperty{
		Id:  jsii.String("Target"),
		Arn: resource,
		RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
			MaximumRetryAttempts:     jsii.Number(d.retries),
			MaximumEventAgeInSeconds: jsii.Number(d.age),
		},
	}
	if d.dead != nil {
		t.DeadLetterConfig = &awsevents.CfnRule_DeadLetterConfigProperty{Arn: d.dead.QueueArn()}
	}
	return t
}

// eventPattern is an event pattern as the template wants it. It is one of ours, from
// package deployment, so that stack and `eventrouter serve` share it to the byte.
func eventPattern(text string) any {
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic("event pattern of package deployment: " + err.Error())
	}
	return v
}

// invokedBy lets one rule invoke the function.
func (f *Function) invokedBy(id string, rule *string) {
	f.lambda.AddPermission(jsii.String(id), &awslambda.Permission{
		Principal:     awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil),
		SourceArn:     rule,
		SourceAccount: awscdk.Stack_Of(f.lambda).Account(),
	})
}

// acceptFrom lets one rule send to the queue.
func acceptFrom(q awssqs.Queue, sid string, scope constructs.Construct, rule *string) {
	q.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String(sid),
		Principals: &[]awsiam.IPrincipal{service("events")},
		Actions:    jsii.Strings("sqs:SendMessage"),
		Resources:  &[]*string{q.QueueArn()},
		Conditions: &map[string]any{
			"ArnEquals":    map[string]any{"aws:SourceArn": rule},
			"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()},
		},
	}))
}
