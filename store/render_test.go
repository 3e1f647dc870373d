package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func rendered() *store.IdempotencyRecord {
	return &store.IdempotencyRecord{
		Key: store.IdempotencyKey{Tenant: "acme", Origin: store.OriginEventID, Value: "e1"},
		Result: store.Result{
			Ref:       store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "petstore"}, Key: "a/é"},
			Operation: events.Patch, Revision: 3, Time: time.Date(2026, 11, 21, 12, 0, 0, 120_000_000, time.UTC),
		},
		Outputs: store.Outputs{
			Payload: jsontext.Value(`{"id":"a/é","n":1.50}`), Document: jsontext.Value(`{"id":"a/é","n":1.50,"all":true}`),
			InputEventID: `e"1`, CorrelationID: "c1", Hops: 2, TraceHeader: "Root=1",
			Entries: []store.Entry{
				{Bus: "arn:aws:events:us-east-1:000000000000:event-bus/default", Source: "blockforger-output", DetailType: "petstore.PATCH"},
				{Bus: "arn:aws:events:eu-west-1:000000000000:event-bus/x", Source: "s", DetailType: "d", WholeRecord: true, Metadata: true},
			},
		},
	}
}

func TestRender(t *testing.T) {
	m := rendered()
	e, err := m.Render(0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(e.Detail), `{"tenant":"acme","rootSchema":"petstore","operation":"PATCH","payload":{"id":"a/é","n":1.50}}`; got != want {
		t.Errorf("detail\n%s, want\n%s", got, want)
	}
	if e.Bus != m.Outputs.Entries[0].Bus || e.Source != "blockforger-output" || e.DetailType != "petstore.PATCH" ||
		len(e.Resources) != 1 || e.Resources[0] != "/acme/petstore/a%2F%C3%A9" || !e.Time.Equal(m.Result.Time) ||
		e.TraceHeader != "Root=1" || e.OutputID != m.Key.UUID("output", 0) {
		t.Errorf("entry %+v", e)
	}

	e, err = m.Render(1)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"tenant":"acme","rootSchema":"petstore","operation":"PATCH","payload":{"id":"a/é","n":1.50,"all":true},` +
		`"metadata":{"outputId":"` + m.Key.UUID("output", 1) + `","inputEventId":"e\"1","correlationId":"c1","hops":2,"revision":3,"time":"2026-11-21T12:00:00.120Z"}}`
	if got := string(e.Detail); got != want {
		t.Errorf("detail\n%s, want\n%s", got, want)
	}
	again, err := m.Render(1)
	if err != nil || string(again.Detail) != want || again.OutputID != e.OutputID {
		t.Errorf("rendered again: %+v, %v", again, err)
	}
}

func TestRenderRefuses(t *testing.T) {
	m := rendered()
	for _, i := range []int{-1, 2} {
		if _, err := m.Render(i); !fault.Is(err, fault.Internal) {
			t.Errorf("entry %d: %v", i, err)
		}
	}
	m.Outputs.Document = nil
	if _, err := m.Render(1); err == nil {
		t.Error("an entry that shows the record renders without one")
	}
	m = rendered()
	m.Outputs.CorrelationID = "\xff"
	if _, err := m.Render(1); err == nil {
		t.Error("a correlation id that is not UTF-8 renders")
	}
}

// The buffer is made once, large enough for the worst escapes.
func TestRenderAllocates(t *testing.T) {
	m := rendered()
	m.Outputs.CorrelationID = strings.Repeat("\x01", 256)
	e, err := m.Render(1)
	if err != nil || !e.Detail.IsValid() {
		t.Fatalf("%v: %s", err, e.Detail)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = m.Render(1) }); n > 7 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRender(b *testing.B) {
	m := rendered()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Render(1); err != nil {
			b.Fatal(err)
		}
	}
}
