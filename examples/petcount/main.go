// Command petcount is a Lambda function behind a rule on output events: it
// counts the pets that were created, each once, even if its event is redelivered.
//
// The output rule needs "metadata": true, so that events have an id. The table
// needs a string key "id"; the environment variable TABLE names it.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
)

type pet struct {
	Name string `json:"name"`
}

var registry = typed.NewRegistry(typed.OutputEventsOf[pet](events.OutputSource, "petstore", events.Post))

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	consumer := newConsumer(seen{client: dynamodb.NewFromConfig(cfg), table: os.Getenv("TABLE")})
	lambda.Start(consumer.Handle)
}

// newConsumer counts each pet that was created. Its handler writes the effect and
// the event's id in one transaction, so it needs no claims.
func newConsumer(seen seen) *typed.Consumer {
	return typed.On(registry, func(ctx context.Context, created typed.OutputDetail[pet]) error {
		if created.Metadata == nil {
			return nil
		}
		return seen.once(ctx, created.Metadata.OutputID, seen.add("count", 1))
	})
}
