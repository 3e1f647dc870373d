package trace

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A State is how an event ended, in one word.
type State string

// The states of an outcome. An input event is created, replaced, changed, deleted,
// repeated, rejected or failed; any other event is delivered.
const (
	created     State = "created"
	replaced    State = "replaced"
	changed     State = "changed"
	deleted     State = "deleted"
	Repeated    State = "repeated" // the stored result of an earlier event was returned
	Rejected    State = "rejected" // final: the sender's error
	Failed      State = "failed"   // the router's or AWS's; the event is retried
	Ignored     State = "ignored"  // the router had nothing to do
	Delivered   State = "delivered"
	Undelivered State = "not delivered"
	NoRule      State = "no rule" // no rule matched
)

// Outcome is how one event ended.
type Outcome struct {
	EventID   string           `json:"eventId"`
	State     State            `json:"state"` // "" while it is not known
	Status    int              `json:"status,omitzero"`
	Tenant    events.TenantID  `json:"tenant,omitempty"`
	Schema    events.SchemaID  `json:"schema,omitempty"`
	Operation events.Operation `json:"operation,omitempty"`
	Key       events.RecordKey `json:"key,omitempty"`
	Tokens    int64            `json:"tokens,omitzero"`
	// Published and Pending are the names of the buses of the output events.
	Published []string `json:"published,omitempty"`
	Pending   []string `json:"pending,omitempty"`
	// Problems are the violations of a rejected event; of the sender's own names a
	// pointer has only those that the schema declares.
	Problems []fault.Violation `json:"problems,omitempty"`
	Message  string            `json:"message,omitempty"` // the reason, without problems
	// Targets are the names of the targets that received the event.
	Targets []string `json:"targets,omitempty"`
	// Failures are the deliveries that have not succeeded, other than those to the
	// router, each with its last error.
	Failures []string `json:"failures,omitempty"`
	// Running reports that deliveries or output events are still under way.
	Running bool `json:"running,omitzero"`

	Time      time.Time     `json:"-"` // of the log line
	Duration  time.Duration `json:"-"`
	RequestID string        `json:"-"`
}

// Succeeded reports whether the event had its effect and reached every target.
func (o *Outcome) Succeeded() bool {
	switch o.State {
	case created, replaced, changed, deleted, Repeated, Ignored, Delivered:
		return len(o.Failures) == 0
	}
	return false
}

// stateOf maps operations to the state of an event that was carried out.
var stateOf = map[events.Operation]State{events.Post: created, events.Put: replaced, events.Patch: changed, events.Delete: deleted}

// StateOf returns the state of an event whose operation was carried out.
func StateOf(op events.Operation) State { return stateOf[op] }

// ParseLine returns the outcome that a line of the router's log reports. It returns
// false for any other line.
func ParseLine(text string) (Outcome, bool) {
	var line struct {
		Time      time.Time         `json:"time"`
		Outcome   string            `json:"outcome"`
		Status    int               `json:"status"`
		Tenant    events.TenantID   `json:"tenant"`
		Schema    events.SchemaID   `json:"schema"`
		Operation events.Operation  `json:"operation"`
		EventID   string            `json:"eventId"`
		RequestID string            `json:"requestId"`
		RecordKey events.RecordKey  `json:"recordKey"`
		Error     string            `json:"error"`
		Reason    string            `json:"reason"`
		Problems  []fault.Violation `json:"problems"`
		Tokens    int64             `json:"Tokens"`
		Duration  float64           `json:"Duration"`
	}
	if !strings.Contains(text, `"outcome":"`) || json.Unmarshal([]byte(text), &line) != nil {
		return Outcome{}, false
	}
	o := Outcome{EventID: line.EventID, Status: line.Status, Tenant: line.Tenant, Schema: line.Schema, Operation: line.Operation,
		Key: line.RecordKey, Tokens: line.Tokens, Problems: line.Problems, Message: line.Error,
		Time: line.Time, Duration: time.Duration(line.Duration * float64(time.Millisecond)), RequestID: line.RequestID}
	switch line.Outcome {
	case "carried-out":
		o.State = StateOf(line.Operation)
	case "replayed":
		o.State = Repeated
	case "rejected":
		o.State = Rejected
	case "fault":
		o.State = Failed
	case "ignored":
		o.State, o.Message = Ignored, line.Reason
	default:
		return Outcome{}, false
	}
	if o.State == Repeated && line.Error != "" {
		o.State = Rejected // again
	}
	return o, o.State != ""
}

// Record returns the path of the record: tenant, schema and key, as far as known.
func (o *Outcome) Record() string {
	path := string(o.Tenant)
	for _, part := range []string{string(o.Schema), string(o.Key)} {
		if part != "" {
			path += "/" + part
		}
	}
	return path
}

// String returns the outcome on one line, for example
//
//	created acme/products/7 · 10 tokens · published to default, analytics
//	rejected 400  /price: must be a number
func (o *Outcome) String() string {
	text := string(o.State)
	switch o.State {
	case "":
		text = "no outcome yet"
	case Rejected, Failed:
		text = strings.TrimSpace(fmt.Sprintf("%s %d", o.State, o.Status)) + "  " + o.Reason()
		if o.State == Failed {
			text += "; the event is retried"
		}
	case Ignored, NoRule:
		if o.State == NoRule {
			text = "matched no rule"
		}
		if o.Message != "" {
			text += ": " + o.Message
		}
	case Delivered:
		text += " to " + strings.Join(o.Targets, ", ")
	case Undelivered:
	case Repeated:
		text += " " + o.Record() + " · nothing is billed again"
	default:
		text += fmt.Sprintf(" %s · %d tokens", o.Record(), o.Tokens)
		if len(o.Published) > 0 {
			text += " · published to " + strings.Join(o.Published, ", ")
		}
		if len(o.Pending) > 0 {
			text += " · not yet published to " + strings.Join(o.Pending, ", ")
		}
		if len(o.Published)+len(o.Pending) == 0 {
			text += " · no output events"
		}
	}
	for i, failure := range o.Failures {
		if i == 0 && o.State == Undelivered {
			text += " "
		} else {
			text += " · not delivered "
		}
		text += "to " + failure
	}
	return text
}

// Short returns the outcome without the bill and the reasons of rules, for a column.
func (o *Outcome) Short() string {
	switch o.State {
	case NoRule:
		return string(o.State)
	case created, replaced, changed, deleted, Repeated:
		if len(o.Failures) == 0 {
			return string(o.State) + " " + o.Record()
		}
	}
	return o.String()
}

// mostShown is the number of problems that Reason shows.
const mostShown = 3

// Reason returns why an event was rejected or failed: the first problems, each with
// its field, or the message.
func (o *Outcome) Reason() string {
	if len(o.Problems) == 0 {
		return o.Message
	}
	var parts []string
	for i, v := range o.Problems {
		if i == mostShown {
			parts = append(parts, fmt.Sprintf("and %d more", len(o.Problems)-i))
			break
		}
		parts = append(parts, Problem(v))
	}
	return strings.Join(parts, "; ")
}

// Problem returns a violation as text: the field and what is wrong with it.
func Problem(v fault.Violation) string {
	if v.Pointer == "" {
		return "payload " + v.Message
	}
	return v.Pointer + ": " + v.Message
}
