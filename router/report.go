package router

import (
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// An Outcome classifies how a request ended, in logs and metrics.
type Outcome string

const (
	Succeeded Outcome = "carried-out" // the change was committed
	Replayed  Outcome = "replayed"    // the stored result of an earlier delivery was returned
	Rejected  Outcome = "rejected"    // final; the caller's error
	Faulted   Outcome = "fault"       // the router's or AWS's; the event is retried
	Ignored   Outcome = "ignored"     // not addressed to the router: no effect
)

// A Report is the content of a request's log line. It contains neither the API key
// nor the payload, and the record key only if the schema allows logging it.
type Report struct {
	Outcome   Outcome
	Code      fault.Code // of a rejection or fault
	Cause     error      // of a rejection or fault, for the log alone
	EventID   string
	Tenant    events.TenantID
	Schema    events.SchemaID
	Operation events.Operation
	KeyID     apikey.ID
	RecordKey events.RecordKey
	Revision  int64
	Tokens    int64 // billed by this delivery
	Published outbox.PublishResult
	Quota     Quota
	Stages    []Stage

	now  func() time.Time
	last time.Time
}

// A Stage is the duration of one stage.
type Stage struct {
	Name     string
	Duration time.Duration
}

func newReport(id string, now func() time.Time) *Report {
	return &Report{EventID: id, now: now, last: now(), Stages: make([]Stage, 0, 5)}
}

func (r *Report) lap(name string) {
	t := r.now()
	r.Stages = append(r.Stages, Stage{name, t.Sub(r.last)})
	r.last = t
}

func (r *Report) decoded(req *request) {
	r.lap("decode")
	r.Tenant, r.Schema, r.Operation = req.tenant, req.schema, req.operation
	if req.eventID != "" {
		r.EventID = req.eventID
	}
}

func (r *Report) authorized(g *authorizedRequest) {
	r.lap("authorize")
	r.KeyID = g.keyID
}

func (r *Report) validated(op *validatedRequest) {
	r.lap("validate")
	r.names(op.ref.Key, op.contract)
}

// names sets the record key if the schema allows logging it.
func (r *Report) names(key events.RecordKey, schema *tenant.Schema) {
	if schema != nil && schema.LogKey {
		r.RecordKey = key
	}
}

func (r *Report) applied(*committed) { r.lap("apply") }

func (r *Report) published(e outbox.PublishResult) {
	r.lap("emit")
	r.Published = e
}

// finish sets how the request ended.
func (r *Report) finish(result *store.Result, err error) {
	switch {
	case err != nil && !fault.IsRejection(err):
		r.Outcome = Faulted
	case result.Replayed:
		r.Outcome = Replayed
	case err != nil:
		r.Outcome = Rejected
	default:
		r.Outcome, r.Tokens = Succeeded, TokensPerRequest
	}
	if err != nil {
		r.Code, r.Cause = fault.CodeOf(err), err
	}
	r.Revision = result.Revision
}
