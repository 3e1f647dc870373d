// Command go is an own function: it runs on AWS Lambda and, unchanged, on the local
// server.
//
//	go build -o bootstrap ./examples/function/go
//	eventrouter serve --function ProcessOrder=./bootstrap
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// order is the part of an event's detail that the function uses.
type order struct {
	Total float64 `json:"total"`
}

// process handles one event of EventBridge. An error makes Lambda retry the event.
func process(ctx context.Context, event events.CloudWatchEvent) (map[string]any, error) {
	var o order
	if err := json.Unmarshal(event.Detail, &o); err != nil {
		return nil, err
	}
	if o.Total < 0 {
		return nil, errors.New("the total is negative")
	}
	lc, _ := lambdacontext.FromContext(ctx)
	log.Printf("order of %g, request %s", o.Total, lc.AwsRequestID)
	return map[string]any{"processed": event.ID, "total": o.Total}, nil
}

func main() { lambda.Start(process) }
