package router_test

import (
	"fmt"
	"testing"
	"time"
)

// sample is an input event of about 600 bytes.
func (h *house) sample() []byte {
	return fmt.Appendf(nil, `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"pet.POST","source":"blockforger-input",`+
		`"account":"111122223333","time":%q,"region":"us-east-1","resources":[],"detail":{"tenant":"acme","rootSchema":"pet","operation":"POST",`+
		`"api_key":%q,"payload":{"id":"rex-1","name":"Rex the third, of a long line of dogs","age":7.5,"status":"available","tags":{"colour":"brown","size":"middle","home":"Berlin"}}}}`,
		h.clock.Now().Format(time.RFC3339), h.keys["acme"])
}

// BenchmarkEventToChange: bytes in to a change, everything decided, warm.
func BenchmarkEventToChange(b *testing.B) {
	h := newHouse(b)
	event := h.sample()
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.router.Plan(b.Context(), event); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPlanAllocations bounds the allocations from an event's bytes to its change.
func TestPlanAllocations(t *testing.T) {
	h := newHouse(t)
	event := h.sample()
	got := testing.AllocsPerRun(100, func() {
		if _, err := h.router.Plan(t.Context(), event); err != nil {
			t.Error(err)
		}
	})
	if got > 36 {
		t.Errorf("%v allocations, want at most 36", got)
	}
}
