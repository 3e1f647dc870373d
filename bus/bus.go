// Package bus publishes entries to event buses and classifies the result of each.
//
// A [Publisher] accepts any number of entries for buses in any region, splits them
// into calls within EventBridge's limits, and returns one [Outcome] for each
// entry, in order: published, to be retried, or rejected. It has no state and is
// safe for concurrent use; a driver, the [Sender], makes the calls.
//
//	publisher := bus.NewPublisher(eventbridgebus.New(options))
//	for i, o := range publisher.Publish(ctx, entries) { ... }
//
// Publishing is at least once: an entry with the outcome [Retry] may have been
// published. A consumer recognizes the duplicate by the entry's OutputID.
package bus

import (
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A Sender makes one PutEvents call. It is safe for concurrent use.
type Sender interface {
	// Send puts 1 to [events.MaxEntries] entries, with a total [events.Entry.Size]
	// below [events.MaxBytes], to buses of one region. It returns a result
	// for each entry, in order, or an error for the whole call: a rejection if
	// EventBridge rejected the call, Unavailable if it can be repeated.
	Send(ctx context.Context, region string, entries []events.Entry) ([]Result, error)
}

// A Result is EventBridge's response for one entry.
type Result struct {
	EventID string // of a published entry
	Code    string // EventBridge's error code; "" for a published entry
}

// A Verdict classifies the result of an entry.
type Verdict uint8

const (
	Published Verdict = iota // EventBridge accepted it
	Retry                    // throttled, timed out, or a fault of AWS
	Refused                  // rejected for good; repeating it cannot succeed
)

// An Outcome is the result of publishing one entry.
type Outcome struct {
	Verdict Verdict
	EventID string // of a published entry
	Code    string // EventBridge's error code of an entry that was not published
}

// A Publisher publishes entries through a Sender.
type Publisher struct{ sender Sender }

// NewPublisher returns a publisher.
func NewPublisher(s Sender) *Publisher { return &Publisher{sender: s} }

// Publish sends all entries and returns an outcome for each, in order.
func (p *Publisher) Publish(ctx context.Context, entries []events.Entry) []Outcome {
	outcomes := make([]Outcome, len(entries))
	for _, b := range batches(entries) {
		p.send(ctx, b, entries, outcomes)
	}
	return outcomes
}

func (p *Publisher) send(ctx context.Context, b batch, entries []events.Entry, outcomes []Outcome) {
	call := make([]events.Entry, len(b.index))
	for i, at := range b.index {
		call[i] = entries[at]
	}
	results, err := p.sender.Send(ctx, b.region, call)
	switch {
	case err == nil && len(results) == len(call):
		for i, at := range b.index {
			outcomes[at] = classify(results[i])
		}
	case err == nil:
		b.fill(outcomes, Outcome{Verdict: Retry, Code: "IncompleteResponse"})
	case !fault.IsRejection(err):
		b.fill(outcomes, Outcome{Verdict: Retry, Code: fault.CodeOf(err).String()})
	case len(b.index) == 1:
		b.fill(outcomes, Outcome{Verdict: Refused, Code: fault.MessageOf(err)})
	default:
		// One entry caused the rejection of the whole call: send each alone to find it.
		for _, at := range b.index {
			p.send(ctx, batch{region: b.region, index: []int{at}}, entries, outcomes)
		}
	}
}

// classify applies R32: internal failures and throttling are temporary; every
// other code of EventBridge rejects the entry.
func classify(r Result) Outcome {
	switch r.Code {
	case "":
		return Outcome{Verdict: Published, EventID: r.EventID}
	case "InternalFailure", "InternalException", "ThrottlingException":
		return Outcome{Verdict: Retry, Code: r.Code}
	}
	return Outcome{Verdict: Refused, Code: r.Code}
}

// A batch holds the indexes of the entries of one call, whose buses are in one
// region.
type batch struct {
	region string
	index  []int
	bytes  int
}

func (b batch) fill(outcomes []Outcome, o Outcome) {
	for _, at := range b.index {
		outcomes[at] = o
	}
}

// batches splits entries into calls, in order within each region.
func batches(entries []events.Entry) []batch {
	var done []batch
	open := make(map[string]int, 1) // region to its last batch in done
	for i := range entries {
		region, size := entries[i].Bus.Region(), entries[i].Size()
		at, ok := open[region]
		if !ok || len(done[at].index) == events.MaxEntries || done[at].bytes+size >= events.MaxBytes {
			at = len(done)
			open[region] = at
			done = append(done, batch{region: region})
		}
		done[at].index = append(done[at].index, i)
		done[at].bytes += size
	}
	return done
}
