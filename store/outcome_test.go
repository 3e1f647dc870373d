package store

import (
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// TestOutcomeFits: what is measured before the commit bounds what is published
// after it, however much of it must be escaped.
func TestOutcomeFits(t *testing.T) {
	nasty := strings.Repeat("\"\\\u0001\u2028é", 40)
	for name, r := range map[string]Result{
		"accepted": {Ref: Ref{Collection: Collection{Tenant: "acme", Schema: "pet"}, Key: events.RecordKey(nasty)}, Operation: events.Post, Revision: 1 << 60},
		"rejected": {Ref: Ref{Collection: Collection{Tenant: "acme", Schema: "pet"}}, Operation: events.Patch, Rejected: true,
			Code: fault.Precondition, Message: nasty, Violations: []fault.Violation{{Pointer: nasty, Message: nasty}, {Pointer: "/" + nasty, Message: nasty}}},
	} {
		m := IdempotencyRecord{Key: IdempotencyKey{Tenant: "acme", Value: "k"}, Result: r,
			Outputs: Outputs{InputEventID: nasty, Entries: []Entry{{Bus: "b", Source: "s", DetailType: r.OutcomeDetailType(), Outcome: true}}}}
		e, err := m.Render(0)
		if err != nil {
			t.Fatal(err)
		}
		if !e.Detail.IsValid() || e.Detail.Kind() != '{' {
			t.Errorf("%s: the detail is not JSON: %s", name, e.Detail)
		}
		if len(e.Detail) > m.detailSize(&m.Outputs.Entries[0]) || e.Size() > m.entrySize(0) {
			t.Errorf("%s: %d bytes of detail, measured as %d; %d in all, measured as %d",
				name, len(e.Detail), m.outcomeSize(), e.Size(), m.entrySize(0))
		}
		if want := map[string]string{"accepted": "pet.POST.accepted", "rejected": "pet.PATCH.rejected"}[name]; string(e.DetailType) != want {
			t.Errorf("%s: detail-type %s", name, e.DetailType)
		}
	}
	for status, r := range map[int]Result{
		201: {Operation: events.Post}, 200: {Operation: events.Patch}, 204: {Operation: events.Delete},
		412: {Operation: events.Post, Rejected: true, Code: fault.Precondition}, 429: {Rejected: true, Code: fault.Exhausted},
	} {
		if r.Status() != status {
			t.Errorf("%+v: status %d, want %d", r, r.Status(), status)
		}
	}
}
