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

// TestUsageIsExact: 32 writers send events and calls, each several times, over
// a ledger that fails before and after its operations, while relays fold bills
// into totals. The sum is 10 for each request that was carried out (R53, R54).
func TestUsageIsExact(t *testing.T) {
	h := newRESTHouse(t, map[string]string{
		"acme/tenant.properties": "eventbridge-input=true\neventbridge-output=[{}]\n",
		"acme/pet.json":          `{"required":["name"]}`,
	})
	h.faults = func(string) error {
		if rand.IntN(8) == 0 {
			return fault.Errorf(fault.Unavailable, "it broke")
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
		t.Errorf("GET _usage answers %s, want %d tokens", answer.Body, want)
	}
}

// usageRequest makes one request of a writer, as often as it is delivered, and
// tells whether it will be billed.
func usageRequest(h *restHouse, w, i int) (payloads []string, billed bool) {
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
	case 1: // a call, sent again under its idempotency key
		again(2, func() string {
			return h.payload("POST", "/acme/pet", fmt.Sprintf(`{"id":%q,"name":"N"}`, id), h.as("acme"), jsonBody, "idempotency-key: "+id)
		})
	case 2: // a list
		again(1, func() string { return h.payload("GET", "/acme/pet?limit=1", "", h.as("acme")) })
	case 3: // refused, so free of charge
		again(2, func() string {
			return h.payload("PUT", "/acme/pet/none-"+id, `{"name":"N"}`, h.as("acme"), jsonBody, "idempotency-key: "+id)
		})
		return payloads, false
	}
	return payloads, true
}

// usageDeliver delivers until there is an answer that is final. A list that
// met a fault is the same request when it comes again: its id is the same.
func usageDeliver(t *testing.T, h *restHouse, payload string) {
	for range 1000 {
		out, err := h.handler.Serve(context.Background(), []byte(payload), &h.log)
		if err != nil {
			continue
		}
		var a httpAnswer
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
	t.Error("never answered: " + payload)
}
