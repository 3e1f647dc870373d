package typed_test

import (
	"context"
	"fmt"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
)

// Pet is the payload that the tenant's schema pet describes.
type Pet struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

const petEvent = `{"version":"0","id":"7f8a0c1e-2b3d-4e5f-8a9b-0c1d2e3f4a5b","source":"blockforger-output","detail-type":"pet.POST",
	"account":"000000000000","time":"2026-11-24T12:00:00Z","region":"us-east-1","resources":["/acme/pet/rex"],
	"detail":{"tenant":"acme","rootSchema":"pet","operation":"POST","payload":{"id":"rex","name":"Rex"},
	"metadata":{"outputId":"out-1","inputEventId":"in-1","correlationId":"in-1","hops":1,"revision":1,"time":"2026-11-24T12:00:00Z"}}}`

var pets = typed.NewRegistry(typed.OutputEventsOf[Pet](events.OutputSource, "pet"))

// A registry decodes the kinds of events that it contains.
func ExampleRegistry_DecodeEvent() {
	event, err := pets.DecodeEvent([]byte(petEvent))
	if err != nil {
		fmt.Println(err)
		return
	}
	if pet, ok := typed.As[typed.OutputDetail[Pet]](event); ok {
		fmt.Println(pet.Region, pet.Detail.Operation, pet.Detail.Payload.Name)
	}
	// Output:
	// us-east-1 POST Rex
}

// A consumer calls a handler by type, and each event once.
func ExampleOn() {
	ctx := context.Background()
	consumer := typed.On(pets, func(_ context.Context, d typed.OutputDetail[Pet]) error {
		fmt.Println("new pet:", d.Payload.Name)
		return nil
	}).Once(&typed.MemoryClaims{}, nil)
	for range 2 { // the event and a redelivery of it
		if _, err := consumer.Handle(ctx, []byte(petEvent)); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// new pet: Rex
}
