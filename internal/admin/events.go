package admin

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
)

// Events shows what the buses took and what came of it. Nothing that it answers
// holds an API key: each member of an event that is called api_key is masked.
type Events interface {
	// Tail reads events from a place on, in the order in which they were taken.
	// A page may be empty and not the last. The fault is Invalid for a pattern
	// that EventBridge would refuse.
	Tail(ctx context.Context, q TailQuery) (EventPage, error)
	// Trace tells the whole story of an event. The fault is NotFound where it is
	// not kept, or not any more.
	Trace(ctx context.Context, eventID string) (Trace, error)
}

// TailQuery chooses events; an empty field chooses all.
type TailQuery struct {
	Bus     string `json:"bus,omitempty"`     // a name or an ARN
	Pattern string `json:"pattern,omitempty"` // an event pattern
	// From is where to begin: a page's Next, or 0 for the oldest event kept; a
	// negative one asks for that many of the newest.
	From int64 `json:"from"`
}

// EventPage is a part of what the buses took; Next is where to go on.
type EventPage struct {
	Events []EventInfo `json:"events"`
	Next   int64       `json:"next"`
}

// EventInfo is an event as it may be shown.
type EventInfo struct {
	ID       string         `json:"id"`
	Bus      string         `json:"bus"`      // its ARN
	Received time.Time      `json:"received"` // when the bus took it
	Replay   string         `json:"replay,omitempty"`
	Event    jsontext.Value `json:"event"` // as targets get it, masked
}

// Trace is one event's whole story.
type Trace struct {
	EventID string `json:"eventId"`
	// Arrivals has one element for each bus that the event came over and for each
	// of its replays, the oldest first.
	Arrivals []Arrival `json:"arrivals"`
	// Lines are those that functions logged about the event.
	Lines []FunctionLine `json:"lines"`
	// Effects are what requests of the event left; none where it was refused, or
	// repeated another one's idempotency key.
	Effects []Effect `json:"effects"`
}

// Arrival is an event's coming to one bus.
type Arrival struct {
	EventInfo
	Rules      []RuleVerdict `json:"rules"` // of the bus, as they are now
	Deliveries []Delivery    `json:"deliveries"`
}

// Delivery is how far an event has come to one target.
type Delivery struct {
	Rule      string    `json:"rule"`   // its name
	Target    string    `json:"target"` // its ARN
	State     string    `json:"state"`  // delivered, waiting or given up
	Attempts  int       `json:"attempts"`
	Due       time.Time `json:"due,omitzero"` // when one that waits is tried again
	LastError string    `json:"lastError,omitempty"`
	Queue     string    `json:"queue,omitempty"` // the dead-letter queue that got it
}

// FunctionLine is a line of a function's log.
type FunctionLine struct {
	Function string `json:"function"`
	LogLine
}

// Effect is what a request left: its change and its bill, or its refusal.
type Effect struct {
	Tenant    events.TenantID  `json:"tenant"`
	Schema    events.SchemaID  `json:"schema,omitempty"`
	Operation events.Operation `json:"operation"`
	Key       events.RecordKey `json:"key,omitempty"`
	Revision  int64            `json:"revision,omitzero"`
	Time      time.Time        `json:"time"`
	Rejected  string           `json:"rejected,omitempty"` // why, where it was
	Tokens    int64            `json:"tokens"`
	Month     string           `json:"month,omitempty"` // that the tokens are billed in
	KeyID     apikey.ID        `json:"keyId,omitempty"`
	Outputs   []Output         `json:"outputs"`
}

// Output is an entry that a request had published. Traces are of the events that
// equal it: none while it is pending or where its bus is elsewhere, more than one
// where it was published again.
type Output struct {
	EntryInfo
	Traces []Trace `json:"traces"`
}
