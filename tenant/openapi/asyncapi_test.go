package openapi_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/jsonschema"
	"github.com/blockforger/eventrouter/tenant/openapi"
)

// eventsOf returns the AsyncAPI document of a tenant.
func eventsOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	bucket := blob.NewMemory()
	for name, text := range files {
		if _, err := bucket.Put(t.Context(), "acme/"+name, []byte(text), nil, blob.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	catalog := tenant.NewCatalog(bucket, nil)
	owner, err := catalog.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := catalog.Schemas(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	var schemas []*tenant.Schema
	for _, id := range ids {
		s, err := catalog.Schema(t.Context(), "acme", id)
		if err != nil {
			t.Fatal(err)
		}
		schemas = append(schemas, s)
	}
	doc, err := openapi.Events(owner, schemas)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := openapi.Events(owner, schemas); err != nil || string(again) != string(doc) {
		t.Errorf("the second document is another one: %v", err)
	}
	return doc
}

var eventsTenant = map[string]string{
	"tenant.properties": `eventbridge-input=true
eventbridge-results=arn:aws:events:us-east-1:111122223333:event-bus/results
eventbridge-output=[{"schema_names":["product"],"metadata":true},
 {"schema_names":["order"],"detail_type":"order changed","source":"shop","eventbridge_arn":"arn:aws:events:eu-west-1:444455556666:event-bus/far"}]`,
	"product.json": `{"$defs":{"money":{"type":"number","minimum":0}},"meta":{"key":"sku"},"type":"object",
		"properties":{"sku":{"type":"string"},"price":{"$ref":"#/$defs/money"}},"required":["sku","price"],"additionalProperties":false}`,
	"order.json": `{"properties":{"id":{"type":"integer"},"n":{"type":"integer"}}}`,
}

// TestEventsDocument checks that the schemas of messages accept the events that are
// sent and published, and reject others.
func TestEventsDocument(t *testing.T) {
	doc := eventsOf(t, eventsTenant)
	if path := os.Getenv("ASYNCAPI_OUT"); path != "" { // for a validator of AsyncAPI
		if err := os.WriteFile(path, doc, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var parsed struct {
		AsyncAPI string `json:"asyncapi"`
		Channels map[string]struct {
			Address  *string        `json:"address"`
			Messages map[string]any `json:"messages"`
		} `json:"channels"`
		Operations map[string]struct {
			Action  string            `json:"action"`
			Channel map[string]string `json:"channel"`
		} `json:"operations"`
		Components struct {
			Messages map[string]any `json:"messages"`
			Schemas  map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(doc, &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.AsyncAPI != "3.0.0" {
		t.Errorf("version %s", parsed.AsyncAPI)
	}
	got := map[string][]string{}
	for name, c := range parsed.Channels {
		address := "null"
		if c.Address != nil {
			address = *c.Address
		}
		got[name] = []string{address}
		for m := range c.Messages {
			got[name] = append(got[name], m)
			if parsed.Components.Messages[m] == nil || parsed.Components.Schemas[m] == nil {
				t.Errorf("message %s is no component", m)
			}
		}
		slices.Sort(got[name][1:])
	}
	want := map[string][]string{
		"input": {"null", "input.order.DELETE", "input.order.PATCH", "input.order.POST", "input.order.PUT",
			"input.product.DELETE", "input.product.PATCH", "input.product.POST", "input.product.PUT"},
		"default.000000000000.us-east-1": {"arn:aws:events:us-east-1:000000000000:event-bus/default", "output.blockforger-output.product.DELETE",
			"output.blockforger-output.product.PATCH", "output.blockforger-output.product.POST", "output.blockforger-output.product.PUT"},
		"far.444455556666.eu-west-1":     {"arn:aws:events:eu-west-1:444455556666:event-bus/far", "output.shop.order_20_changed"},
		"results.111122223333.us-east-1": {"arn:aws:events:us-east-1:111122223333:event-bus/results", "output.result"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, o := range parsed.Operations {
		channel := strings.TrimPrefix(o.Channel["$ref"], "#/channels/")
		if _, ok := parsed.Channels[channel]; !ok || (o.Action == "receive") != (channel == "input") {
			t.Errorf("operation %s: %+v", name, o)
		}
	}
	const metadata = `,"metadata":{"outputId":"o","inputEventId":"i","correlationId":"c","hops":0,"revision":1,"time":"2026-11-21T03:00:00.000Z"}`
	event := func(source, detailType, detail string) string {
		return fmt.Sprintf(`{"version":"0","id":"x","source":%q,"detail-type":%q,"detail":{"tenant":"acme",%s}}`, source, detailType, detail)
	}
	for _, c := range []struct {
		message, event string
		valid          bool
	}{
		{"input.product.POST", event("blockforger-input", "product.POST", `"rootSchema":"product","api_key":"k","payload":{"price":1.5}`), true},
		{"input.product.POST", event("blockforger-input", "product.POST", `"rootSchema":"product","api_key":"k","payload":{"price":-1}`), false},
		{"input.product.POST", event("blockforger-input", "product.POST", `"rootSchema":"product","payload":{"price":1}`), false},
		{"input.product.PUT", event("blockforger-input", "product.PUT", `"rootSchema":"product","api_key":"k","idempotency_key":"a","payload":{"sku":"a","price":1}`), true},
		{"input.product.PUT", event("blockforger-input", "product.PUT", `"rootSchema":"product","api_key":"k","payload":{"price":1}`), false},
		{"input.product.DELETE", event("blockforger-input", "product.DELETE", `"rootSchema":"product","api_key":"k","payload":{"sku":"a"}`), true},
		{"input.order.DELETE", event("blockforger-input", "order.DELETE", `"rootSchema":"order","api_key":"k","payload":{"id":"a"}`), false},
		{"output.blockforger-output.product.POST", event("blockforger-output", "product.POST", `"rootSchema":"product","operation":"POST","payload":{"sku":"a","price":1}`+metadata), true},
		{"output.blockforger-output.product.POST", event("blockforger-output", "product.POST", `"rootSchema":"product","operation":"POST","payload":{"sku":"a","price":1}`), false},
		{"output.blockforger-output.product.POST", event("other", "product.POST", `"rootSchema":"product","operation":"POST","payload":{"sku":"a","price":1}`+metadata), false},
		{"output.blockforger-output.product.PATCH", event("blockforger-output", "product.PATCH", `"rootSchema":"product","operation":"PATCH","payload":{"sku":"a","price":null}`+metadata), true},
		{"output.shop.order_20_changed", event("shop", "order changed", `"rootSchema":"order","operation":"DELETE","payload":{"id":7}`), true},
		{"output.shop.order_20_changed", event("shop", "order changed", `"rootSchema":"order","operation":"POST","payload":{"id":7,"n":1}`), true},
		{"output.shop.order_20_changed", event("shop", "order changed", `"rootSchema":"order","operation":"POST","payload":{"id":7,"n":"1"}`), false},
		{"output.result", event("blockforger-output", "product.POST.rejected", `"rootSchema":"product","operation":"POST","outcome":"rejected","status":400,"inputEventId":"x","errors":[{"pointer":"/price","message":"m"}]`), true},
		{"output.result", event("blockforger-output", "product.POST", `"rootSchema":"product","operation":"POST","outcome":"rejected","status":400,"inputEventId":"x"`), false},
	} {
		root, err := json.Marshal(map[string]any{"$ref": "#/$defs/" + c.message, "$defs": parsed.Components.Schemas})
		if err != nil {
			t.Fatal(err)
		}
		schema, err := jsonschema.Compile([]byte(strings.ReplaceAll(string(root), "#/components/schemas/", "#/$defs/")), nil)
		if err != nil {
			t.Fatalf("%s: %v", c.message, err)
		}
		if err := schema.Validate(t.Context(), []byte(c.event)); (err == nil) != c.valid {
			t.Errorf("%s: %s: %v, want valid = %v", c.message, c.event, err, c.valid)
		}
	}
}

// TestEventsDocumentWithoutInput checks that a tenant without input events has no input
// channel.
func TestEventsDocumentWithoutInput(t *testing.T) {
	doc := string(eventsOf(t, map[string]string{"tenant.properties": "", "pet.json": "{}"}))
	if strings.Contains(doc, events.InputSource) || strings.Contains(doc, `"input"`) {
		t.Errorf("the document has input events:\n%s", doc)
	}
}
