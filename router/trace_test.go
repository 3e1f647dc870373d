package router_test

import (
	"strings"
	"testing"
)

// TestTraceGoesOn checks that the sender's trace is in the metadata of output events
// and in their trace header, and that a malformed one is ignored.
func TestTraceGoesOn(t *testing.T) {
	const trace, xray = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	for _, c := range []struct{ given, xray, header, parent string }{
		{`"` + trace + `"`, xray, "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1", trace},
		{`"00-x"`, xray, xray, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"},
		{`7`, xray, xray, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"},
		{`null`, "", "", ""},
	} {
		h := newHouse(t)
		h.settings("acme", "eventbridge-input=true\neventbridge-output=[{\"metadata\":true}]\n")
		event := h.event(put{extra: `,"metadata":{"traceparent":` + c.given + `}`})
		if _, _, err := h.router.Event(t.Context(), event, c.xray); err != nil {
			t.Errorf("%s: %v", c.given, err)
			continue
		}
		sent := h.sender.take()
		if len(sent) != 1 || sent[0].TraceHeader != c.header || strings.Contains(string(sent[0].Detail), `"traceparent"`) != (c.parent != "") ||
			c.parent != "" && !strings.Contains(string(sent[0].Detail), `"traceparent":"`+c.parent+`"`) {
			t.Errorf("%s: %+v\n%s", c.given, sent, sent[0].Detail)
		}
	}
}
