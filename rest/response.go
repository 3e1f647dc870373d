package rest

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A Response is what an adapter sends to the caller. The names of the header
// fields are in lower case.
type Response struct {
	Status int
	Header map[string]string
	Body   string
}

// result is the body of the response to a change. It holds no payload: a
// redelivery gets the same response, and no payload is stored for that.
type result struct {
	Tenant    events.TenantID  `json:"tenant"`
	Schema    events.SchemaID  `json:"schema"`
	Operation events.Operation `json:"operation"`
	Key       events.RecordKey `json:"key"`
	Revision  int64            `json:"revision"`
	ETag      string           `json:"etag"`
}

// problem is the body of the response to a rejection (RFC 9457).
type problem struct {
	Type       string            `json:"type"`
	Title      string            `json:"title"`
	Status     int               `json:"status"`
	Detail     string            `json:"detail,omitempty"`
	RequestID  string            `json:"requestId,omitempty"`
	Violations []fault.Violation `json:"errors,omitempty"`
}

// ProblemTypes is the prefix of the type of every problem document; the part
// behind it is stable.
const ProblemTypes = "https://eventrouter.blockforger.dev/problems/"

// Result returns the response to a change that was committed, now or by an
// earlier delivery of the same request.
func Result(r *store.Result) Response {
	out := Response{Status: r.Status(), Header: map[string]string{}}
	if out.Status != http.StatusNoContent {
		body, _ := json.Marshal(result{Tenant: r.Ref.Tenant, Schema: r.Ref.Schema, Operation: r.Operation,
			Key: r.Ref.Key, Revision: r.Revision, ETag: quoteETag(r.Version)})
		out.Header["etag"], out.Header["content-type"] = quoteETag(r.Version), jsonType
		out.Body = string(body) + "\n"
	}
	if r.Replayed {
		out.Header["idempotency-replayed"] = "true"
	}
	return out
}

// Problem returns the problem document of an error: its code, the message that
// a caller may read, and the violations.
func Problem(err error, requestID string) Response {
	code := fault.CodeOf(err)
	status := events.Status(code, "")
	body, _ := json.Marshal(problem{
		Type: ProblemTypes + code.String(), Title: http.StatusText(status), Status: status,
		Detail: fault.MessageOf(err), RequestID: requestID, Violations: fault.ViolationsOf(err),
	})
	return Response{Status: status, Header: map[string]string{"content-type": problemType}, Body: string(body) + "\n"}
}

func quoteETag(s store.Version) string { return `"` + string(s) + `"` }
