package typed_test

import (
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
)

func TestOutcomeEvents(t *testing.T) {
	r := typed.NewRegistry(typed.RouterEvents())
	for detailType, detail := range map[events.DetailType]string{
		"pet.POST.accepted": `{"tenant":"acme","rootSchema":"pet","operation":"POST","outcome":"accepted","status":201,"inputEventId":"e1","key":"rex","revision":1}`,
		"pet.PUT.rejected": `{"tenant":"acme","rootSchema":"pet","operation":"PUT","outcome":"rejected","status":400,"inputEventId":"e2","code":"invalid",` +
			`"message":"payload breaks its schema","errors":[{"pointer":"/name","message":"is required"}]}`,
	} {
		e, err := r.Decode(events.Envelope{Source: events.OutputSource, DetailType: detailType, Detail: []byte(detail)})
		if err != nil {
			t.Fatal(err)
		}
		typed, ok := typed.As[typed.OutcomeDetail](e)
		if !ok {
			t.Fatalf("%s is a %T", detailType, e)
		}
		if d := typed.Detail; d.Tenant != "acme" || d.InputEventID == "" || d.Status == 0 {
			t.Errorf("%s: %+v", detailType, d)
		}
		if d := typed.Detail; d.Outcome == events.Rejected && (len(d.Errors) != 1 || d.Errors[0].Pointer != "/name") {
			t.Errorf("errors = %+v", d.Errors)
		}
	}
	output, err := r.Decode(events.Envelope{Source: events.OutputSource, DetailType: "pet.POST", Detail: []byte(`{"tenant":"acme","rootSchema":"pet","operation":"POST","payload":{}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := typed.As[typed.RawOutputDetail](output); !ok {
		t.Errorf("an output event is a %T", output)
	}
}
