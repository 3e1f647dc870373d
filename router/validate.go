package router

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// An Operation is a granted request whose payload keeps to the schema: it says
// what is to be done to which record. A PATCH is validated once it is merged.
type Operation struct {
	Granted
	contract *tenant.Schema
	ref      store.Ref
}

// validate finds the schema, the record's key (R5), and checks the payload (R6).
func (r *Router) validate(ctx context.Context, g Granted) (Operation, error) {
	op := Operation{Granted: g}
	if !g.time.IsZero() && r.now().Sub(g.time) > r.markAge {
		return op, fault.New(fault.Invalid, "the event is stale: its time is more than %d days ago", int(r.markAge.Hours()/24))
	}
	schema, err := r.tenants.Schema(ctx, g.tenant, g.schema)
	if err != nil {
		return op, err
	}
	op.contract = schema
	op.ref = store.Ref{Collection: g.collection()}
	if op.ref.Key, op.payload, err = recordKey(&g.Request, schema); err != nil {
		return op, err
	}
	if most := g.owner.PayloadMaxBytes; most > 0 && int64(len(g.payload)) > most {
		return op, fault.New(fault.TooLarge, "the payload has %d bytes, this tenant allows %d", len(g.payload), most)
	}
	if g.operation == events.Post || g.operation == events.Put {
		if err := schema.Validate(op.payload); err != nil {
			return op, err
		}
	}
	return op, nil
}

// recordKey finds the key in payload or path, or makes one for a POST from the
// idempotency key, so that a redelivery makes the same one. It answers the
// payload with the key filled in.
func recordKey(req *Request, schema *tenant.Schema) (events.Key, jsontext.Value, error) {
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
	key = events.Key(req.idempotency.UUID("record", 0))
	return key, schema.WithKey(req.payload, key), nil
}

func keyViolation(schema *tenant.Schema, message string) error {
	pointer := string(jsontext.Pointer("").AppendToken(schema.KeyField))
	return &fault.Error{Code: fault.Invalid, Message: pointer + ": " + message,
		Violations: []fault.Violation{{Pointer: pointer, Message: message}}}
}
