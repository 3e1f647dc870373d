// Package bus publishes entries to event buses and judges what became of each.
//
// A [Publisher] takes entries in any number for buses in any region, cuts them
// into calls that EventBridge takes, and answers one [Outcome] an entry, in
// order: published, worth another try, or refused for good. It keeps no state
// and is safe for concurrent use; a driver ([Sender]) does the calls.
//
// Publishing is at least once: an outcome of [Retry] may hide an entry that was
// taken, and the entry's OutputID is how a consumer tells the duplicate.
package bus

import (
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A Sender does one PutEvents call. It is safe for concurrent use.
type Sender interface {
	// Send puts 1 to [events.MaxEntries] entries, in all at most
	// [events.MaxBytes] by [events.Entry.Size], to buses of one region. It
	// answers a result an entry, in order, or an error for the call as a whole:
	// a rejection where the call itself was refused, Unavailable where it may
	// be tried again.
	Send(ctx context.Context, region string, entries []events.Entry) ([]Result, error)
}

// A Result is EventBridge's answer to one entry.
type Result struct {
	EventID string // where the entry was taken
	Code    string // EventBridge's error code; "" where it was taken
}

// A Verdict says what to do about an entry.
type Verdict uint8

const (
	Published Verdict = iota // EventBridge has taken it
	Retry                    // not now: throttled, timed out, a fault of AWS's
	Refused                  // never: another try would meet the same answer
)

// An Outcome is what became of one entry.
type Outcome struct {
	Verdict Verdict
	EventID string // of a published entry
	Code    string // EventBridge's error code of one that is not published
}

// A Publisher publishes entries through a Sender.
type Publisher struct{ sender Sender }

// NewPublisher returns a publisher.
func NewPublisher(s Sender) *Publisher { return &Publisher{sender: s} }

// Publish sends all entries and answers an outcome for each, in order.
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
			outcomes[at] = judge(results[i])
		}
	case err == nil:
		b.fill(outcomes, Outcome{Verdict: Retry, Code: "IncompleteAnswer"})
	case !fault.IsRejection(err):
		b.fill(outcomes, Outcome{Verdict: Retry, Code: fault.CodeOf(err).String()})
	case len(b.index) == 1:
		b.fill(outcomes, Outcome{Verdict: Refused, Code: fault.MessageOf(err)})
	default:
		// One entry spoilt the call for its fellows: send each alone to find it.
		for _, at := range b.index {
			p.send(ctx, batch{region: b.region, index: []int{at}}, entries, outcomes)
		}
	}
}

// judge applies R32: an internal failure and throttling pass, the rest of
// EventBridge's codes say that the entry itself is not wanted.
func judge(r Result) Outcome {
	switch r.Code {
	case "":
		return Outcome{Verdict: Published, EventID: r.EventID}
	case "InternalFailure", "InternalException", "ThrottlingException":
		return Outcome{Verdict: Retry, Code: r.Code}
	}
	return Outcome{Verdict: Refused, Code: r.Code}
}

// A batch is one call: indexes of entries whose buses are in one region.
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

// batches cuts entries into calls, in order within each region.
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
