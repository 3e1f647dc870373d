package functions

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/restjson"
	"github.com/blockforger/eventrouter/local/logs"
)

// What an invocation may carry, in bytes.
const (
	maxSyncPayload  = 6 << 20
	maxAsyncPayload = 1 << 20
)

// serveInvoke serves Lambda's Invoke: the payload is the body itself, and much of
// the result is in headers.
func (s *Service) serveInvoke(w http.ResponseWriter, r *http.Request) {
	name, err := s.find(r.PathValue("FunctionName"))
	if err != nil {
		restjson.WriteError(w, err)
		return
	}
	payload, err := awsjson.ReadBody(w, r)
	if err == nil {
		err = checkPayload(payload, r.Header.Get("X-Amz-Invocation-Type") == "Event")
	}
	if err != nil {
		restjson.WriteError(w, err)
		return
	}
	switch r.Header.Get("X-Amz-Invocation-Type") {
	case "", "RequestResponse":
		s.invokeNow(w, r, name, payload)
	case "Event":
		if err := s.InvokeLater(r.Context(), name, payload); err != nil {
			restjson.WriteError(w, err)
			return
		}
		w.Header().Set("X-Amzn-Requestid", awsjson.NewID())
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		restjson.WriteError(w, awsjson.Errorf("InvalidParameterValueException", "The invocation type must be RequestResponse, Event or DryRun."))
	}
}

func checkPayload(payload []byte, async bool) error {
	most := maxSyncPayload
	if async {
		most = maxAsyncPayload
	}
	if len(payload) > most {
		return &awsjson.Error{Code: "RequestTooLargeException", Status: http.StatusRequestEntityTooLarge,
			Message: "The payload is larger than an invocation may carry."}
	}
	if len(payload) > 0 && !jsontext.Value(payload).IsValid(jsontext.AllowDuplicateNames(true)) {
		return awsjson.Errorf("InvalidRequestContentException", "Could not parse request body into json.")
	}
	return nil
}

func (s *Service) invokeNow(w http.ResponseWriter, r *http.Request, name string, payload []byte) {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	id := awsjson.NewID()
	answer, failed, err := s.Invoke(r.Context(), name, id, payload)
	if err != nil {
		restjson.WriteError(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", restjson.ContentType)
	h.Set("X-Amzn-Requestid", id)
	h.Set("X-Amz-Executed-Version", "$LATEST")
	if failed {
		h.Set("X-Amz-Function-Error", "Unhandled")
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		h.Set("X-Amz-Log-Result", s.logTail(r.Context(), name, id))
	}
	if len(answer) == 0 {
		answer = []byte("null")
	}
	_, _ = w.Write(answer)
}

// logTail returns the last 4 KB of an invocation's log, as Lambda does.
func (s *Service) logTail(ctx context.Context, function, requestID string) string {
	const most = 4096
	var tail []byte
	for line := range s.opts.Logs.Lines(ctx, logGroup(function), logs.Query{}) {
		if line.RequestID == requestID {
			tail = append(append(tail, line.Text...), '\n')
		}
	}
	return base64.StdEncoding.EncodeToString(tail[max(0, len(tail)-most):])
}
