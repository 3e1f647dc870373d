package router

import (
	"context"
	"errors"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// reject returns the result of an authorized request that a later stage did not
// let pass (R7, R11). A result that an earlier delivery stored takes precedence
// over the rejection. A rejection that depends on state is stored, so that a
// redelivery gets the same result whatever the state is then. Every other
// rejection, and every fault, is returned as the error that it is.
func (r *Router) reject(ctx context.Context, req *authorizedRequest, key events.RecordKey, rejection error) (committed, error) {
	if !fault.IsRejection(rejection) || !canBeStored(req, rejection) {
		return committed{}, rejection
	}
	stored, found, err := r.store.StoredResult(ctx, req.idempotency, req.fingerprint, nil)
	switch {
	case err != nil: // an idempotency key of another request, or a fault
		return committed{}, err
	case found && stored.Rejected:
		return committed{record: store.IdempotencyRecord{Result: stored}}, nil
	case found:
		// The change was committed earlier; only its object may be out of date.
		return committed{record: store.IdempotencyRecord{Key: req.idempotency, Result: stored}, projected: true}, nil
	case dependsOnState(req, rejection):
		return r.storeRejection(ctx, req, key, rejection)
	}
	return committed{}, rejection
}

// canBeStored reports whether an idempotency record can exist for the request.
// The id of a REST call without an idempotency key is never used again, and a
// stored result does not take precedence over a key that the commit found
// revoked.
func canBeStored(req *authorizedRequest, rejection error) bool {
	return req.idempotency.Origin != store.OriginRESTOnce && !fault.Is(rejection, fault.Unauthenticated)
}

// dependsOnState reports whether the same request could be accepted later, so
// that its rejection must be stored. A PATCH is validated after its merge, so
// that all of its rejections do. A rejection that is announced by an event is
// stored too, or each redelivery would announce it again. A request that exceeds
// the rate is not rejected for good.
func dependsOnState(req *authorizedRequest, rejection error) bool {
	if _, ok := errors.AsType[*Throttled](rejection); ok {
		return false
	}
	switch fault.CodeOf(rejection) {
	case fault.NotFound, fault.Conflict, fault.Precondition, fault.Exhausted:
		return true
	}
	return req.operation == events.Patch || req.wantsResult()
}

// storeRejection commits a rejection as the result of the request.
func (r *Router) storeRejection(ctx context.Context, req *authorizedRequest, key events.RecordKey, rejection error) (committed, error) {
	record := rejectionRecord(req, key, rejection)
	result, err := r.commit(ctx, req, store.Change{Idempotency: record})
	if err != nil {
		return committed{}, err
	}
	record.Result = result
	return committed{record: record}, nil
}
