package deploylocal

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// runtimeAPI is Lambda's side of a function: it hands out one invocation at a
// time and takes the answer.
type runtimeAPI struct {
	address string
	events  chan []byte
	answers chan answer
	calls   atomic.Int64
}

type answer struct {
	kind string // response or error
	body string
}

func newRuntimeAPI(t *testing.T, arn string) *runtimeAPI {
	r := &runtimeAPI{events: make(chan []byte), answers: make(chan answer, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, req *http.Request) {
		select {
		case event := <-r.events:
			h := w.Header()
			h.Set("Lambda-Runtime-Aws-Request-Id", "invocation-"+strconv.FormatInt(r.calls.Add(1), 10))
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(30*time.Second).UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", arn)
			_, _ = w.Write(event)
		case <-req.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(http.StatusAccepted)
		r.answers <- answer{req.PathValue("kind"), string(body)}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.answers <- answer{"init error", string(body)}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.CloseClientConnections)
	r.address = server.Listener.Addr().String()
	return r
}

// invoke hands the function an event and waits for what it makes of it.
func (r *runtimeAPI) invoke(t *testing.T, event string) string {
	t.Helper()
	const patience = 30 * time.Second
	select {
	case r.events <- []byte(event):
	case a := <-r.answers:
		t.Fatalf("%s: %s", a.kind, a.body)
	case <-time.After(patience):
		t.Fatal("the function does not ask for work")
	}
	select {
	case a := <-r.answers:
		if a.kind != "response" {
			t.Fatalf("%s: %s", a.kind, a.body)
		}
		return a.body
	case <-time.After(patience):
		t.Fatal("the function does not answer")
	}
	return ""
}
