package typed

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// OutcomeDetail is the detail of the event that reports to a sender what became of
// its input event, on the bus that the tenant property eventbridge-results
// names. It holds no payload.
type OutcomeDetail struct {
	Tenant       events.TenantID  `json:"tenant"`
	RootSchema   events.SchemaID  `json:"rootSchema"`
	Operation    events.Operation `json:"operation"`
	Outcome      string           `json:"outcome"` // accepted or rejected
	Status       int              `json:"status"`  // as the HTTP API would have answered
	InputEventID string           `json:"inputEventId"`
	Key          events.RecordKey `json:"key,omitzero"`      // of the record, where the request named or made one
	Revision     int64            `json:"revision,omitzero"` // of an accepted change

	// Code, Message and Errors tell why a request was rejected.
	Code    string            `json:"code,omitzero"`
	Message string            `json:"message,omitzero"`
	Errors  []fault.Violation `json:"errors,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

// decodePublished decodes what the router publishes under its own source: an
// outcome by the end of its detail-type, else an output event.
func decodePublished(e events.Envelope) (Decoded, error) {
	if kind := string(e.DetailType); strings.HasSuffix(kind, "."+events.Accepted) || strings.HasSuffix(kind, "."+events.Rejected) {
		return Decode[OutcomeDetail](e)
	}
	return Decode[RawOutputDetail](e)
}
