package router

import (
	"crypto/sha256"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A request is a well-formed request of a caller.
type request struct {
	tenant    events.TenantID
	schema    events.SchemaID
	operation events.Operation
	apiKey    events.Secret
	payload   jsontext.Value // an object
	condition Condition

	// path is the key that a REST call names in its path; "" for an event, and
	// for a POST. An escape has been undone, nothing has been checked.
	path string

	idempotency store.IdempotencyKey

	event         bool      // it came as an event, so the tenant's input must be on
	time          time.Time // of the event; zero where unknown
	eventID       string
	correlationID string
	hops          int
	trace         string
}

// A Condition restricts the versions of the record to which a request applies.
type Condition struct {
	// Match lists stamps of which the record must bear one; MatchAny asks for a
	// record whatever its stamp.
	Match    []store.Version
	MatchAny bool
	// NoneMatch lists stamps of which the record must bear none; NoneMatchAny
	// asks that there be no record.
	NoneMatch    []store.Version
	NoneMatchAny bool
}

func (r *request) collection() store.Collection {
	return store.Collection{Tenant: r.tenant, Schema: r.schema}
}

// decodeEvent returns the request of an event (R1, R3, R11). trace is the X-Ray
// header to pass on.
func decodeEvent(e *events.Envelope, trace string) (request, error) {
	if !e.IsInput() {
		return request{}, fault.Errorf(fault.Invalid, "source must be %s", events.InputSource)
	}
	in, err := events.DecodeInput(e)
	if err != nil {
		return request{tenant: in.Tenant, schema: in.Schema, operation: in.Operation}, err
	}
	req := request{
		tenant: in.Tenant, schema: in.Schema, operation: in.Operation,
		apiKey: in.APIKey, payload: in.Payload,
		idempotency:   store.IdempotencyKey{Tenant: in.Tenant, Origin: store.OriginEventKey, Value: in.IdempotencyKey},
		event:         true,
		eventID:       e.ID,
		correlationID: in.Metadata.CorrelationID,
		hops:          in.Metadata.Hops,
		trace:         trace,
	}
	if in.Metadata.TraceHeader != "" { // the sender's trace goes on, not that of the delivery
		req.trace = in.Metadata.TraceHeader
	}
	if in.IdempotencyKey == "" {
		if err := events.CheckIdempotencyKey(e.ID); err != nil {
			return req, &fault.Error{Code: fault.Invalid, Message: "/id: " + fault.MessageOf(err),
				Violations: []fault.Violation{{Pointer: "/id", Message: fault.MessageOf(err)}}}
		}
		req.idempotency = store.IdempotencyKey{Tenant: in.Tenant, Origin: store.OriginEventID, Value: e.ID}
	}
	if e.Time != "" {
		if req.time, err = e.Time.Time(); err != nil {
			return req, &fault.Error{Code: fault.Invalid, Message: "/time: " + fault.MessageOf(err),
				Violations: []fault.Violation{{Pointer: "/time", Message: fault.MessageOf(err)}}}
		}
	}
	if req.correlationID == "" {
		req.correlationID = e.ID
	}
	if req.hops >= events.MaxHops {
		return req, fault.Errorf(fault.Invalid, "the event has passed %d routers, the limit: it is in a loop", req.hops)
	}
	return req, nil
}

// fingerprint distinguishes requests with one idempotency key. The order of the
// members of a JSON object does not matter.
//
// Stored fingerprints outlive the program. Another algorithm needs another
// number, format.Idempotency, and [store.Change] the fingerprints of the older
// ones; all formats so far have this one.
func (r *request) fingerprint() (store.Fingerprint, error) {
	b := make([]byte, 0, 256+len(r.payload))
	for _, part := range [...]string{string(r.tenant), string(r.schema), string(r.operation), r.path} {
		b = append(append(b, part...), 0)
	}
	for _, s := range r.condition.Match {
		b = append(append(b, s...), 0)
	}
	for _, s := range r.condition.NoneMatch {
		b = append(append(append(b, '!'), s...), 0)
	}
	if r.condition.MatchAny {
		b = append(b, 1)
	}
	if r.condition.NoneMatchAny {
		b = append(b, 2)
	}
	b = append(b, 0)
	b, err := events.AppendCanonical(b, r.payload)
	if err != nil {
		return store.Fingerprint{}, fault.Wrap("router.fingerprint", fault.Invalid, err)
	}
	return sha256.Sum256(b), nil
}
