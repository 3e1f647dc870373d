package router

import (
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// Predict returns what [Router.Event] would return for an event now, and changes
// nothing. replayed reports whether it is the stored result of an earlier delivery; err
// is the rejection or the fault. Rate and token limits are not checked.
func Predict(ctx context.Context, r *Router, e *events.Envelope) (replayed bool, err error) {
	decoded, err := decodeEvent(e, "")
	if err != nil {
		return false, err
	}
	authorized, err := r.authorize(ctx, decoded)
	if err != nil {
		return false, err
	}
	stored, found, err := r.store.StoredResult(ctx, authorized.idempotency, authorized.fingerprint, nil)
	switch {
	case err != nil:
		return false, err
	case found:
		return true, stored.Err()
	}
	op, err := r.validate(ctx, authorized)
	if err != nil {
		return false, err
	}
	prior, err := r.store.Get(ctx, op.ref)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	_, err = op.change(ctx, prior)
	return false, err
}
