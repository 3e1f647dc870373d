// Package rest is the REST API of the router (R65): routes, headers, problem
// documents, quota and CORS, over plain Request and Response values. An adapter
// such as package lambda reads a service's payload into a [Request] and writes
// the [Response] back.
//
//	api := rest.New(router, nil)
//	response, report := api.Serve(ctx, &rest.Request{Method: "GET", Path: "/acme/pet/rex", Below: "/acme/pet/rex", ...})
//
// Every request gets a response: a fault of the service is a 503 or 500 with
// Retry-After, because the caller is waiting and can repeat the request.
package rest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/router"
)

// A Request is an HTTP request, from whichever service received it.
type Request struct {
	// ID is the service's own id of the request; the caller cannot choose it.
	ID     string
	Method string
	// Path is the path that the caller requested, with the stage; Below is the
	// part behind the stage, with its leading slash.
	Path, Below string
	// Decoded reports that the service has unescaped the path, so that it must
	// not be unescaped again.
	Decoded bool
	Query   url.Values
	Header  Header
	Body    []byte
	// Trace is the X-Ray header that is passed on.
	Trace string
	// Err is why the service's payload could not be read; the other fields may
	// then be incomplete.
	Err error
}

// Header holds the fields of a request by their names in lower case.
type Header map[string][]string

// Add adds a value to a field.
func (h Header) Add(name, value string) {
	name = strings.ToLower(name)
	h[name] = append(h[name], value)
}

// one returns the value of a field that may be sent only once. Several values
// are rejected because services and proxies differ in which one they use.
func (h Header) one(name string) (string, error) {
	switch values := h[name]; len(values) {
	case 0:
		return "", nil
	case 1:
		return strings.Trim(values[0], " \t"), nil
	}
	return "", fault.Errorf(fault.Invalid, "the header %s may be sent only once", name)
}

// list returns the value of a field that is a list, in one or several lines.
func (h Header) list(name string) (string, bool) {
	values, ok := h[name]
	return strings.Join(values, ", "), ok
}

// API serves REST requests. It is safe for concurrent use.
type API struct {
	router *router.Router
	now    func() time.Time
}

// Options configures an API; the zero value uses the defaults.
type Options struct {
	Clock func() time.Time // time.Now if nil
}

// New returns the REST API of a router.
func New(r *router.Router, o *Options) *API {
	api := &API{router: r, now: time.Now}
	if o != nil && o.Clock != nil {
		api.now = o.Clock
	}
	return api
}

// Serve returns the response to a request. The report is never nil.
func (a *API) Serve(ctx context.Context, req *Request) (Response, *router.Report) {
	x := &exchange{API: a, ctx: ctx, req: req}
	out := x.respond()
	out.Header["x-request-id"] = req.ID
	out.Header["x-content-type-options"] = "nosniff"
	x.setQuota(&out)
	x.allowOrigin(&out)
	if req.Method == http.MethodHead {
		out.Body = ""
	}
	return out, x.report
}
