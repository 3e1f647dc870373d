package main

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
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
// package names, so that stack and `eventrouter serve` share it to the byte.
func eventPattern(text string) any {
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic("event pattern of package names: " + err.Error())
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

// InputRule takes input events from the bus to the function, directly or
// through a buffer.
type InputRule struct {
	DeadLetters awssqs.Queue // what no retry has delivered
	Buffer      awssqs.Queue // nil: direct
}

// NewInputRule makes the rule, its target and its queues.
func NewInputRule(parent constructs.Construct, c Config, input *InputBus, key awskms.Key, f *Function) *InputRule {
	scope := constructs.NewConstruct(parent, jsii.String("Input"))
	rule := input.RuleARN(scope, c.Environment.Name(names.InputRule))
	r := &InputRule{DeadLetters: newQueue(scope, "DeadLetters", c.Environment.Name(names.InputDLQ), c, key, awssqs.QueueProps{})}
	acceptFrom(r.DeadLetters, "FromRule", scope, rule)
	except(r.DeadLetters, "AwsSolutions-SQS3", "This is the rule's dead-letter queue, which the linter cannot see.")

	resource := f.lambda.FunctionArn()
	if c.Buffered || c.Draining {
		r.Buffer = newBuffer(scope, c, key, f, r.DeadLetters)
	}
	if c.Buffered {
		acceptFrom(r.Buffer, "FromRule", scope, rule)
		resource = r.Buffer.QueueArn()
	} else {
		f.invokedBy("InputRule", rule)
	}
	deliver := inputDelivery
	deliver.dead = r.DeadLetters
	to := target(resource, deliver)
	if c.Buffered {
		// A tenant is a group, so that SQS's fair queues keep one that sends much from
		// delaying the others.
		to.SqsParameters = &awsevents.CfnRule_SqsParametersProperty{MessageGroupId: jsii.String("$.detail.tenant")}
	}
	cfn := awsevents.NewCfnRule(scope, jsii.String("Rule"), &awsevents.CfnRuleProps{
		Name:         jsii.String(c.Environment.Name(names.InputRule)),
		Description:  jsii.String("input events to " + c.Environment.Name(names.Function)),
		EventBusName: jsii.String(input.Name),
		EventPattern: eventPattern(names.InputPattern),
		State:        jsii.String("ENABLED"),
		Targets:      []any{to},
	})
	input.Before(cfn.Node())
	return r
}

const (
	// bufferVisibility is how long a batch is hidden while the function works on
	// it: AWS asks for six times the function's time-out at least.
	bufferVisibility = 6 * names.Timeout
	bufferBatch      = 10
	// bufferReceives is after how many the dead-letter queue gets the event. Reads
	// that Lambda throttles count too, so that it is high; times the visibility it
	// is 5 hours, less than the shortest retention of the queue.
	bufferReceives = 100
)

// newBuffer is the queue between rule and function: a burst waits in it instead
// of being throttled. Messages that failed are answered one by one.
func newBuffer(scope constructs.Construct, c Config, key awskms.Key, f *Function, dead awssqs.Queue) awssqs.Queue {
	buffer := newQueue(scope, "Buffer", c.Environment.Name(names.InputBuffer), c, key, awssqs.QueueProps{
		VisibilityTimeout: awscdk.Duration_Seconds(jsii.Number(float64(bufferVisibility / time.Second))),
		DeadLetterQueue:   &awssqs.DeadLetterQueue{Queue: dead, MaxReceiveCount: jsii.Number(bufferReceives)},
	})
	buffer.ApplyRemovalPolicy(removal(c)) // it may hold events when inputBuffer changes
	allow(f.role, "Buffer", []*string{buffer.QueueArn()},
		"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
	mapping := awslambda.NewCfnEventSourceMapping(scope, jsii.String("FromBuffer"), &awslambda.CfnEventSourceMappingProps{
		EventSourceArn:        buffer.QueueArn(),
		FunctionName:          f.lambda.FunctionName(),
		BatchSize:             jsii.Number(bufferBatch),
		FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
		ScalingConfig: &awslambda.CfnEventSourceMapping_ScalingConfigProperty{
			MaximumConcurrency: jsii.Number(c.BufferConcurrency),
		},
	})
	mapping.Node().AddDependency(f.role) // Lambda checks the rights when the mapping is made
	return buffer
}

// newQueue makes a queue for input events: encrypted with our key, by TLS only,
// and kept for less than marks are.
func newQueue(scope constructs.Construct, id, name string, c Config, key awskms.Key, props awssqs.QueueProps) awssqs.Queue {
	props.QueueName = jsii.String(name)
	props.Encryption = awssqs.QueueEncryption_KMS
	props.EncryptionMasterKey = key
	props.DataKeyReuse = awscdk.Duration_Hours(jsii.Number(1))
	props.EnforceSSL = jsii.Bool(true)
	props.RetentionPeriod = awscdk.Duration_Days(jsii.Number(c.QueueDays()))
	props.RemovalPolicy = awscdk.RemovalPolicy_DESTROY
	return awssqs.NewQueue(scope, jsii.String(id), &props)
}

// FailureQueue gets the records of invocations that failed for good.
type FailureQueue struct {
	Queue awssqs.Queue
	key   awskms.Key
}

// How Lambda tries an event again that the function failed on.
const (
	functionRetries  = 2
	functionEventAge = 6 * 60 * 60 // seconds: what Lambda allows at most
)

// NewFailureQueue makes the queue.
func NewFailureQueue(scope constructs.Construct, c Config, key awskms.Key) *FailureQueue {
	q := newQueue(scope, "FailureQueue", c.Environment.Name(names.FailureQueue), c, key, awssqs.QueueProps{})
	except(q, "AwsSolutions-SQS3", "This is a dead-letter queue itself: Lambda sends to it, which the linter cannot see.")
	return &FailureQueue{q, key}
}

// Receive has the function's failures sent to the queue.
func (q *FailureQueue) Receive(scope constructs.Construct, f *Function) {
	allow(f.role, "Failures", []*string{q.Queue.QueueArn()}, "sqs:SendMessage")
	allow(f.role, "QueuesKey", []*string{q.key.KeyArn()}, keyUse...) // to send failures and to read the buffer
	awslambda.NewCfnEventInvokeConfig(scope, jsii.String("Retries"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName:             f.lambda.FunctionName(),
		Qualifier:                jsii.String("$LATEST"),
		MaximumRetryAttempts:     jsii.Number(functionRetries),
		MaximumEventAgeInSeconds: jsii.Number(functionEventAge),
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: q.Queue.QueueArn()},
		},
	})
}
