package router

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// TokensPerRequest is the cost of a request that was carried out.
const TokensPerRequest = 10

// Router processes requests: input events and REST calls. It is safe for
// concurrent use.
type Router struct {
	tenants   *tenant.Catalog
	keys      *apikey.Authenticator
	store     *projection.Store
	publisher *outbox.Publisher

	retention  time.Duration
	strictKeys bool
	throttle   throttle
	origins    originLookups
	now        func() time.Time
}

// Options configures a Router; the zero value uses the defaults.
type Options struct {
	// Retention is how long idempotency records are kept; 35 days if zero. It must
	// be the store's.
	Retention time.Duration
	// StrictKeys has every commit check that the API key is still active, so that a
	// revoked key has no effect from that moment on, instead of from at most 30
	// seconds later. It costs one more item in each transaction.
	StrictKeys bool
	// Clock returns the current time; time.Now if nil.
	Clock func() time.Time
}

// New returns a router. A nil o means the defaults.
func New(tenants *tenant.Catalog, keys *apikey.Authenticator, s *projection.Store, p *outbox.Publisher, o *Options) *Router {
	r := &Router{tenants: tenants, keys: keys, store: s, publisher: p, retention: store.DefaultRetention, now: time.Now}
	if o != nil && o.Retention > 0 {
		r.retention = o.Retention
	}
	if o != nil && o.Clock != nil {
		r.now = o.Clock
	}
	if o != nil {
		r.strictKeys = o.StrictKeys
	}
	return r
}

// Event processes an input event. trace is the X-Ray header to pass on. The
// report is complete whatever the result is.
func (r *Router) Event(ctx context.Context, e *events.Envelope, trace string) (store.Result, *Report, error) {
	return r.handle(ctx, e.ID, func() (request, error) { return decodeEvent(e, trace) })
}

// Call processes a write over REST, in the same way as [Router.Event] an event.
func (r *Router) Call(ctx context.Context, c *Call) (store.Result, *Report, error) {
	return r.handle(ctx, c.RequestID, c.write)
}

// Check returns the rejection that [Router.Event] would return for an event because
// of its form, API key, tenant, schema or payload. It changes nothing. What depends
// on the record or on the tenant's usage is not checked.
func (r *Router) Check(ctx context.Context, e *events.Envelope) (*Report, error) {
	report := newReport(e.ID, r.now)
	decoded, err := decodeEvent(e, "")
	report.decoded(&decoded)
	if err == nil {
		var authorized authorizedRequest
		if authorized, err = r.authorize(ctx, decoded); err == nil {
			var validated validatedRequest
			validated, err = r.validate(ctx, authorized)
			report.validated(&validated)
		}
	}
	report.finish(&store.Result{Operation: decoded.operation}, err)
	return report, err
}

// handle is the pipeline. Each stage takes the type that the previous stage
// returns, so that applying an unauthorized request does not compile. The order
// of the stages is the order in which requests are rejected (R7).
func (r *Router) handle(ctx context.Context, id string, decode func() (request, error)) (result store.Result, report *Report, err error) {
	report = newReport(id, r.now)
	defer func() { report.finish(&result, err) }()

	decoded, err := decode()
	report.decoded(&decoded)
	if err != nil {
		return result, report, err
	}
	authorized, err := r.authorize(ctx, decoded)
	report.authorized(&authorized)
	if err != nil {
		return result, report, err
	}
	done, err := r.execute(ctx, authorized, report)
	if err != nil {
		return result, report, err
	}
	report.published(r.publisher.Publish(ctx, done.record, done.projected))
	return done.record.Result, report, done.record.Result.Err()
}

// execute runs the stages whose rejections give way to a stored result:
// validate, throttle and apply.
func (r *Router) execute(ctx context.Context, req authorizedRequest, report *Report) (committed, error) {
	validated, err := r.validate(ctx, req)
	report.validated(&validated)
	if err != nil {
		return r.reject(ctx, &req, "", err)
	}
	if report.Quota, err = r.throttle.take(req.owner, req.event, r.now()); err != nil {
		return r.reject(ctx, &req, validated.ref.Key, err)
	}
	done, err := r.apply(ctx, validated)
	report.applied(&done)
	if err != nil {
		return r.reject(ctx, &req, validated.ref.Key, err)
	}
	return done, nil
}

// commit commits a change of an authorized request.
func (r *Router) commit(ctx context.Context, req *authorizedRequest, c store.Change) (store.Result, error) {
	if r.strictKeys {
		c.ActiveKey = string(req.keyID)
	}
	c.Sent = req.time
	return r.store.Commit(ctx, c)
}
