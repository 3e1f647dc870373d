// Package codebuild leads from CodeBuild's events to its builds.
package codebuild

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	codebuildevents "github.com/blockforger/eventrouter/events/aws/codebuild"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *codebuild.Client { return codebuild.NewFromConfig(cfg) }

// Build reads the build whose state changed.
func Build(ctx context.Context, c *resource.Clients[*codebuild.Client], e *typed.Event[codebuildevents.BuildStateChange]) (types.Build, error) {
	const op = "codebuild.Build"
	id := e.Detail.BuildID
	if id == "" {
		return types.Build{}, resource.Unnamed("build")
	}
	client, err := c.For(ctx, e.Raw())
	if err != nil {
		return types.Build{}, err
	}
	found, err := client.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
	switch {
	case err != nil:
		return types.Build{}, resource.Failed(op, "build "+id, err)
	case len(found.Builds) == 0:
		return types.Build{}, resource.Gone(op, "build "+id)
	}
	return found.Builds[0], nil
}
