// Package trace has the shape of an event's trace: which buses received the event,
// what their rules and deliveries did with it, what functions logged about it, and
// its effects with their output events. The local EventBridge fills in the arrivals,
// the administration API the rest; commands print it.
//
// A trace never holds an API key: each is masked.
package trace

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
)

// Event holds everything that is stored about one event.
type Event struct {
	EventID string `json:"eventId"`
	// Outcome is how the event ended; its state is "" while that is not known.
	Outcome Outcome `json:"outcome,omitzero"`
	// Arrivals has one element for each bus that received the event and for each of
	// its replays, the oldest first.
	Arrivals []Arrival `json:"arrivals"`
	// Lines are those that functions logged about the event.
	Lines []Line `json:"lines"`
	// Effects are the stored results of the event's requests; empty if the event was
	// rejected without a stored result or repeated another one's idempotency key.
	Effects []Effect `json:"effects"`
}

// Info is an event as a bus received it, with API keys masked.
type Info struct {
	ID       string         `json:"id"`
	Bus      string         `json:"bus"`      // its ARN
	Received time.Time      `json:"received"` // when the bus received it
	Replay   string         `json:"replay,omitempty"`
	Event    jsontext.Value `json:"event"` // as targets receive it, masked
}

// Arrival is the receipt of an event by one bus.
type Arrival struct {
	Info
	Rules      []Rule     `json:"rules"` // the current rules of the bus
	Deliveries []Delivery `json:"deliveries"`
}

// Rule reports whether a rule matches an event.
type Rule struct {
	Rule    string   `json:"rule"` // its name
	Matches bool     `json:"matches"`
	Targets []string `json:"targets,omitempty"` // the last parts of their ARNs
	Why     string   `json:"why,omitempty"`     // the reason, if the rule does not match
	// Explanation is the result for each field; nil if the rule has no pattern.
	Explanation *pattern.Explanation `json:"explanation,omitempty"`
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

// Line is a line of a function's log.
type Line struct {
	Function string    `json:"function"`
	Time     time.Time `json:"time"`
	Text     string    `json:"text"`
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
	Entry
	// NotServed is set if the bus belongs to another account or region than the
	// server: the event reaches no rule.
	NotServed bool    `json:"notServed,omitzero"`
	Traces    []Event `json:"traces"`
}

// Entry describes an outbox entry without its payload.
type Entry struct {
	OutputID   string            `json:"outputId"`
	Tenant     events.TenantID   `json:"tenant"`
	Schema     events.SchemaID   `json:"schema"`
	Operation  events.Operation  `json:"operation"`
	Key        events.RecordKey  `json:"key"`
	Bus        events.BusARN     `json:"bus"`
	Source     string            `json:"source"`
	DetailType events.DetailType `json:"detailType"`
	State      string            `json:"state"`
	Attempts   int               `json:"attempts"`
	Error      string            `json:"error,omitempty"`
	Time       time.Time         `json:"time"` // of the change
}
