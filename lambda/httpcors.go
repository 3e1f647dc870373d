package lambda

import (
	"net/http"
	"slices"
	"strings"
)

// What a browser's script may send and see, beyond what it may anyway.
const (
	corsRequestHeaders  = "content-type, x-api-key, idempotency-key, if-match, if-none-match"
	corsResponseHeaders = "etag, location, link, allow, retry-after, ratelimit, ratelimit-policy, idempotency-replayed, x-request-id"
	corsMaxAge          = "600"
)

// allowOrigin lets a browser's script see the answer where the tenant's
// cors-origins name its origin. Problems are shown too, or nobody could tell
// what is wrong. No credentials are allowed: the API key is no cookie.
func (x *exchange) allowOrigin(out *response) {
	origin, err := x.req.header.one("origin")
	if err != nil || origin == "" || x.at.tenant == "" {
		return
	}
	out.Headers["vary"] = "origin"
	allowed := x.router.Origins(x.ctx, x.at.tenant)
	switch {
	case slices.Contains(allowed, "*"):
		origin = "*"
	case !slices.Contains(allowed, origin):
		return
	}
	out.Headers["access-control-allow-origin"] = origin
	out.Headers["access-control-expose-headers"] = corsResponseHeaders
	if x.req.method == http.MethodOptions {
		out.Headers["access-control-allow-methods"] = strings.Join(x.at.methods, ", ")
		out.Headers["access-control-allow-headers"] = corsRequestHeaders
		out.Headers["access-control-max-age"] = corsMaxAge
	}
}
