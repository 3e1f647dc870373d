package typed_test

import (
	"context"
	"fmt"

	"github.com/blockforger/eventrouter/events/aws/ecs"
	"github.com/blockforger/eventrouter/events/typed"
)

func ExampleOn() {
	consumer := typed.On(typed.NewRegistry(ecs.Events()), func(ctx context.Context, change ecs.TaskStateChange) error {
		fmt.Println(typed.Envelope(ctx).Region, change.TaskARN.Resource(), "is", change.LastStatus)
		return nil
	})
	consumer = consumer.Otherwise(func(_ context.Context, e typed.Decoded) error {
		fmt.Println("no handler for", e.Raw().DetailType)
		return nil
	})
	response, err := consumer.Handle(context.Background(), []byte(`{"Records":[
		{"messageId":"m1","body":"{\"source\":\"aws.ecs\",\"detail-type\":\"ECS Task State Change\",\"region\":\"eu-west-1\",\"detail\":{\"taskArn\":\"arn:aws:ecs:eu-west-1:111122223333:task/shop/1\",\"lastStatus\":\"RUNNING\"}}"},
		{"messageId":"m2","body":"{\"source\":\"shop\",\"detail-type\":\"Order Paid\",\"detail\":{}}"},
		{"messageId":"m3","body":"not an event"}]}`))
	fmt.Println(response.BatchItemFailures, err)
	// Output:
	// eu-west-1 task/shop/1 is RUNNING
	// no handler for Order Paid
	// [{m3}] <nil>
}
