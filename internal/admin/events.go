package admin

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/trace"
)

// Events reads the events that the buses received and their deliveries. Results
// never hold an API key: each member of an event called api_key is masked.
type Events interface {
	// Tail reads events from a position, in the order in which they were received.
	// A page may be empty and not the last. The error is Invalid for a pattern
	// that EventBridge would reject.
	Tail(ctx context.Context, q TailQuery) (EventPage, error)
	// Trace returns the arrivals, log lines and effects of an event. The error is
	// NotFound if the event is not stored, or not stored any more.
	Trace(ctx context.Context, eventID string) (trace.Event, error)
	// Outcomes returns how events ended, in their order. The state of an event that
	// has not ended is "".
	Outcomes(ctx context.Context, events []OutcomeQuery) ([]trace.Outcome, error)
	// Sample returns the content of a valid input event for a schema. A POST has no key
	// if the router can make one. The error is NotFound if the tenant or the schema
	// does not exist, and Invalid if no example could be made.
	Sample(ctx context.Context, q SampleQuery) (Sample, error)
}

// SampleQuery selects the schema and the operation of a sample.
type SampleQuery struct {
	Tenant    events.TenantID  `json:"tenant"`
	Schema    events.SchemaID  `json:"schema"`
	Operation events.Operation `json:"operation"`
}

// Sample is the content of an input event.
type Sample struct {
	Payload   jsontext.Value `json:"payload"`
	StringKey string         `json:"stringKey,omitempty"` // the member that holds the key, if keys are strings
}

// OutcomeQuery names an event. On AWS, where events are not stored, tenant and
// idempotency key identify its result.
type OutcomeQuery struct {
	EventID        string          `json:"eventId"`
	Tenant         events.TenantID `json:"tenant,omitempty"`
	IdempotencyKey string          `json:"idempotencyKey,omitempty"` // "" if the sender gave none
	Sent           time.Time       `json:"sent,omitzero"`            // logs are searched from then on
}

// TailQuery selects events; an empty field matches all.
type TailQuery struct {
	Bus     string `json:"bus,omitempty"`     // a name or an ARN
	Pattern string `json:"pattern,omitempty"` // an event pattern
	// From is the first position: a page's Next, or 0 for the oldest stored event.
	// A negative number selects that many of the newest events.
	From int64 `json:"from"`
}

// EventPage is a page of events; Next is the position of the next page.
type EventPage struct {
	Events []trace.Info `json:"events"`
	Next   int64        `json:"next"`
}
