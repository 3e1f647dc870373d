package router_test

import (
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/router"
)

// TestCheckReturnsTheRejection: that of the pipeline, except of what depends on state,
// and nothing is changed.
func TestCheckReturnsTheRejection(t *testing.T) {
	h := newHouse(t)
	for name, p := range map[string]put{
		"good":           {},
		"wrong payload":  {payload: `{"name":7}`},
		"wrong key":      {key: "erk_nobody"},
		"other tenant":   {tenant: "unknown", key: h.keys["acme"]},
		"unknown schema": {schema: "pets"},
		"not an object":  {payload: `[]`},
		"stale":          {time: "2020-01-01T00:00:00Z"},
		"wrong source":   {source: "shop"},
		"delete":         {operation: "DELETE", payload: `{"id":1}`},
	} {
		p.id = "event-" + name
		before := h.tokens("acme")
		report, err := h.router.Check(t.Context(), h.event(p))
		if after := h.tokens("acme"); after != before || len(h.sender.take()) > 0 {
			t.Errorf("%s: the check was carried out, %d tokens", name, after-before)
		}
		_, again, want := h.send(p)
		h.sender.take()
		if fault.CodeOf(err) != fault.CodeOf(want) || err != nil && fault.MessageOf(err) != fault.MessageOf(want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if want != nil && (report.Outcome != router.Rejected || len(report.Problems()) != len(again.Problems())) {
			t.Errorf("%s: %+v, want %+v", name, report, again)
		}
	}
	// The record's state is not checked.
	if _, err := h.router.Check(t.Context(), h.event(put{operation: "PATCH", payload: `{"id":"none"}`})); err != nil {
		t.Errorf("%v", err)
	}
}
