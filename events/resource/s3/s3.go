// Package s3 leads from S3's events to its objects.
package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/events"
	s3events "github.com/blockforger/eventrouter/events/aws/s3"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *s3.Client { return s3.NewFromConfig(cfg) }

// CreatedHead reads the head of an object that was created. By then it may be
// another one of the same key: compare the ETag with the event's.
func CreatedHead(ctx context.Context, c *resource.Clients[*s3.Client], e *typed.Event[s3events.ObjectCreated]) (*s3.HeadObjectOutput, error) {
	return head(ctx, c, e.Raw(), e.Detail.Bucket.Name, e.Detail.Object.Key)
}

// RestoredHead reads the head of an object that was restored.
func RestoredHead(ctx context.Context, c *resource.Clients[*s3.Client], e *typed.Event[s3events.ObjectRestoreCompleted]) (*s3.HeadObjectOutput, error) {
	return head(ctx, c, e.Raw(), e.Detail.Bucket.Name, e.Detail.Object.Key)
}

func head(ctx context.Context, c *resource.Clients[*s3.Client], e *events.Envelope, bucket, key string) (*s3.HeadObjectOutput, error) {
	if bucket == "" || key == "" {
		return nil, resource.Unnamed("object")
	}
	client, err := c.For(ctx, e)
	if err != nil {
		return nil, err
	}
	found, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, resource.Failed("s3.Head", "object "+key+" of bucket "+bucket, err, "NotFound", "NoSuchKey", "NoSuchBucket")
	}
	return found, nil
}
