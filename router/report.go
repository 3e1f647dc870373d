package router

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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

	contract *tenant.Schema // of a request that was validated
	now      func() time.Time
	last     time.Time
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
	r.contract = op.contract
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

// envelopeNames are the names that an event's form declares.
var envelopeNames = []string{"account", "api_key", "correlationId", "detail", "detail-type", "hops", "id", "idempotency_key",
	"metadata", "operation", "payload", "region", "resources", "rootSchema", "source", "tenant", "time", "version"}

// Problems returns the violations of a rejected request for the log. Their pointers
// hold only names that the schema, or the form of an event, declares: a sender's own
// names are data of the tenant and become *.
func (r *Report) Problems() []fault.Violation {
	violations := slices.Clone(fault.ViolationsOf(r.Cause))
	for i := range violations {
		v := &violations[i]
		v.Pointer = redactPointer(v.Pointer, v.Indexes, r.contract)
	}
	return violations
}

// redactPointer replaces the tokens of a JSON Pointer by * that are neither declared
// nor the index of an array's element; see [fault.Violation.Indexes]. A nil schema
// stands for the form of an event.
func redactPointer(pointer string, indexes uint64, schema *tenant.Schema) string {
	var b strings.Builder
	n := 0
	for token := range jsontext.Pointer(pointer).Tokens() {
		declared := indexes>>n&1 != 0
		switch {
		case declared:
		case schema != nil:
			declared = schema.Declares(token)
		default:
			declared = slices.Contains(envelopeNames, token)
		}
		if !declared {
			token = "*"
		}
		b.WriteString(string(jsontext.Pointer("").AppendToken(token)))
		n++
	}
	return b.String()
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
