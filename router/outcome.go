package router

import (
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// wantsResult reports whether the result of the request is published as an event:
// for an input event of a tenant that has a bus for results. A REST call has a
// response, and a request without a valid API key gets no event.
func (g *authorizedRequest) wantsResult() bool {
	return g.event && g.owner != nil && g.owner.Results != ""
}

// outcome returns the entry that reports the result. It is committed and published
// like every other entry.
func (g *authorizedRequest) outcome(r *store.Result) store.Entry {
	return store.Entry{Bus: g.owner.Results, Source: events.OutputSource, DetailType: r.OutcomeDetailType(),
		Outcome: true, State: store.EntryPending}
}

// rejectionRecord returns the idempotency record that stores a rejection as the
// result of the request.
func rejectionRecord(g *authorizedRequest, key events.RecordKey, rejection error) store.IdempotencyRecord {
	m := store.IdempotencyRecord{
		Key:         g.idempotency,
		Fingerprint: g.fingerprint,
		Result: store.Result{
			Ref:        store.Ref{Collection: g.collection(), Key: key},
			Operation:  g.operation,
			Rejected:   true,
			Code:       fault.CodeOf(rejection),
			Message:    fault.MessageOf(rejection),
			Violations: fault.ViolationsOf(rejection),
		},
	}
	if g.wantsResult() {
		m.Outputs = g.origin()
		m.Outputs.Entries = []store.Entry{g.outcome(&m.Result)}
	}
	return m
}

// origin returns what all entries of a request share: ids, hops and trace header.
func (g *authorizedRequest) origin() store.Outputs {
	return store.Outputs{
		InputEventID:  g.eventID,
		CorrelationID: g.correlationID,
		Hops:          g.hops + 1,
		TraceHeader:   g.trace,
	}
}
