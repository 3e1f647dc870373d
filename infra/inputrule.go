package main

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/deployment"
)

// InputRule takes input events from the bus to the function, directly or
// through a buffer.
type InputRule struct {
	DeadLetters awssqs.Queue // what no retry has delivered
	Buffer      awssqs.Queue // nil: direct
}

// NewInputRule makes the rule, its target and its queues.
func NewInputRule(parent constructs.Construct, c Config, input *InputBus, key awskms.Key, f *Function) *InputRule {
	scope := constructs.NewConstruct(parent, jsii.String("Input"))
	rule := input.RuleARN(scope, c.Environment.InputRule())
	r := &InputRule{DeadLetters: newQueue(scope, "DeadLetters", c.Environment.InputDLQ(), c, key, awssqs.QueueProps{})}
	acceptFrom(r.DeadLetters, "FromRule", scope, rule)
	except(r.DeadLetters, "AwsSolutions-SQS3", "This is the rule's dead-letter queue, which the linter cannot see.")

	resource := f.lambda.FunctionArn()
	if c.Buffered {
		r.Buffer = newBuffer(scope, c, key, f, r.DeadLetters)
		acceptFrom(r.Buffer, "FromRule", scope, rule)
		resource = r.Buffer.QueueArn()
	} else {
		f.invokedBy("InputRule", rule)
	}
	deliver := inputDelivery
	deliver.dead = r.DeadLetters
	cfn := awsevents.NewCfnRule(scope, jsii.String("Rule"), &awsevents.CfnRuleProps{
		Name:         jsii.String(c.Environment.InputRule()),
		Description:  jsii.String("input events to " + c.Environment.Function()),
		EventBusName: jsii.String(input.Name),
		EventPattern: eventPattern(deployment.InputPattern),
		State:        jsii.String("ENABLED"),
		Targets:      []any{target(resource, deliver)},
	})
	input.Before(cfn.Node())
	return r
}

const (
	// bufferVisibility is how long a batch is hidden while the function works on
	// it: AWS asks for six times the function's time-out at least.
	bufferVisibility = 6 * deployment.Timeout
	bufferBatch      = 10
	bufferReceives   = 5 // then the dead-letter queue gets the event
)

// newBuffer is the queue between rule and function: a burst waits in it instead
// of being throttled. Messages that failed are answered one by one.
func newBuffer(scope constructs.Construct, c Config, key awskms.Key, f *Function, dead awssqs.Queue) awssqs.Queue {
	buffer := newQueue(scope, "Buffer", c.Environment.InputBuffer(), c, key, awssqs.QueueProps{
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(float64(bufferVisibility / time.Second))),
		DeadLetterQueue:   &awssqs.DeadLetterQueue{Queue: dead, MaxReceiveCount: jsii.Number(bufferReceives)},
	})
	allow(f.role, "Buffer", []*string{buffer.QueueArn()},
		"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
	allow(f.role, "BufferKey", []*string{key.KeyArn()}, "kms:Decrypt")
	mapping := awslambda.NewCfnEventSourceMapping(scope, jsii.String("FromBuffer"), &awslambda.CfnEventSourceMappingProps{
		EventSourceArn:        buffer.QueueArn(),
		FunctionName:          f.lambda.FunctionName(),
		BatchSize:             jsii.Number(bufferBatch),
		FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
	})
	mapping.Node().AddDependency(f.role) // Lambda checks the rights when the mapping is made
	return buffer
}
