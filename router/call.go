package router

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A Call is a REST request as package rest has read it. Path and headers have
// been unescaped once and are otherwise unchecked.
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
	// RequestID names this request; a caller cannot choose it.
	RequestID string
	Condition Condition
	Trace     string

	// billed replaces the schema of a read that is not of one schema.
	billed events.SchemaID
}

// emptyPayload is the payload of a DELETE and of a read, which have no body. The
// key of a DELETE is filled in from the path, so that its output event has the
// payload that the same input event would have.
var emptyPayload = jsontext.Value(`{}`)

// write returns the request of a call that changes a record.
func (c *Call) write() (request, error) {
	req, err := c.request()
	if err != nil {
		return req, err
	}
	if c.Operation != events.Delete {
		req.payload = nil // decoding would overwrite emptyPayload
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

// request checks the parts that reads and writes have in common.
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
