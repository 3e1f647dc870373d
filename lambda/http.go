package lambda

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

// An exchange is one request over HTTP and what is known of its answer.
type exchange struct {
	*Handler
	ctx    context.Context
	req    *httpRequest
	at     resource
	report *router.Report
}

// http carries out a request over HTTP. Its caller is waiting and can try again
// by itself, so that a fault is an answer as well and not an error.
func (h *Handler) http(ctx context.Context, payload []byte, call invocation) ([]byte, error) {
	req, err := decodeHTTP(payload)
	if req.id == "" {
		req.id = call.requestID
	}
	x := &exchange{Handler: h, ctx: ctx, req: &req}
	out := x.respond(err)
	out.Headers["x-request-id"] = req.id
	out.Headers["x-content-type-options"] = "nosniff"
	x.tellQuota(&out)
	x.allowOrigin(&out)
	if req.method == http.MethodHead {
		out.Body = ""
	}
	h.log.request(call, x.report, out.StatusCode)
	return json.Marshal(out, json.Deterministic(true))
}

// respond finds the resource, checks what HTTP itself asks for, and serves.
func (x *exchange) respond(err error) response {
	if err != nil {
		return x.refuse(err)
	}
	if x.at, err = route(x.req); err != nil {
		return x.refuse(err)
	}
	if !slices.Contains(x.at.methods, x.req.method) {
		return x.refuse(methodNotAllowed(x.at.methods))
	}
	if x.req.method == http.MethodOptions {
		return x.options()
	}
	if err := x.req.checkAccept(); err != nil {
		return x.refuse(err)
	}
	return x.at.serve(x)
}

// call makes the router's request.
func (x *exchange) call(op events.Operation) (*router.Call, error) {
	c := &router.Call{Tenant: x.at.tenant, Schema: x.at.schema, Key: x.at.key, Operation: op,
		RequestID: x.req.id, Trace: traceHeader(x.ctx)}
	key, err := x.req.header.one("x-api-key")
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
	case op == events.Delete && len(x.req.body) > 0:
		return nil, fault.New(fault.Invalid, "a DELETE has no body: the path names the record")
	case op == events.Delete:
	case len(x.req.body) > events.MaxBytes:
		return nil, fault.New(fault.TooLarge, "the body has %d bytes, at most %d are read", len(x.req.body), events.MaxBytes)
	default:
		if err := x.req.checkContent(); err != nil {
			return nil, err
		}
		c.Body = x.req.body
	}
	return c, nil
}

// collection serves /{tenant}/{schema}.
func (x *exchange) collection() response {
	if x.req.method == http.MethodPost {
		return x.write(events.Post)
	}
	c, err := x.call(events.Get)
	if err != nil {
		return x.refuse(err)
	}
	parameters, err := x.req.parameters("limit", "cursor")
	if err != nil {
		return x.refuse(err)
	}
	page := router.Page{Cursor: parameters["cursor"]}
	if limit, ok := parameters["limit"]; ok {
		if page.Limit, err = strconv.Atoi(limit); err != nil || page.Limit < 1 || page.Limit > router.MaxPage {
			return x.refuse(fault.New(fault.Invalid, "limit must be 1 to %d", router.MaxPage))
		}
	}
	listing, report, err := x.router.List(x.ctx, c, page)
	x.report = report
	if err != nil {
		return x.refuse(err)
	}
	out := listed{Records: make([]listedRecord, len(listing.Heads)), Next: listing.Next}
	for i := range listing.Heads {
		h := &listing.Heads[i]
		out.Records[i] = listedRecord{Key: h.Key, Revision: h.Revision, ETag: quoteETag(h.Stamp), Data: h.Data}
	}
	answer := x.ok(out)
	if listing.Next != "" {
		next := url.Values{"cursor": {listing.Next}}
		if limit, ok := parameters["limit"]; ok {
			next.Set("limit", limit)
		}
		answer.Headers["link"] = "<" + x.req.path + "?" + next.Encode() + `>; rel="next"`
	}
	return answer
}

// listed is the body that answers a list.
type listed struct {
	Records []listedRecord `json:"records"`
	Next    string         `json:"next,omitempty"` // the cursor of the next page
}

type listedRecord struct {
	Key      events.Key     `json:"key"`
	Revision int64          `json:"revision"`
	ETag     string         `json:"etag"`
	Data     jsontext.Value `json:"data"`
}

// record serves /{tenant}/{schema}/{key}.
func (x *exchange) record() response {
	if op, err := events.ParseWrite(x.req.method); err == nil {
		return x.write(op)
	}
	c, err := x.call(events.Get)
	if err == nil {
		_, err = x.req.parameters()
	}
	if err != nil {
		return x.refuse(err)
	}
	found, report, err := x.router.Get(x.ctx, c)
	x.report = report
	if err != nil {
		return x.refuse(err)
	}
	answer := response{StatusCode: http.StatusOK, Body: string(found.Head.Data),
		Headers: map[string]string{"content-type": jsonType, "cache-control": "private, no-cache", "etag": quoteETag(found.Head.Stamp)}}
	if found.NotModified {
		answer.StatusCode, answer.Body = http.StatusNotModified, ""
		delete(answer.Headers, "content-type")
	}
	return answer
}

// write carries out a change. Its answer is made from the receipt alone, so
// that a redelivery is answered alike.
func (x *exchange) write(op events.Operation) response {
	c, err := x.call(op)
	if err != nil {
		return x.refuse(err)
	}
	receipt, report, err := x.router.Call(x.ctx, c)
	x.report = report
	if err != nil {
		answer := x.refuse(err)
		if receipt.Replayed {
			answer.Headers["idempotency-replayed"] = "true"
		}
		return answer
	}
	answer := render(receipt, nil, invocation{})
	answer.Headers["cache-control"] = "no-store"
	if op == events.Post {
		answer.Headers["location"] = x.req.path + "/" + receipt.Ref.Key.Escape()
	}
	return answer
}

// usage serves /{tenant}/_usage.
func (x *exchange) usage() response {
	c, err := x.call(events.Get)
	if err != nil {
		return x.refuse(err)
	}
	parameters, err := x.req.parameters("month")
	if err != nil {
		return x.refuse(err)
	}
	usage, report, err := x.router.Usage(x.ctx, c, parameters["month"])
	x.report = report
	if err != nil {
		return x.refuse(err)
	}
	return x.ok(struct {
		Tenant   events.TenantID                                `json:"tenant"`
		Month    string                                         `json:"month"`
		Tokens   int64                                          `json:"tokens"`
		BySchema map[events.SchemaID]map[events.Operation]int64 `json:"bySchema"`
		ByDay    map[string]int64                               `json:"byDay"`
	}{usage.Tenant, usage.Month, usage.Tokens(), usage.BySchema, usage.ByDay})
}

// ok answers a read with a document.
func (x *exchange) ok(v any) response {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return x.refuse(fault.E("lambda.http", fault.Internal, err))
	}
	return response{StatusCode: http.StatusOK, Body: string(body),
		Headers: map[string]string{"content-type": jsonType, "cache-control": "private, no-cache"}}
}

// refuse answers with a problem document, the fault's own or HTTP's.
func (x *exchange) refuse(err error) response {
	if x.report == nil { // the router has not seen the request
		x.report = &router.Report{Outcome: router.Rejected, Code: fault.CodeOf(err), Cause: err, EventID: x.req.id}
		if !fault.IsRejection(err) {
			x.report.Outcome = router.Faulted
		}
	}
	shown := invocation{requestID: x.req.id}
	answer := renderProblem(fault.CodeOf(err).Status(), err, shown)
	if own, ok := errors.AsType[*refusal](err); ok {
		body, _ := json.Marshal(problem{Type: ProblemTypes + own.kind, Title: http.StatusText(own.status),
			Status: own.status, Detail: own.detail, RequestID: shown.requestID})
		answer.StatusCode, answer.Body = own.status, string(body)
		for name, value := range own.header {
			answer.Headers[name] = value
		}
	}
	answer.Headers["cache-control"] = "no-store"
	switch answer.StatusCode {
	case http.StatusTooManyRequests:
		answer.Headers["retry-after"] = strconv.Itoa(x.wait(err))
	case http.StatusUnauthorized:
		answer.Headers["www-authenticate"] = `ApiKey header="x-api-key"`
	case http.StatusServiceUnavailable, http.StatusInternalServerError:
		answer.Headers["retry-after"] = "1"
	}
	return answer
}

// options answers what may be done here, to a browser's preflight too.
func (x *exchange) options() response {
	x.report = &router.Report{Outcome: router.Ignored, EventID: x.req.id}
	return response{StatusCode: http.StatusNoContent, Headers: map[string]string{"allow": strings.Join(x.at.methods, ", ")}}
}

// description serves /{tenant}/openapi.json.
func (x *exchange) description() response {
	c, err := x.call(events.Get)
	if err == nil {
		_, err = x.req.parameters()
	}
	if err != nil {
		return x.refuse(err)
	}
	described, report, err := x.router.Describe(x.ctx, c)
	x.report = report
	if err != nil {
		return x.refuse(err)
	}
	server := strings.TrimSuffix(x.req.path, "/"+x.at.tenant+"/"+descriptionPath)
	body, err := openapi.Document(described.Tenant, described.Schemas, server)
	if err != nil {
		return x.refuse(err)
	}
	return response{StatusCode: http.StatusOK, Body: string(body),
		Headers: map[string]string{"content-type": jsonType, "cache-control": "private, no-cache"}}
}
