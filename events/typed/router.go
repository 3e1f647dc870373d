package typed

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// InputDetail is the detail of an input event, for those who send one: P is
// the type of its payload. The router itself reads input with [DecodeInput],
// which checks it.
type InputDetail[P any] struct {
	Tenant         events.TenantID  `json:"tenant"`
	RootSchema     events.SchemaID  `json:"rootSchema"`
	Operation      events.Operation `json:"operation,omitzero"` // "" stands for POST
	APIKey         events.Secret    `json:"api_key"`            // masked, but by Entry and Event.Encode
	IdempotencyKey string           `json:"idempotency_key,omitzero"`
	Payload        P                `json:"payload"`
	Metadata       *InputMetadata   `json:"metadata,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// InputMetadata hands on what the causing output event said of itself.
type InputMetadata struct {
	CorrelationID string `json:"correlationId,omitzero"`
	Hops          int    `json:"hops,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// Entry is the event to send with PutEvents to have the router carry out d. It
// holds the API key in clear, as the router needs it.
func (d InputDetail[P]) Entry(at time.Time) (events.Entry, error) {
	detail, err := json.Marshal(d, forSending)
	if err != nil {
		return events.Entry{}, fault.Wrap("events.Entry", fault.Invalid, err)
	}
	op := d.Operation
	if op == "" {
		op = events.Post
	}
	return events.Entry{
		Source:     events.InputSource,
		DetailType: events.InputDetailType(d.RootSchema, op),
		Time:       at,
		Detail:     detail,
	}, nil
}

// OutputDetail is the detail of an event that the router published: P is the
// type of its payload, which the tenant's schema describes.
type OutputDetail[P any] struct {
	Tenant     events.TenantID  `json:"tenant"`
	RootSchema events.SchemaID  `json:"rootSchema"`
	Operation  events.Operation `json:"operation"`
	Payload    P                `json:"payload"`
	// Metadata is there where the output rule asks for it.
	Metadata *OutputMetadata `json:"metadata,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// OutputMetadata says which change an output event tells of.
type OutputMetadata struct {
	// OutputID is the same however often the event is published, and so what a
	// consumer drops duplicates by. The envelope's id is not.
	OutputID      string `json:"outputId"`
	InputEventID  string `json:"inputEventId,omitzero"`
	CorrelationID string `json:"correlationId,omitzero"`
	Hops          int    `json:"hops,omitzero"`
	// Revision orders the events of one record.
	Revision int64            `json:"revision,omitzero"`
	Time     events.Timestamp `json:"time,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// Details whose payload stays text: what a registry makes of the router's
// events where no more is known of the tenant's schemas.
type (
	RawInputDetail  = InputDetail[jsontext.Value]
	RawOutputDetail = OutputDetail[jsontext.Value]
)

// RouterEvents knows the router's own events: input, and under the source that
// rules have by default output and outcomes.
func RouterEvents() Map {
	return Map{
		{Source: events.InputSource}:  Decode[RawInputDetail],
		{Source: events.OutputSource}: decodePublished,
	}
}

// OutputEvents knows the output events that rules send under a source of the
// tenant's own, whatever their detail-type.
func OutputEvents(source string) Map {
	return Map{{Source: source}: Decode[RawOutputDetail]}
}

// OutputEventsOf knows the output events of one schema, with payload P, under
// the detail-types that rules have by default, {schema}.{operation}. No
// operations stand for all four. For a detail-type of the tenant's own, write
//
//	Map{{Source: source, DetailType: "Pet Changed"}: Decode[OutputDetail[Pet]]}
func OutputEventsOf[P any](source string, schema events.SchemaID, operations ...events.Operation) Map {
	if len(operations) == 0 {
		operations = events.Writes[:]
	}
	m := make(Map, len(operations))
	for _, op := range operations {
		m[Kind{source, events.InputDetailType(schema, op)}] = Decode[OutputDetail[P]]
	}
	return m
}

// forSending reveals secrets, which every other encoding masks, and writes the
// same value the same way each time.
var forSending = json.JoinOptions(
	json.Deterministic(true),
	json.WithMarshalers(json.MarshalToFunc(func(enc *jsontext.Encoder, s events.Secret) error {
		return enc.WriteToken(jsontext.String(s.Reveal()))
	})),
)
