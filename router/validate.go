package router

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// validatedRequest is an authorized request whose payload matches the schema, with
// the record that it applies to. A PATCH is validated after its merge.
type validatedRequest struct {
	authorizedRequest
	contract *tenant.Schema
	ref      store.Ref
}

// validate finds the schema and the record's key (R5), and validates the payload
// (R6).
func (r *Router) validate(ctx context.Context, g authorizedRequest) (validatedRequest, error) {
	op := validatedRequest{authorizedRequest: g}
	if err := r.checkEventTime(g.time); err != nil {
		return op, err
	}
	schema, err := r.tenants.Schema(ctx, g.tenant, g.schema)
	if err != nil {
		return op, err
	}
	op.contract = schema
	op.ref = store.Ref{Collection: g.collection()}
	op.ref.Key, op.payload, err = recordKey(&g.request, schema)
	if g.operation == events.Post || g.operation == events.Put {
		err = allViolations(err, schema.Validate(ctx, op.payload))
	}
	return op, err
}

// allViolations joins the violations of the key and of the payload: R6 requires
// every violation, each place once.
func allViolations(key, payload error) error {
	if key == nil || payload == nil || !fault.Is(key, fault.Invalid) || !fault.Is(payload, fault.Invalid) {
		return cmp.Or(key, payload)
	}
	all := slices.Clone(fault.ViolationsOf(key))
	for _, v := range fault.ViolationsOf(payload) {
		if !slices.ContainsFunc(all, func(have fault.Violation) bool { return have.Pointer == v.Pointer }) {
			all = append(all, v)
		}
	}
	if len(all) == 1 {
		return key
	}
	slices.SortStableFunc(all, func(a, b fault.Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	return &fault.Error{Code: fault.Invalid, Message: fmt.Sprintf("payload breaks its schema in %d places", len(all)), Violations: all}
}

// maxClockSkew is how far the time of an event may be ahead of the router's clock.
const maxClockSkew = 24 * time.Hour

// checkEventTime rejects an event whose idempotency record, if it had one, could
// have expired by now (R11), and an event more than maxClockSkew ahead of time.
func (r *Router) checkEventTime(at time.Time) error {
	switch age := r.now().Sub(at); {
	case at.IsZero():
	case age >= r.retention:
		return fault.Errorf(fault.Invalid, "the event is stale: its time is %d days ago or more", int(r.retention.Hours()/24))
	case age < -maxClockSkew:
		return fault.Errorf(fault.Invalid, "the event's time is more than a day ahead")
	}
	return nil
}

// recordKey returns the key in payload or path. For a POST without a key it derives
// one from the idempotency key, so that a redelivery derives the same one. It
// also returns the payload with the key filled in.
func recordKey(req *request, schema *tenant.Schema) (events.RecordKey, jsontext.Value, error) {
	key, present, err := schema.Key(req.payload)
	if err != nil {
		return "", req.payload, err
	}
	if req.path != "" {
		inPath, err := pathKey(req.path, schema)
		if err != nil {
			return "", req.payload, err
		}
		if present && key != inPath {
			return "", req.payload, keyViolation(schema, "is not the key that the path names")
		}
		if !present {
			return inPath, schema.WithKey(req.payload, inPath), nil
		}
		return inPath, req.payload, nil
	}
	switch {
	case present:
		return key, req.payload, nil
	case req.operation != events.Post:
		return "", req.payload, keyViolation(schema, "is required: it names the record")
	case schema.IntegerKey:
		return "", req.payload, keyViolation(schema, "is required: only a string key can be made by the router")
	}
	key = events.RecordKey(req.idempotency.UUID("record", 0))
	return key, schema.WithKey(req.payload, key), nil
}

func keyViolation(schema *tenant.Schema, message string) error {
	pointer := string(jsontext.Pointer("").AppendToken(schema.KeyField))
	return &fault.Error{Code: fault.Invalid, Message: pointer + ": " + message,
		Violations: []fault.Violation{{Pointer: pointer, Message: message}}}
}
