package router

import (
	"context"
	"errors"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// TokensPerRequest is what a request that was carried out costs.
const TokensPerRequest = 10

// Router carries out requests.
type Router struct {
	tenants   *tenant.Catalog
	keys      *apikey.Authenticator
	store     *store.Store
	publisher *bus.Publisher
	watch     *bus.Watch

	retention  time.Duration
	strictKeys bool
	throttle   throttle
	origins    originLookups
	now        func() time.Time
}

// Options are what a Router does not need to be told.
type Options struct {
	// MarkAge is how long a mark lasts; 35 days if zero. It must be the store's.
	Retention time.Duration
	// StrictKeys has every commit check that the API key is still active: a
	// revoked key then changes nothing from that moment on, and not only after
	// the 30 seconds for which keys are remembered. It costs one more item in
	// each transaction.
	StrictKeys bool
	// Watch, if set, holds which buses are missing: their entries stay pending.
	// The relay checks the buses; a router reads the results.
	Watch *bus.Watch
	// Clock tells the time; time.Now if nil.
	Clock func() time.Time
}

// New returns a router over its collaborators.
func New(tenants *tenant.Catalog, keys *apikey.Authenticator, s *store.Store, p *bus.Publisher, o *Options) *Router {
	r := &Router{tenants: tenants, keys: keys, store: s, publisher: p, retention: store.DefaultRetention, now: time.Now}
	if o != nil && o.Retention > 0 {
		r.retention = o.Retention
	}
	if o != nil && o.Clock != nil {
		r.now = o.Clock
	}
	if o != nil {
		r.strictKeys, r.watch = o.StrictKeys, o.Watch
	}
	return r
}

// commit commits what a granted request comes to.
func (r *Router) commit(ctx context.Context, g *authorizedRequest, c store.Change) (store.Result, error) {
	if r.strictKeys {
		c.ActiveKey = string(g.keyID)
	}
	c.Sent = g.time
	return r.store.Commit(ctx, c)
}

// Event carries out an input event. The report is filled in whatever happens.
func (r *Router) Event(ctx context.Context, e *events.Envelope, trace string) (store.Result, *Report, error) {
	report := newReport(r.now)
	report.EventID = e.ID
	req, err := decodeEvent(e, trace)
	receipt, err := r.handle(ctx, req, err, report)
	return receipt, report, err
}

// carryOut is one request's way from top to bottom.
func (r *Router) handle(ctx context.Context, req request, err error, report *Report) (store.Result, error) {
	report.decoded(&req)
	if err != nil {
		return store.Result{}, report.finish(store.Result{}, err)
	}
	granted, err := r.authorize(ctx, req)
	report.authorized(&granted)
	if err != nil {
		return store.Result{}, report.finish(store.Result{}, err)
	}
	op, err := r.validate(ctx, granted)
	report.validated(&op)
	if err != nil {
		return r.reject(ctx, &granted, events.RecordKey(""), err, report)
	}
	if report.Quota, err = r.throttle.take(granted.owner, granted.event, r.now()); err != nil {
		return r.reject(ctx, &granted, op.ref.Key, err, report)
	}
	applied, err := r.apply(ctx, op)
	report.applied(&applied)
	if err != nil {
		return r.reject(ctx, &granted, op.ref.Key, err, report)
	}
	report.published(r.publish(ctx, applied))
	return applied.Result, report.finish(applied.Result, applied.Result.Err())
}

// reject answers a request that was refused after its mark could have decided
// (R7, R11): where there is a mark, its receipt is the answer whatever the
// refusal was; where the refusal depends on state, it leaves a mark, so that a
// redelivery is answered alike when the state is another.
func (r *Router) reject(ctx context.Context, g *authorizedRequest, key events.RecordKey, refusal error, report *Report) (store.Result, error) {
	if !fault.IsRejection(refusal) {
		return store.Result{}, report.finish(store.Result{}, refusal)
	}
	if g.idempotency.Origin == store.OriginRESTOnce || fault.Is(refusal, fault.Unauthenticated) {
		// No other request bears the id of a call: there is no mark, and none is
		// needed. And no mark answers a key that the commit found revoked.
		return store.Result{}, report.finish(store.Result{}, refusal)
	}
	receipt, found, err := r.store.StoredResult(ctx, g.idempotency, g.fingerprint, nil)
	if err == nil && !found && isStored(refusal, g) {
		mark := rejectionRecord(g, key, refusal)
		mark.Result, err = r.commit(ctx, g, store.Change{Idempotency: mark})
		if receipt, found = mark.Result, err == nil; found {
			report.published(r.publish(ctx, committed{Result: receipt, record: mark}))
		}
	}
	switch {
	case err != nil: // a used idempotency key, or a fault of ours
		return store.Result{}, report.finish(store.Result{}, err)
	case found:
		if !receipt.Rejected {
			// A redelivery whose change has been made: only its object may lag behind.
			report.published(r.publish(ctx, committed{Result: receipt, record: store.IdempotencyRecord{Key: g.idempotency}, projected: true}))
		}
		return receipt, report.finish(receipt, receipt.Err())
	}
	return store.Result{}, report.finish(store.Result{}, refusal)
}

// isStored tells the rejections that another state would not have met, so that
// a redelivery must find the answer stored. A PATCH is validated and measured
// after its merge, so all of its do; so do all of which the sender is told by an
// event, or each redelivery would tell it again. That a request came too soon
// is no answer to it.
func isStored(refusal error, g *authorizedRequest) bool {
	if _, ok := errors.AsType[*Throttled](refusal); ok {
		return false
	}
	switch fault.CodeOf(refusal) {
	case fault.NotFound, fault.Conflict, fault.Precondition, fault.Exhausted:
		return true
	}
	return g.operation == events.Patch || g.wantsResult()
}
