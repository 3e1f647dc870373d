package router_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
	"github.com/blockforger/eventrouter/tenant"
)

// Everything that the router needs exists in memory, too.
func Example() {
	ctx := context.Background()
	files := blob.NewMemory()
	for name, text := range map[string]string{
		"acme/tenant.properties": "eventbridge-input = true\neventbridge-output = [{}]\n",
		"acme/pet.json":          `{"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}, "required": ["name"]}`,
	} {
		if _, err := files.Put(ctx, name, []byte(text), nil, blob.Condition{}); err != nil {
			fmt.Println(err)
			return
		}
	}
	ledger := memstore.New(nil)
	key, secret, err := apikey.New("acme", []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
	if err == nil {
		err = ledger.PutKey(ctx, key)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	s := projection.New(store.New(ledger, nil), nil)
	output := &sender{}
	r := router.New(tenant.NewCatalog(files, nil), apikey.NewAuthenticator(ledger, nil), s,
		outbox.NewPublisher(s, bus.NewPublisher(output), nil), nil)

	event := func(id, payload string) *events.Envelope {
		return &events.Envelope{ID: id, Source: events.InputSource, DetailType: "pet.POST",
			Detail: []byte(`{"tenant":"acme","rootSchema":"pet","api_key":"` + secret.Reveal() + `","payload":` + payload + `}`)}
	}
	for range 2 { // the event and a redelivery of it
		result, report, err := r.Event(ctx, event("7f8a0c1e-2b3d-4e5f-8a9b-0c1d2e3f4a5b", `{"id":"rex","name":"Rex"}`), "")
		fmt.Println(result.Status(), report.Outcome, result.Replayed, err)
	}
	_, _, err = r.Event(ctx, event("9c1b2d3e-4f5a-4b6c-9d7e-8f9a0b1c2d3e", `{"id":"tom"}`), "")
	fmt.Println(err)
	for _, e := range output.take() {
		fmt.Println("published", e.DetailType, string(e.Detail))
	}
	// Output:
	// 201 carried-out false <nil>
	// 201 replayed true <nil>
	// payload breaks its schema: "/name": is required
	// published pet.POST {"tenant":"acme","rootSchema":"pet","operation":"POST","payload":{"id":"rex","name":"Rex"}}
}
