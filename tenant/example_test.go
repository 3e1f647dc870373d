package tenant_test

import (
	"context"
	"fmt"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
)

// A catalog reads tenants from a bucket: here one in memory.
func ExampleCatalog() {
	ctx := context.Background()
	bucket := blob.NewMemory()
	for name, text := range map[string]string{
		"acme/tenant.properties": "eventbridge-input = true\neventbridge-output = [{\"operations\": [\"POST\"]}]\n",
		"acme/pet.json":          `{"type": "object", "properties": {"id": {"type": "string"}, "age": {"type": "integer", "minimum": 0}}}`,
	} {
		if _, err := bucket.Put(ctx, name, []byte(text), nil, blob.Condition{}); err != nil {
			fmt.Println(err)
			return
		}
	}
	catalog := tenant.NewCatalog(bucket, nil)

	acme, err := catalog.Tenant(ctx, "acme")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("input events:", acme.Input)

	pet, err := catalog.Schema(ctx, "acme", "pet")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, output := range pet.Outputs(events.Post) {
		fmt.Println("output event:", output.Source, output.DetailType)
	}
	err = pet.Validate(ctx, []byte(`{"id": "rex", "age": -1}`))
	for _, v := range fault.ViolationsOf(err) {
		fmt.Println(v.Pointer, v.Message)
	}
	_, err = catalog.Schema(ctx, "acme", "cat")
	fmt.Println("not found:", fault.Is(err, fault.NotFound))
	// Output:
	// input events: true
	// output event: blockforger-output pet.POST
	// /age must be at least 0
	// not found: true
}
