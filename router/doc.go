// Package router carries out one request: it decodes, authorizes, validates,
// applies and emits, in that order, each stage taking the former one's type.
//
//	payload -lambda-> Envelope -decode-> Request -authorize-> Granted
//	        -validate-> Operation -apply-> Applied -emit-> published
//
// The types' fields are set in one place each, so that a request which was not
// authorized cannot be applied: it does not compile. Events and REST calls
// differ in how the Request is made and in nothing else.
//
// Order of refusal: structure, API key, input switched on, mark, schema,
// payload, operation, limits, quota. A rejection is a fault whose code says so
// and is final; any other fault means that the request is to be tried again,
// which is always safe: the mark of its idempotency key tells what was done.
//
// A [Router] and a [Relay] are safe for concurrent use.
package router
