package aws_test

import (
	"fmt"
	"os"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/events/aws/s3"
	"github.com/blockforger/eventrouter/events/typed"
)

func ExampleRegistry() {
	data, err := os.ReadFile("testdata/aws.s3@ObjectCreated-3.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	envelope, err := events.DecodeEnvelope(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := aws.Registry().Decode(envelope)
	if err != nil {
		fmt.Println(err)
		return
	}
	if created, ok := typed.As[s3.ObjectCreated](event); ok {
		fmt.Println(created.Region, created.Detail.Bucket.Name, created.Detail.Object.Size)
	}
	fmt.Println(event)
	// Output:
	// eu-west-1 example-bucket 184662
	// Object Created from aws.s3, id f5f1e65c-dc3a-93ca-6c1e-b1647eac7963: s3://example-bucket/IMG_m7fzo3.jpg
}
