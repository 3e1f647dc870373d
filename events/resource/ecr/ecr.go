// Package ecr leads from Amazon ECR's events to its images.
package ecr

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	ecrevents "github.com/blockforger/eventrouter/events/aws/ecr"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *ecr.Client { return ecr.NewFromConfig(cfg) }

// Image reads the image that an action was about, by its digest or else its tag.
func Image(ctx context.Context, c *resource.Clients[*ecr.Client], e *typed.Event[ecrevents.ImageAction]) (types.ImageDetail, error) {
	const op = "ecr.Image"
	repository := e.Detail.RepositoryName
	id := types.ImageIdentifier{ImageDigest: e.Detail.ImageDigest}
	if id.ImageDigest == nil {
		id.ImageTag = e.Detail.ImageTag
	}
	if repository == "" || aws.ToString(id.ImageDigest)+aws.ToString(id.ImageTag) == "" {
		return types.ImageDetail{}, resource.Unnamed("repository and image")
	}
	client, err := c.For(ctx, e.Raw())
	if err != nil {
		return types.ImageDetail{}, err
	}
	subject := "image " + aws.ToString(id.ImageDigest) + aws.ToString(id.ImageTag) + " of repository " + repository
	found, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &repository, ImageIds: []types.ImageIdentifier{id}})
	switch {
	case err != nil:
		return types.ImageDetail{}, resource.Failed(op, subject, err, "ImageNotFoundException", "RepositoryNotFoundException")
	case len(found.ImageDetails) == 0:
		return types.ImageDetail{}, resource.Gone(op, subject)
	}
	return found.ImageDetails[0], nil
}
