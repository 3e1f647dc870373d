package lambda

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/rest"
	"github.com/blockforger/eventrouter/store"
)

// A response is the JSON document that API Gateway expects from a function. A
// synchronous invocation with an event returns the same document.
type response struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

func encodeResponse(r rest.Response) ([]byte, error) {
	return json.Marshal(response{StatusCode: r.Status, Headers: r.Header, Body: r.Body}, json.Deterministic(true))
}

// eventResponse returns the function's response to an event or, for a fault on
// the router's side, the error that makes Lambda retry the invocation. Lambda
// copies the error to the attributes of dead letters, so it holds the code and no
// part of the request.
func eventResponse(r store.Result, err error, call invocation) ([]byte, error) {
	if err != nil && !fault.IsRejection(err) {
		return nil, fault.Errorf(fault.CodeOf(err), "%s: request %s must be retried", fault.CodeOf(err), call.requestID)
	}
	if err == nil {
		return encodeResponse(rest.Result(&r))
	}
	out := rest.Problem(err, call.requestID)
	if r.Replayed {
		out.Header["idempotency-replayed"] = "true"
	}
	return encodeResponse(out)
}

// http serves a request over HTTP.
func (h *Handler) http(ctx context.Context, payload []byte, call invocation) ([]byte, error) {
	req := decodeHTTP(payload)
	if req.ID == "" {
		req.ID = call.requestID
	}
	req.Trace = traceHeader(ctx)
	out, report := h.rest.Serve(ctx, &req)
	h.log.request(call, report, out.Status)
	return encodeResponse(out)
}
