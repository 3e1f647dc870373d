package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

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
	q := newQueue(scope, "FailureQueue", c.Environment.FailureQueue(), c, key, awssqs.QueueProps{})
	except(q, "AwsSolutions-SQS3", "This is a dead-letter queue itself: Lambda sends to it, which the linter cannot see.")
	return &FailureQueue{q, key}
}

// Receive has the function's failures sent to the queue.
func (q *FailureQueue) Receive(scope constructs.Construct, f *Function) {
	allow(f.role, "Failures", []*string{q.Queue.QueueArn()}, "sqs:SendMessage")
	allow(f.role, "FailuresKey", []*string{q.key.KeyArn()}, keyUse...)
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
