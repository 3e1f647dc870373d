package router

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A Call is a request over REST as an HTTP adapter has read it. Path and
// headers have been unescaped once and otherwise not been checked.
type Call struct {
	Tenant, Schema string
	// Key is the record that the path names; "" for a POST and for a list.
	Key       string
	Operation events.Operation
	APIKey    events.Secret
	// Body is the payload of a POST, PUT or PATCH.
	Body []byte
	// IdempotencyKey is the header of that name; "" where there is none.
	IdempotencyKey string
	// RequestID names this one request: no caller can choose it.
	RequestID string
	Condition Condition
	Trace     string

	// billed stands in for the schema of a read that concerns no one schema.
	billed events.SchemaID
}

// Call carries out a write over REST, just as [Router.Event] does an event. The
// report is filled in whatever happens.
func (r *Router) Call(ctx context.Context, c *Call) (store.Result, *Report, error) {
	report := newReport(r.now)
	report.EventID = c.RequestID
	req, err := c.write()
	receipt, err := r.handle(ctx, req, err, report)
	return receipt, report, err
}

// emptyPayload stands for the body that a DELETE and a read do not have. The
// path fills a DELETE's key in, so that its output event has the payload that
// the same input event would have.
var emptyPayload = jsontext.Value(`{}`)

// write makes a request of a call that changes a record.
func (c *Call) write() (request, error) {
	req, err := c.request()
	if err != nil {
		return req, err
	}
	if c.Operation != events.Delete {
		req.payload = nil // decoding reuses what is there, and that is everyone's
		if err := events.Unmarshal("the body", c.Body, &req.payload); err != nil {
			return req, err
		}
		if req.payload.Kind() != '{' {
			return req, &fault.Error{Code: fault.Invalid, Message: "the body must be a JSON object",
				Violations: []fault.Violation{{Pointer: "", Message: "must be an object"}}}
		}
	}
	if c.IdempotencyKey != "" {
		if err := events.CheckIdempotencyKey(c.IdempotencyKey); err != nil {
			return req, fault.Errorf(fault.Invalid, "Idempotency-Key %s", fault.MessageOf(err))
		}
		req.idempotency = store.IdempotencyKey{Tenant: req.tenant, Origin: store.OriginRESTKey, Value: c.IdempotencyKey}
	}
	return req, nil
}

// request checks what reads and writes have in common.
func (c *Call) request() (request, error) {
	req := request{
		operation:     c.Operation,
		apiKey:        c.APIKey,
		payload:       emptyPayload,
		condition:     c.Condition,
		path:          c.Key,
		eventID:       c.RequestID,
		correlationID: c.RequestID,
		trace:         c.Trace,
	}
	var err error
	if req.tenant, err = events.ParseTenantID(c.Tenant); err != nil {
		return req, err
	}
	if req.schema = c.billed; c.billed == "" {
		if req.schema, err = events.ParseSchemaID(c.Schema); err != nil {
			return req, err
		}
	}
	if err := events.CheckIdempotencyKey(c.RequestID); err != nil {
		return req, fault.Errorf(fault.Internal, "the request's id %s", fault.MessageOf(err))
	}
	req.idempotency = store.IdempotencyKey{Tenant: req.tenant, Origin: store.OriginRESTOnce, Value: c.RequestID}
	return req, nil
}
