package bus_test

import (
	"context"
	"fmt"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
)

// throttled is a Sender in memory. It throttles the second entry of each call.
type throttled struct{}

func (throttled) Send(_ context.Context, region string, entries []events.Entry) ([]bus.Result, error) {
	fmt.Println("PutEvents in", region, "with", len(entries), "entries")
	results := make([]bus.Result, len(entries))
	for i := range entries {
		if i == 1 {
			results[i].Code = "ThrottlingException"
		} else {
			results[i].EventID = fmt.Sprint("id-", i)
		}
	}
	return results, nil
}

// Each entry has an outcome of its own, in order.
func ExamplePublisher_Publish() {
	entries := []events.Entry{
		{Bus: "arn:aws:events:us-east-1:000000000000:event-bus/default", Source: "shop", DetailType: "order.POST", Detail: []byte(`{"id":1}`)},
		{Bus: "arn:aws:events:us-east-1:000000000000:event-bus/default", Source: "shop", DetailType: "order.PUT", Detail: []byte(`{"id":1}`)},
	}
	for i, outcome := range bus.NewPublisher(throttled{}).Publish(context.Background(), entries) {
		switch outcome.Verdict {
		case bus.Published:
			fmt.Println(entries[i].DetailType, "was published as", outcome.EventID)
		case bus.Retry:
			fmt.Println(entries[i].DetailType, "can be sent again:", outcome.Code)
		}
	}
	// Output:
	// PutEvents in us-east-1 with 2 entries
	// order.POST was published as id-0
	// order.PUT can be sent again: ThrottlingException
}
