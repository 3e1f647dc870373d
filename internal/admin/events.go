package admin

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
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
	Trace(ctx context.Context, eventID string) (Trace, error)
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
	Events []EventInfo `json:"events"`
	Next   int64       `json:"next"`
}

// EventInfo is an event with API keys masked.
type EventInfo struct {
	ID       string         `json:"id"`
	Bus      string         `json:"bus"`      // its ARN
	Received time.Time      `json:"received"` // when the bus received it
	Replay   string         `json:"replay,omitempty"`
	Event    jsontext.Value `json:"event"` // as targets receive it, masked
}

// Trace holds everything that is stored about one event.
type Trace struct {
	EventID string `json:"eventId"`
	// Arrivals has one element for each bus that received the event and for each of
	// its replays, the oldest first.
	Arrivals []Arrival `json:"arrivals"`
	// Lines are those that functions logged about the event.
	Lines []FunctionLine `json:"lines"`
	// Effects are the stored results of the event's requests; empty if the event was
	// rejected without a stored result or repeated another one's idempotency key.
	Effects []Effect `json:"effects"`
}

// Arrival is the receipt of an event by one bus.
type Arrival struct {
	EventInfo
	Rules      []RuleVerdict `json:"rules"` // the current rules of the bus
	Deliveries []Delivery    `json:"deliveries"`
}

// Delivery is the state of an event's delivery to one target.
type Delivery struct {
	Rule      string    `json:"rule"`   // its name
	Target    string    `json:"target"` // its ARN
	State     string    `json:"state"`  // delivered, waiting or given up
	Attempts  int       `json:"attempts"`
	Due       time.Time `json:"due,omitzero"` // the next attempt, if the state is waiting
	LastError string    `json:"lastError,omitempty"`
	Queue     string    `json:"queue,omitempty"` // the dead-letter queue that received it
}

// FunctionLine is a line of a function's log.
type FunctionLine struct {
	Function string `json:"function"`
	LogLine
}

// Effect is the stored result of a request: its change and its bill, or its
// rejection.
type Effect struct {
	Tenant    events.TenantID  `json:"tenant"`
	Schema    events.SchemaID  `json:"schema,omitempty"`
	Operation events.Operation `json:"operation"`
	Key       events.RecordKey `json:"key,omitempty"`
	Revision  int64            `json:"revision,omitzero"`
	Time      time.Time        `json:"time"`
	Rejected  string           `json:"rejected,omitempty"` // the reason, if it was rejected
	Tokens    int64            `json:"tokens"`
	Month     string           `json:"month,omitempty"` // in which the tokens are billed
	KeyID     apikey.ID        `json:"keyId,omitempty"`
	Outputs   []Output         `json:"outputs"`
}

// Output is an outbox entry of a request. Traces are those of the published
// events: none while the entry is pending or if its bus is not local, more than
// one if it was published again.
type Output struct {
	EntryInfo
	Traces []Trace `json:"traces"`
}
