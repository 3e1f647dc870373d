package typed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

type orderPlaced struct {
	OrderID string                  `json:"order-id"`
	Note    events.Nullable[string] `json:"note,omitzero"`
	Total   events.Number           `json:"total"`

	Unknown jsontext.Value `json:",embed"`
}

type orderPaid struct {
	OrderID string `json:"order-id"`
}

var shop = typed.Map{
	{Source: "shop", DetailType: "Order Placed"}: typed.Decode[orderPlaced],
}

func envelope(t testing.TB, text string) events.Envelope {
	t.Helper()
	e, err := events.DecodeEnvelope([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const placed = `{"source":"shop","detail-type":"Order Placed","version":0,"resources":[],` +
	`"detail":{"total":12345678901234567890.10,"order-id":"o-1","extra":{"b":1,"a":2}}}`

func TestDecodeGivesTheType(t *testing.T) {
	event, err := typed.NewRegistry(shop).Decode(envelope(t, placed))
	if err != nil {
		t.Fatal(err)
	}
	order, ok := typed.As[orderPlaced](event)
	if !ok {
		t.Fatalf("decoded as %T", event)
	}
	if order.Detail.OrderID != "o-1" || order.Detail.Total != "12345678901234567890.10" || order.Source != "shop" {
		t.Errorf("decoded as %+v", order)
	}
	if _, ok := typed.As[orderPaid](event); ok {
		t.Error("an Order Placed is no orderPaid")
	}
}

func TestUnknownEventsStayRaw(t *testing.T) {
	for name, r := range map[string]*typed.Registry{
		"empty": typed.NewRegistry(), "zero": {}, "other": typed.NewRegistry(typed.RouterEvents()),
	} {
		event, err := r.Decode(envelope(t, placed))
		if err != nil {
			t.Fatal(name, err)
		}
		if _, raw := event.(*events.Envelope); !raw {
			t.Errorf("%s: decoded as %T, want the envelope", name, event)
		}
		paid, err := typed.DetailAs[orderPaid](event)
		if err != nil || paid.OrderID != "o-1" {
			t.Errorf("%s: raw detail as a type: %+v, %v", name, paid, err)
		}
	}
}

func TestKindIsThePair(t *testing.T) {
	r := typed.NewRegistry(shop)
	other := envelope(t, strings.Replace(placed, `"shop"`, `"shop2"`, 1))
	if event, _ := r.Decode(other); event.Raw() != event {
		t.Errorf("another source decoded as %T", event)
	}
}

func TestUnfittingDetailIsAFaultAndStaysUsable(t *testing.T) {
	for _, detail := range []string{`{"order-id":7}`, `[]`, `"x"`, `{"total":"1"}`} {
		e := envelope(t, `{"source":"shop","detail-type":"Order Placed","detail":`+detail+`}`)
		event, err := typed.NewRegistry(shop).Decode(e)
		if !fault.Is(err, fault.Invalid) || len(fault.ViolationsOf(err)) == 0 ||
			!strings.HasPrefix(fault.ViolationsOf(err)[0].Pointer, "/detail") {
			t.Errorf("%s: error %v, want Invalid below /detail", detail, err)
		}
		if event == nil || string(event.Raw().Detail) != detail {
			t.Errorf("%s: the envelope is lost", detail)
		}
	}
	missing := envelope(t, `{"source":"shop","detail-type":"Order Placed"}`)
	if _, err := typed.NewRegistry(shop).Decode(missing); !fault.Is(err, fault.Invalid) {
		t.Errorf("missing detail: %v", err)
	}
}

func TestEmptyDetailDecodes(t *testing.T) {
	e := envelope(t, `{"source":"shop","detail-type":"Order Placed","version":0,"detail":{},"more":1}`)
	event, err := typed.NewRegistry(shop).Decode(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := typed.As[orderPlaced](event); !ok {
		t.Errorf("decoded as %T", event)
	}
}

func TestExtendAndReplace(t *testing.T) {
	base := typed.NewRegistry(shop)
	mine := base.With(
		typed.Map{{Source: "shop", DetailType: "Order Placed"}: typed.Decode[orderPaid]},
		typed.Map{{Source: "mine", DetailType: "X"}: typed.Decode[orderPaid]},
	)
	if event, _ := mine.Decode(envelope(t, placed)); !is[orderPaid](event) {
		t.Errorf("the later map must win, decoded as %T", event)
	}
	if event, _ := base.Decode(envelope(t, placed)); !is[orderPlaced](event) {
		t.Errorf("With changed its receiver, decoded as %T", event)
	}
	kinds := base.Kinds()
	clear(kinds)
	if len(base.Kinds()) != 1 || len(mine.Kinds()) != 2 {
		t.Error("Kinds must be a copy")
	}
}

func is[T any](e typed.Decoded) bool { _, ok := typed.As[T](e); return ok }

func TestEncodeKeepsAnUnchangedDetail(t *testing.T) {
	event, err := typed.NewRegistry(shop).Decode(envelope(t, placed))
	if err != nil {
		t.Fatal(err)
	}
	order, _ := typed.As[orderPlaced](event)
	const detail = `"detail":{"total":12345678901234567890.10,"order-id":"o-1","extra":{"b":1,"a":2}}`
	if b, err := order.Encode(); err != nil || !strings.Contains(string(b), detail) {
		t.Errorf("unchanged: %s, %v", b, err)
	}

	order.Detail.Note = events.Null[string]()
	b, err := order.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"note":null`, `"extra":{"b":1,"a":2}`, `"total":12345678901234567890.10`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("changed: %s lacks %s", b, want)
		}
	}

	made := &typed.Event[orderPaid]{Envelope: events.Envelope{Source: "shop"}, Detail: orderPaid{OrderID: "o-2"}}
	if b, err := made.Encode(); err != nil || !strings.Contains(string(b), `"detail":{"order-id":"o-2"}`) {
		t.Errorf("made by hand: %s, %v", b, err)
	}
}

func TestRouterEvents(t *testing.T) {
	r := typed.NewRegistry(typed.RouterEvents(), typed.OutputEvents("acme.pets"),
		typed.OutputEventsOf[orderPaid]("acme.orders", "order", events.Post))
	decode := func(source, detailType, detail string) typed.Decoded {
		t.Helper()
		event, err := r.Decode(events.Envelope{Source: source, DetailType: events.DetailType(detailType), Detail: []byte(detail)})
		if err != nil {
			t.Fatal(err)
		}
		return event
	}

	const output = `{"tenant":"acme","rootSchema":"order","operation":"POST","payload":{"order-id":"7"},` +
		`"metadata":{"outputId":"out-1","hops":1,"revision":3,"time":"2026-01-02T03:04:05Z"}}`
	for _, source := range []string{events.OutputSource, "acme.pets"} {
		o, ok := typed.As[typed.RawOutputDetail](decode(source, "order.POST", output))
		if !ok || o.Detail.Metadata.OutputID != "out-1" || o.Detail.Metadata.Revision != 3 || o.Detail.Operation != events.Post {
			t.Errorf("%s: %+v", source, o)
		}
	}
	o, ok := typed.As[typed.OutputDetail[orderPaid]](decode("acme.orders", "order.POST", output))
	if !ok || o.Detail.Payload.OrderID != "7" {
		t.Errorf("typed payload: %+v", o)
	}
	if e := decode("acme.orders", "order.PUT", output); e.Raw() != e {
		t.Errorf("an operation that was not named decoded as %T", e)
	}

	in, ok := typed.As[typed.RawInputDetail](decode(events.InputSource, "pet.POST",
		`{"tenant":"acme","rootSchema":"pet","api_key":"s3cret","payload":{}}`))
	if !ok || in.Detail.APIKey.Reveal() != "s3cret" {
		t.Fatalf("input: %v", ok)
	}
	if text := fmt.Sprintf("%v %+v", in.Detail, in.Detail); strings.Contains(text, "s3cret") {
		t.Errorf("the API key is printed: %s", text)
	}
}

func TestInputDetailEntryIsWhatTheRouterReads(t *testing.T) {
	type pet struct {
		ID string `json:"id"`
	}
	entry, err := typed.InputDetail[pet]{Tenant: "acme", RootSchema: "pet", Operation: events.Put,
		APIKey: "s3cret", IdempotencyKey: "k-1", Payload: pet{"rex"},
		Metadata: &typed.InputMetadata{CorrelationID: "c", Hops: 2}}.Entry(time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	in, err := events.DecodeInput(&events.Envelope{Source: entry.Source, DetailType: entry.DetailType, Detail: entry.Detail})
	if err != nil {
		t.Fatal(err)
	}
	if in.APIKey.Reveal() != "s3cret" || in.Operation != events.Put || in.IdempotencyKey != "k-1" ||
		in.Metadata.Hops != 2 || string(in.Payload) != `{"id":"rex"}` {
		t.Errorf("read as %+v", in)
	}
}

// FuzzTypedRoundTrip checks the law of encoding: what was not changed comes out
// with the detail that came in, and what comes out decodes to the same again.
func FuzzTypedRoundTrip(f *testing.F) {
	for _, detail := range []string{`{}`, `{"order-id":"a","total":1.10,"note":null}`, `{"note":"","x":[1,{}]}`,
		`{"total":null}`, `{"order-id":null,"y":1e400}`} {
		f.Add([]byte(detail))
	}
	r := typed.NewRegistry(shop)
	f.Fuzz(func(t *testing.T, detail []byte) {
		if events.Check("detail", detail) != nil {
			return
		}
		event, err := r.Decode(events.Envelope{Source: "shop", DetailType: "Order Placed", Detail: detail})
		if err != nil {
			return
		}
		order, _ := typed.As[orderPlaced](event)
		text, err := order.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := events.DecodeEnvelope(text)
		if err != nil {
			t.Fatal(err)
		}
		want := jsontext.Value(detail)
		if err := want.Compact(); err != nil {
			t.Fatal(err)
		}
		got := again.Detail
		_ = got.Compact()
		if string(got) != string(want) {
			t.Errorf("detail %s came out as %s", want, got)
		}
	})
}
