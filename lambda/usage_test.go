package lambda_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// TestUsageIsExactDespiteFaults checks that the usage is 10 tokens for each request
// that was accepted (R53, R54), with 32 writers that send events and REST requests
// several times, a ledger that fails before and after its operations, and relays
// that aggregate the usage meanwhile.
func TestUsageIsExactDespiteFaults(t *testing.T) {
	h := newRESTFixture(t, map[string]string{
		"acme/tenant.properties": "eventbridge-input=true\neventbridge-output=[{}]\n",
		"acme/pet.json":          `{"required":["name"]}`,
	})
	h.faults = func(string) error {
		if rand.IntN(8) == 0 {
			return fault.Errorf(fault.Unavailable, "injected fault")
		}
		return nil
	}
	const writers, each = 32, 40
	var carriedOut atomic.Int64
	var running, relays sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 2 {
		relays.Go(func() {
			for ctx.Err() == nil {
				_, _ = h.relay.Run(ctx, 0)
				time.Sleep(time.Millisecond)
			}
		})
	}
	for w := range writers {
		running.Go(func() {
			for i := range each {
				payloads, billed := usageRequest(h, w, i)
				if billed {
					carriedOut.Add(1)
				}
				for _, payload := range payloads {
					usageDeliver(t, h, payload)
				}
			}
		})
	}
	running.Wait()
	stop()
	relays.Wait()

	h.faults = nil
	want := carriedOut.Load() * 10
	for _, when := range []string{"as it stands", "all folded"} {
		usage, err := h.store.Usage(t.Context(), "acme", store.Month(h.clock()))
		if err != nil {
			t.Fatal(err)
		}
		var days int64
		for _, n := range usage.ByDay {
			days += n
		}
		if usage.Tokens() != want || days != want {
			t.Errorf("%s: %d tokens, %d by day, want %d", when, usage.Tokens(), days, want)
		}
		if _, err := h.relay.Run(t.Context(), -time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	answer := h.do("GET", "/acme/_usage", "", h.as("acme"))
	if !strings.Contains(answer.Body, fmt.Sprintf(`"tokens":%d`, want)) {
		t.Errorf("GET _usage returns %s, want %d tokens", answer.Body, want)
	}
}

// usageRequest returns the payloads of one request of a writer, one per delivery,
// and whether it will be billed.
func usageRequest(h *restFixture, w, i int) (payloads []string, billed bool) {
	id := fmt.Sprintf("w%d-%d", w, i)
	again := func(n int, payload func() string) {
		for range n {
			payloads = append(payloads, payload())
		}
	}
	switch i % 4 {
	case 0: // an event, delivered three times
		again(3, func() string {
			return fmt.Sprintf(`{"id":%q,"source":"blockforger-input","detail-type":"pet.POST","time":%q,"detail":{"tenant":"acme","rootSchema":"pet","api_key":%q,"payload":{"id":%q,"name":"N"}}}`,
				id, h.clock().Format(time.RFC3339), h.keys["acme"], id)
		})
	case 1: // a REST request, repeated with its idempotency key
		again(2, func() string {
			return h.payload("POST", "/acme/pet", fmt.Sprintf(`{"id":%q,"name":"N"}`, id), h.as("acme"), jsonBody, "idempotency-key: "+id)
		})
	case 2: // a list
		again(1, func() string { return h.payload("GET", "/acme/pet?limit=1", "", h.as("acme")) })
	case 3: // rejected, so not billed
		again(2, func() string {
			return h.payload("PUT", "/acme/pet/none-"+id, `{"name":"N"}`, h.as("acme"), jsonBody, "idempotency-key: "+id)
		})
		return payloads, false
	}
	return payloads, true
}

// usageDeliver delivers a payload until the response is final. A list that is
// repeated after a fault has the same request id, so it is the same request.
func usageDeliver(t *testing.T, h *restFixture, payload string) {
	for range 1000 {
		out, err := h.handler.Serve(context.Background(), []byte(payload), &h.log)
		if err != nil {
			continue
		}
		var a httpResponse
		if err := json.Unmarshal(out, &a); err != nil {
			t.Errorf("%s: %v", out, err)
			return
		}
		if a.StatusCode < 500 {
			if a.StatusCode >= 400 && !strings.Contains(payload, `"method":"PUT"`) {
				t.Errorf("%s: %+v", payload, a)
			}
			return
		}
	}
	t.Error("no final response: " + payload)
}
