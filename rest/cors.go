package rest

import (
	"net/http"
	"slices"
	"strings"
)

// The headers that a browser's script may send and read, besides those that
// browsers always allow, and the seconds for which a preflight is cached.
const (
	corsRequestHeaders  = "content-type, x-api-key, idempotency-key, if-match, if-none-match"
	corsResponseHeaders = "etag, location, link, allow, retry-after, ratelimit, ratelimit-policy, idempotency-replayed, x-request-id"
	corsMaxAge          = "600"
)

// allowOrigin lets a browser's script read the response if the tenant's
// cors-origins include its origin. Problem documents can be read too, so that the
// script can report what is wrong. Credentials are not allowed: the API key is not
// a cookie.
func (x *exchange) allowOrigin(out *Response) {
	origin, err := x.req.Header.one("origin")
	if err != nil || origin == "" || x.at.tenant == "" {
		return
	}
	out.Header["vary"] = "origin"
	allowed := x.router.Origins(x.ctx, x.at.tenant)
	switch {
	case slices.Contains(allowed, "*"):
		origin = "*"
	case !slices.Contains(allowed, origin):
		return
	}
	out.Header["access-control-allow-origin"] = origin
	out.Header["access-control-expose-headers"] = corsResponseHeaders
	if x.req.Method == http.MethodOptions {
		out.Header["access-control-allow-methods"] = strings.Join(x.at.methods, ", ")
		out.Header["access-control-allow-headers"] = corsRequestHeaders
		out.Header["access-control-max-age"] = corsMaxAge
	}
}
