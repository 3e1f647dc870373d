// Package states leads from Step Functions' events to its executions.
package states

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	statesevents "github.com/blockforger/eventrouter/events/aws/states"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *sfn.Client { return sfn.NewFromConfig(cfg) }

// Execution reads the execution whose status changed.
func Execution(ctx context.Context, c *resource.Clients[*sfn.Client], e *typed.Event[statesevents.StepFunctionsExecutionStatusChange]) (*sfn.DescribeExecutionOutput, error) {
	arn := string(e.Detail.ExecutionARN)
	if arn == "" {
		return nil, resource.Unnamed("execution")
	}
	client, err := c.For(ctx, e.Raw())
	if err != nil {
		return nil, err
	}
	found, err := client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	if err != nil {
		return nil, resource.Failed("states.Execution", "execution "+arn, err, "ExecutionDoesNotExist")
	}
	return found, nil
}
