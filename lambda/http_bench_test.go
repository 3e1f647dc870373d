package lambda_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"
)

// BenchmarkEventAndREST compares a change by an input event with the same change
// over REST, from the payload's bytes to the response's, on a ledger in memory.
// Reads are possible over REST only.
func BenchmarkEventAndREST(b *testing.B) {
	for _, way := range []struct {
		name    string
		payload func(h *restFixture, n int) string
	}{
		{"POST/event", func(h *restFixture, n int) string {
			return fmt.Sprintf(`{"version":"0","id":"event-%d","source":"blockforger-input","detail-type":"pet.POST","account":"000000000000","time":%q,"region":"us-east-1","resources":[],"detail":{"tenant":"acme","rootSchema":"pet","api_key":%q,"payload":{"id":"p%d","name":"Rex","status":"available"}}}`,
				n, h.clock().Format(time.RFC3339), h.keys["acme"], n)
		}},
		{"POST/rest", func(h *restFixture, n int) string {
			return h.payload("POST", "/acme/pet", fmt.Sprintf(`{"id":"p%d","name":"Rex","status":"available"}`, n), h.as("acme"), jsonBody, fmt.Sprintf("idempotency-key: k%d", n))
		}},
		{"PUT/event", func(h *restFixture, n int) string {
			return fmt.Sprintf(`{"version":"0","id":"event-%d","source":"blockforger-input","detail-type":"pet.PUT","account":"000000000000","time":%q,"region":"us-east-1","resources":[],"detail":{"tenant":"acme","rootSchema":"pet","operation":"PUT","api_key":%q,"payload":{"id":"rex","name":"Rex","status":"available"}}}`,
				n, h.clock().Format(time.RFC3339), h.keys["acme"])
		}},
		{"PUT/rest", func(h *restFixture, n int) string {
			return h.payload("PUT", "/acme/pet/rex", `{"id":"rex","name":"Rex","status":"available"}`, h.as("acme"), jsonBody, fmt.Sprintf("idempotency-key: k%d", n))
		}},
		{"GET/rest", func(h *restFixture, n int) string { return h.payload("GET", "/acme/pet/rex", "", h.as("acme")) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			h := newRESTFixture(b, map[string]string{
				"acme/tenant.properties": "eventbridge-input=true\neventbridge-output=[{}]\n",
				"acme/pet.json":          `{"properties":{"id":{"type":"string"},"name":{"type":"string"},"status":{"enum":["available","sold"]}},"required":["name"],"additionalProperties":false}`,
			})
			h.do("POST", "/acme/pet", `{"id":"rex","name":"Rex"}`, h.as("acme"), jsonBody)
			payloads := make([][]byte, b.N)
			for n := range payloads {
				payloads[n] = []byte(way.payload(h, n))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for _, payload := range payloads {
				if _, err := h.handler.Serve(context.Background(), payload, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
