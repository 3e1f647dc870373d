package awsjson

import (
	"context"
	"net/http"
)

type callerKey struct{}

// caller is what a request says about its caller.
type caller struct{ host, account string }

// Host returns the address under which the caller of an operation reached the
// server.
func Host(ctx context.Context) string {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c.host
}

// CallerAccount returns the account of the caller of an operation, as
// [Scope.Account] does; "" means that of the server.
func CallerAccount(ctx context.Context) string {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c.account
}

func withCaller(r *http.Request) context.Context {
	return context.WithValue(r.Context(), callerKey{}, caller{r.Host, ScopeOf(r).Account("")})
}
