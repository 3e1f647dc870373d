package router

import (
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// An Outcome is a request's end in one word, as logs and metrics have it.
type Outcome string

const (
	Succeeded Outcome = "carried-out" // the change is committed
	Replayed  Outcome = "replayed"    // an earlier delivery had been answered
	Rejected  Outcome = "rejected"    // final, the caller's fault
	Faulted   Outcome = "fault"       // ours or AWS's: to be tried again
	Ignored   Outcome = "ignored"     // noProjection for us: no effect
)

// Report is what one canonical log line tells of a request. It holds neither
// key nor payload, and the record key only where the schema lets it be logged.
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
	Published PublishResult
	Quota     Quota
	Stages    []Stage

	now  func() time.Time
	last time.Time
}

// A Stage is how long one stage took.
type Stage struct {
	Name     string
	Duration time.Duration
}

func newReport(now func() time.Time) *Report {
	return &Report{now: now, last: now(), Stages: make([]Stage, 0, 5)}
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

// names notes the record, where its schema lets its key be logged.
func (r *Report) names(key events.RecordKey, schema *tenant.Schema) {
	if schema != nil && schema.LogKey {
		r.RecordKey = key
	}
}

func (r *Report) applied(*committed) { r.lap("apply") }

func (r *Report) published(e PublishResult) {
	r.lap("emit")
	r.Published = e
}

// end notes how the request ended, and returns err.
func (r *Report) finish(receipt store.Result, err error) error {
	switch {
	case err != nil && !fault.IsRejection(err):
		r.Outcome = Faulted
	case receipt.Replayed:
		r.Outcome = Replayed
	case err != nil:
		r.Outcome = Rejected
	default:
		r.Outcome, r.Tokens = Succeeded, TokensPerRequest
	}
	if err != nil {
		r.Code, r.Cause = fault.CodeOf(err), err
	}
	r.Revision = receipt.Revision
	return err
}
