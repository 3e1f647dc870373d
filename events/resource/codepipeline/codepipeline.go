// Package codepipeline leads from CodePipeline's events to its executions.
package codepipeline

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"github.com/blockforger/eventrouter/events"
	pipelineevents "github.com/blockforger/eventrouter/events/aws/codepipeline"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *codepipeline.Client { return codepipeline.NewFromConfig(cfg) }

// Execution reads the execution whose state changed.
func Execution(ctx context.Context, c *resource.Clients[*codepipeline.Client], e *typed.Event[pipelineevents.PipelineExecutionStateChange]) (*types.PipelineExecution, error) {
	return execution(ctx, c, e.Raw(), e.Detail.Pipeline, e.Detail.ExecutionID)
}

// StageExecution reads the execution that the stage is of.
func StageExecution(ctx context.Context, c *resource.Clients[*codepipeline.Client], e *typed.Event[pipelineevents.StageExecutionStateChange]) (*types.PipelineExecution, error) {
	return execution(ctx, c, e.Raw(), e.Detail.Pipeline, e.Detail.ExecutionID)
}

func execution(ctx context.Context, c *resource.Clients[*codepipeline.Client], e *events.Envelope, pipeline, id string) (*types.PipelineExecution, error) {
	const op = "codepipeline.Execution"
	if pipeline == "" || id == "" {
		return nil, resource.Unnamed("pipeline and execution")
	}
	client, err := c.For(ctx, e)
	if err != nil {
		return nil, err
	}
	subject := "execution " + id + " of pipeline " + pipeline
	found, err := client.GetPipelineExecution(ctx, &codepipeline.GetPipelineExecutionInput{PipelineName: &pipeline, PipelineExecutionId: &id})
	switch {
	case err != nil:
		return nil, resource.Failed(op, subject, err, "PipelineNotFoundException", "PipelineExecutionNotFoundException")
	case found.PipelineExecution == nil:
		return nil, resource.Gone(op, subject)
	}
	return found.PipelineExecution, nil
}
