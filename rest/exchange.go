package rest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/tenant/openapi"
)

// An exchange is one request and the state of its response.
type exchange struct {
	*API
	ctx    context.Context
	req    *Request
	at     resource
	report *router.Report
}

// respond finds the resource, checks what HTTP requires, and serves it.
func (x *exchange) respond() (out Response) {
	if x.req.Err != nil {
		return x.reject(x.req.Err)
	}
	var err error
	if x.at, err = route(x.req); err != nil {
		return x.reject(err)
	}
	if !slices.Contains(x.at.methods, x.req.Method) {
		return x.reject(methodNotAllowed(x.at.methods))
	}
	if x.req.Method == http.MethodOptions {
		return x.options()
	}
	if err := x.req.checkAccept(); err != nil {
		return x.reject(err)
	}
	return x.at.serve(x)
}

// call returns the request for the router.
func (x *exchange) call(op events.Operation) (*router.Call, error) {
	c := &router.Call{Tenant: x.at.tenant, Schema: x.at.schema, Key: x.at.key, Operation: op,
		RequestID: x.req.ID, Trace: x.req.Trace}
	if parent, err := x.req.Header.one("traceparent"); err == nil {
		if header, ok := events.TraceHeader(parent); ok { // a malformed one is ignored
			c.Trace = header
		}
	}
	key, err := x.req.Header.one("x-api-key")
	if err != nil {
		return nil, err
	}
	c.APIKey = events.Secret(key)
	if c.Condition, err = x.req.condition(); err != nil {
		return nil, err
	}
	if op == events.Get {
		return c, nil
	}
	if _, err := x.req.parameters(); err != nil {
		return nil, err
	}
	if c.IdempotencyKey, err = x.req.idempotencyKey(); err != nil {
		return nil, err
	}
	switch {
	case op == events.Delete && len(x.req.Body) > 0:
		return nil, fault.Errorf(fault.Invalid, "a DELETE has no body: the path names the record")
	case op == events.Delete:
	case len(x.req.Body) > events.MaxBytes:
		return nil, fault.Errorf(fault.TooLarge, "the body has more than %d bytes", events.MaxBytes)
	default:
		if err := x.req.checkContent(); err != nil {
			return nil, err
		}
		c.Body = x.req.Body
	}
	return c, nil
}

// collection serves /{tenant}/{schema}.
func (x *exchange) collection() Response {
	if x.req.Method == http.MethodPost {
		return x.write(events.Post)
	}
	c, err := x.call(events.Get)
	if err != nil {
		return x.reject(err)
	}
	parameters, err := x.req.parameters("limit", "cursor")
	if err != nil {
		return x.reject(err)
	}
	page := router.Page{Cursor: parameters["cursor"]}
	if limit, ok := parameters["limit"]; ok {
		if page.Limit, err = strconv.Atoi(limit); err != nil || page.Limit < 1 || page.Limit > router.MaxPage {
			return x.reject(fault.Errorf(fault.Invalid, "limit must be 1 to %d", router.MaxPage))
		}
	}
	listing, report, err := x.router.List(x.ctx, c, page)
	x.report = report
	if err != nil {
		return x.reject(err)
	}
	out := listed{Records: make([]listedRecord, len(listing.Records)), Next: listing.Next}
	for i := range listing.Records {
		h := &listing.Records[i]
		out.Records[i] = listedRecord{Key: h.Key, Revision: h.Revision, ETag: quoteETag(h.Version), Data: h.Data}
	}
	response := x.ok(out)
	if listing.Next != "" {
		next := url.Values{"cursor": {listing.Next}}
		if limit, ok := parameters["limit"]; ok {
			next.Set("limit", limit)
		}
		response.Header["link"] = "<" + x.req.Path + "?" + next.Encode() + `>; rel="next"`
	}
	return response
}

// listed is the body of the response to a list.
type listed struct {
	Records []listedRecord `json:"records"`
	Next    string         `json:"next,omitempty"` // the cursor of the next page
}

type listedRecord struct {
	Key      events.RecordKey `json:"key"`
	Revision int64            `json:"revision"`
	ETag     string           `json:"etag"`
	Data     jsontext.Value   `json:"data"`
}

// record serves /{tenant}/{schema}/{key}.
func (x *exchange) record() Response {
	if op, err := events.ParseWrite(x.req.Method); err == nil {
		return x.write(op)
	}
	c, err := x.call(events.Get)
	if err == nil {
		_, err = x.req.parameters()
	}
	if err != nil {
		return x.reject(err)
	}
	found, report, err := x.router.Get(x.ctx, c)
	x.report = report
	if err != nil {
		return x.reject(err)
	}
	response := Response{Status: http.StatusOK, Body: string(found.Record.Data) + "\n",
		Header: map[string]string{"content-type": jsonType, "cache-control": "private, no-cache", "etag": quoteETag(found.Record.Version)}}
	if found.NotModified {
		response.Status, response.Body = http.StatusNotModified, ""
		delete(response.Header, "content-type")
	}
	return response
}

// write commits a change. Its response depends only on the stored result, so that
// a redelivery gets the same response.
func (x *exchange) write(op events.Operation) Response {
	c, err := x.call(op)
	if err != nil {
		return x.reject(err)
	}
	result, report, err := x.router.Call(x.ctx, c)
	x.report = report
	if err != nil {
		response := x.reject(err)
		if result.Replayed {
			response.Header["idempotency-replayed"] = "true"
		}
		return response
	}
	response := Result(&result)
	response.Header["cache-control"] = "no-store"
	if op == events.Post {
		response.Header["location"] = x.req.Path + "/" + result.Ref.Key.Escape()
	}
	return response
}

// usage serves /{tenant}/_usage.
func (x *exchange) usage() Response {
	c, err := x.call(events.Get)
	if err != nil {
		return x.reject(err)
	}
	parameters, err := x.req.parameters("month")
	if err != nil {
		return x.reject(err)
	}
	usage, report, err := x.router.Usage(x.ctx, c, parameters["month"])
	x.report = report
	if err != nil {
		return x.reject(err)
	}
	return x.ok(struct {
		Tenant   events.TenantID                                `json:"tenant"`
		Month    string                                         `json:"month"`
		Tokens   int64                                          `json:"tokens"`
		BySchema map[events.SchemaID]map[events.Operation]int64 `json:"bySchema"`
		ByDay    map[string]int64                               `json:"byDay"`
	}{usage.Tenant, usage.Month, usage.Tokens(), usage.BySchema, usage.ByDay})
}

// ok returns the response to a read, with a document.
func (x *exchange) ok(v any) Response {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return x.reject(fault.Wrap("rest", fault.Internal, err))
	}
	return Response{Status: http.StatusOK, Body: string(body) + "\n",
		Header: map[string]string{"content-type": jsonType, "cache-control": "private, no-cache"}}
}

// reject returns the problem document of an error.
func (x *exchange) reject(err error) Response {
	if x.report == nil { // the router did not get the request
		x.report = &router.Report{Outcome: router.Rejected, Code: fault.CodeOf(err), Cause: err, EventID: x.req.ID}
		if !fault.IsRejection(err) {
			x.report.Outcome = router.Faulted
		}
	}
	if key, headerErr := x.req.Header.one("x-api-key"); fault.Is(err, fault.Unauthenticated) && headerErr == nil && key == "" {
		err = &fault.Error{Code: fault.Unauthenticated, Message: "the header x-api-key is missing: it must hold an API key of the tenant", Err: err}
	}
	response := Problem(err, x.req.ID)
	if own, ok := errors.AsType[*httpError](err); ok {
		body, _ := json.Marshal(problem{Type: ProblemTypes + own.kind, Title: http.StatusText(own.status),
			Status: own.status, Detail: own.detail, RequestID: x.req.ID})
		response.Status, response.Body = own.status, string(body)+"\n"
		for name, value := range own.header {
			response.Header[name] = value
		}
	}
	response.Header["cache-control"] = "no-store"
	switch response.Status {
	case http.StatusTooManyRequests:
		response.Header["retry-after"] = strconv.Itoa(x.wait(err))
	case http.StatusUnauthorized:
		response.Header["www-authenticate"] = `ApiKey header="x-api-key"`
	case http.StatusServiceUnavailable, http.StatusInternalServerError:
		response.Header["retry-after"] = "1"
	}
	return response
}

// options returns the methods of the resource, also for a browser's preflight.
func (x *exchange) options() Response {
	x.report = &router.Report{Outcome: router.Ignored, EventID: x.req.ID}
	return Response{Status: http.StatusNoContent, Header: map[string]string{"allow": strings.Join(x.at.methods, ", ")}}
}

// description serves /{tenant}/openapi.json.
func (x *exchange) description() Response {
	return x.describe(func(d router.Description) ([]byte, error) {
		server := strings.TrimSuffix(x.req.Path, "/"+x.at.tenant+"/"+descriptionPath)
		return openapi.Document(d.Tenant, d.Schemas, server)
	})
}

// events serves /{tenant}/asyncapi.json.
func (x *exchange) events() Response {
	return x.describe(func(d router.Description) ([]byte, error) { return openapi.Events(d.Tenant, d.Schemas) })
}

// describe serves a document about the tenant.
func (x *exchange) describe(document func(router.Description) ([]byte, error)) Response {
	c, err := x.call(events.Get)
	if err == nil {
		_, err = x.req.parameters()
	}
	if err != nil {
		return x.reject(err)
	}
	described, report, err := x.router.Describe(x.ctx, c)
	x.report = report
	if err != nil {
		return x.reject(err)
	}
	body, err := document(described)
	if err != nil {
		return x.reject(err)
	}
	return Response{Status: http.StatusOK, Body: string(body) + "\n",
		Header: map[string]string{"content-type": jsonType, "cache-control": "private, no-cache"}}
}
