package router_test

import (
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/router"
)

// TestPredict checks that a prediction is what processing the event then results in,
// and that predicting changes nothing.
func TestPredict(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		name    string
		p       put
		refused string
	}{
		{"a change", put{payload: `{"id":"rex","name":"Rex"}`}, ""},
		{"an existing record", put{payload: `{"id":"rex","name":"Rex"}`}, "exists already"},
		{"a record that does not exist", put{operation: "PATCH", payload: `{"id":"tom","name":"Tom"}`}, "no record"},
	} {
		e := h.event(c.p)
		before := h.tokens("acme")
		replayed, predicted := router.Predict(t.Context(), h.router, e)
		if replayed || (predicted == nil) != (c.refused == "") || predicted != nil && !strings.Contains(predicted.Error(), c.refused) {
			t.Errorf("%s: predicted %v, %v; want %q", c.name, replayed, predicted, c.refused)
		}
		if h.tokens("acme") != before {
			t.Errorf("%s: the prediction was billed", c.name)
		}
		_, _, err := h.router.Event(t.Context(), e, "")
		if fault.CodeOf(err) != fault.CodeOf(predicted) || fault.MessageOf(err) != fault.MessageOf(predicted) {
			t.Errorf("%s: predicted %v, and then %v", c.name, predicted, err)
		}
		// Now the result is stored.
		if replayed, predicted = router.Predict(t.Context(), h.router, e); !replayed || fault.CodeOf(err) != fault.CodeOf(predicted) {
			t.Errorf("%s, delivered again: predicted %v, %v", c.name, replayed, predicted)
		}
	}
	wrongKey := h.event(put{payload: `{"id":"x"}`, key: "erk_wrong"})
	if _, err := router.Predict(t.Context(), h.router, wrongKey); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a wrong key: %v", err)
	}
}
