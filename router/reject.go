package router

import (
	"context"
	"errors"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// reject returns the result of an authorized request that a later stage rejected
// (R7, R11). A result that an earlier delivery stored takes precedence
// over the rejection. A rejection that depends on state is stored, so that a
// redelivery gets the same result whatever the state is then. Every other
// rejection, and every fault, is returned unchanged.
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
		// The change was committed earlier. Its object may still have to be updated.
		return committed{record: store.IdempotencyRecord{Key: req.idempotency, Result: stored}, projected: true}, nil
	case mustStore(req, rejection):
		return r.storeRejection(ctx, req, key, rejection)
	}
	return committed{}, rejection
}

// canBeStored reports whether a stored result applies to the request. The id of a
// REST call without an idempotency key is never used again. If the commit found the
// API key revoked, that rejection is returned even if a result is stored.
func canBeStored(req *authorizedRequest, rejection error) bool {
	return req.idempotency.Origin != store.OriginRESTOnce && !fault.Is(rejection, fault.Unauthenticated)
}

// mustStore reports whether the rejection must be stored: if the same request could
// be accepted in another state. A PATCH is validated after merging, so that every
// rejection of a PATCH depends on the state. A rejection that is announced by an
// event is stored too, or each redelivery would announce it again. A request beyond
// the rate limit can be repeated, so that its rejection is not stored.
func mustStore(req *authorizedRequest, rejection error) bool {
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
