package router

import (
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// tellsOutcome reports whether the sender is told what becomes of the request
// by an event: an input event's, where the tenant names a bus for results. Who
// called over REST has an answer. Nobody is told who has shown no good key.
func (g *authorizedRequest) wantsResult() bool {
	return g.event && g.owner != nil && g.owner.Results != ""
}

// outcome is the entry that tells it. It goes out as every other entry does:
// committed with the mark, published after it, drained by the relay.
func (g *authorizedRequest) outcome(r *store.Result) store.Entry {
	return store.Entry{Bus: g.owner.Results, Source: events.OutputSource, DetailType: r.OutcomeDetailType(),
		Outcome: true, State: store.EntryPending}
}

// rejectionRecord stores a refusal as the answer to every redelivery.
func rejectionRecord(g *authorizedRequest, key events.RecordKey, refusal error) store.IdempotencyRecord {
	m := store.IdempotencyRecord{
		Key:         g.idempotency,
		Fingerprint: g.fingerprint,
		Result: store.Result{
			Ref:        store.Ref{Collection: g.collection(), Key: key},
			Operation:  g.operation,
			Rejected:   true,
			Code:       fault.CodeOf(refusal),
			Message:    fault.MessageOf(refusal),
			Violations: fault.ViolationsOf(refusal),
		},
	}
	if g.wantsResult() {
		m.Outputs = g.origin()
		m.Outputs.Entries = []store.Entry{g.outcome(&m.Result)}
	}
	return m
}

// origin is what all entries of a request share: where it came from.
func (g *authorizedRequest) origin() store.Outputs {
	return store.Outputs{
		InputEventID:  g.eventID,
		CorrelationID: g.correlationID,
		Hops:          g.hops + 1,
		TraceHeader:   g.trace,
	}
}
