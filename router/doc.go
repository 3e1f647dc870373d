// Package router processes one request at a time: it decodes, authorizes,
// validates, throttles, applies and publishes, in this order. Each stage takes
// the type that the previous one returns:
//
//	payload -> request -> authorizedRequest -> validatedRequest -> committed
//
// A request that was not authorized therefore cannot be applied: it does not
// compile. Events and REST calls differ only in how the request is decoded.
//
//	r := router.New(catalog, authenticator, store, publisher, nil)
//	result, report, err := r.Event(ctx, &envelope, "")
//
// Requests are rejected in this order: structure, API key, input enabled, stored
// result, schema, payload, operation, limits, quota. A rejection is final; its
// code reports true for [fault.Code.Rejection]. Any other error means that the
// request must be repeated. Repeating is always safe, because the idempotency
// record of the request holds what was done.
//
// A [Router] is safe for concurrent use.
package router
