package cbor

import (
	"net/http"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// Write writes a response of RPC v2 over CBOR.
func Write(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/cbor")
	h.Set("Smithy-Protocol", "rpc-v2-cbor")
	h.Set("X-Amzn-Requestid", awsjson.NewID())
	w.WriteHeader(status)
	_, _ = w.Write(Encode(v))
}

// WriteError writes err as an error of RPC v2 over CBOR.
func WriteError(w http.ResponseWriter, err error) {
	e := awsjson.AsError(err)
	if e.Query != "" {
		w.Header().Set("X-Amzn-Query-Error", e.Query+";Sender")
	}
	Write(w, e.HTTPStatus(), map[string]any{"__type": e.Code, "message": e.Message})
}
