package lambda

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// response is what API Gateway expects of a function, and what a caller who
// invokes it synchronously with an event gets.
type response struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// result is the body that answers a change. It holds no payload: a redelivery
// must be answered alike, and no payload is kept for that.
type result struct {
	Tenant    events.TenantID  `json:"tenant"`
	Schema    events.SchemaID  `json:"schema"`
	Operation events.Operation `json:"operation"`
	Key       events.Key       `json:"key"`
	Revision  int64            `json:"revision"`
	ETag      string           `json:"etag"`
}

// problem is the body that answers a rejection (RFC 9457).
type problem struct {
	Type       string            `json:"type"`
	Title      string            `json:"title"`
	Status     int               `json:"status"`
	Detail     string            `json:"detail,omitempty"`
	RequestID  string            `json:"requestId,omitempty"`
	Violations []fault.Violation `json:"errors,omitempty"`
}

// ProblemTypes is what the type of every problem document begins with; what
// follows is stable.
const ProblemTypes = "https://eventrouter.blockforger.dev/problems/"

// answer renders a request's end: the function's answer, or for a fault of ours
// the error that makes Lambda try again. That error reaches dead-letter
// attributes, so it tells the code and nothing of the request.
func answer(r store.Receipt, err error, call invocation) ([]byte, error) {
	if err != nil && !fault.IsRejection(err) {
		return nil, fault.New(fault.CodeOf(err), "%s: to be tried again (request %s)", fault.CodeOf(err), call.requestID)
	}
	return json.Marshal(render(r, err, call), json.Deterministic(true))
}

func render(r store.Receipt, err error, call invocation) response {
	status := statusOf(r, err)
	out := response{StatusCode: status, Headers: map[string]string{}}
	switch {
	case err != nil:
		out = renderProblem(status, err, call)
	case status != http.StatusNoContent:
		body, _ := json.Marshal(result{Tenant: r.Ref.Tenant, Schema: r.Ref.Schema, Operation: r.Operation,
			Key: r.Ref.Key, Revision: r.Revision, ETag: quoteETag(r.Stamp)})
		out.Headers["etag"], out.Headers["content-type"] = quoteETag(r.Stamp), "application/json"
		out.Body = string(body)
	}
	if r.Replayed {
		out.Headers["idempotency-replayed"] = "true"
	}
	return out
}

func renderProblem(status int, err error, call invocation) response {
	code := fault.CodeOf(err)
	body, _ := json.Marshal(problem{
		Type: ProblemTypes + code.String(), Title: http.StatusText(status), Status: status,
		Detail: fault.MessageOf(err), RequestID: call.requestID, Violations: fault.ViolationsOf(err),
	})
	return response{StatusCode: status, Headers: map[string]string{"content-type": "application/problem+json"}, Body: string(body)}
}

func quoteETag(s store.Stamp) string { return `"` + string(s) + `"` }
