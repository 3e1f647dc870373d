// Command petcount is a Lambda function behind a rule on output events: it
// counts the pets that were created, each once, however often its event comes.
//
// The output rule needs "metadata": true, for the id to know an event by. The
// table needs a string key "id"; TABLE names it.
package main

import (
	"context"
	"encoding/json"
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
	seen := seen{client: dynamodb.NewFromConfig(cfg), table: os.Getenv("TABLE")}
	lambda.Start(func(ctx context.Context, payload json.RawMessage) error { return handle(ctx, seen, payload) })
}

func handle(ctx context.Context, seen seen, payload []byte) error {
	deliveries, err := registry.DecodePayload(payload)
	if err != nil {
		return err
	}
	for _, d := range deliveries {
		if d.Err != nil {
			return d.Err
		}
		if created, ok := typed.As[typed.OutputDetail[pet]](d.Event); ok && created.Detail.Metadata != nil {
			if err := seen.once(ctx, created.Detail.Metadata.OutputID, seen.add("count", 1)); err != nil {
				return err
			}
		}
	}
	return nil
}
