package awsjson

import (
	"context"
	"net/http"
	"strings"
)

type callerKey struct{}

// caller is what a request says about its caller.
type caller struct{ host, accessKey string }

// Host returns the address under which the caller of an operation reached the
// server.
func Host(ctx context.Context) string {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c.host
}

// CallerAccount returns the account of the caller of an operation: the access key
// of the signature if it has the form of an account id, otherwise "". The
// signature is not checked.
func CallerAccount(ctx context.Context) string {
	c, _ := ctx.Value(callerKey{}).(caller)
	if len(c.accessKey) != 12 || strings.Trim(c.accessKey, "0123456789") != "" {
		return ""
	}
	return c.accessKey
}

func withCaller(r *http.Request) context.Context {
	c := caller{host: r.Host}
	if _, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		c.accessKey, _, _ = strings.Cut(credential, "/")
	}
	return context.WithValue(r.Context(), callerKey{}, c)
}
