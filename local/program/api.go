package program

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// maxResponse is the largest response of a function, in bytes.
const maxResponse = 6<<20 + 100

// initGrace is the time in which a program exits by itself after it has reported that
// its initialization failed.
const initGrace = 200 * time.Millisecond

const apiPath = "/2018-06-01/runtime/"

// routes returns the Runtime API of a process.
func (p *process) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiPath+"invocation/next", p.serveNext)
	mux.HandleFunc("POST "+apiPath+"invocation/{id}/response", p.serveResponse)
	mux.HandleFunc("POST "+apiPath+"invocation/{id}/error", p.serveError)
	mux.HandleFunc("POST "+apiPath+"init/error", p.serveInitError)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		apiError(w, http.StatusNotFound, "InvalidRequest", "The Runtime API has no "+strconv.Quote(r.Method+" "+r.URL.Path)+"; see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A web page can send requests to this address, too. Programs do not send these.
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			apiError(w, http.StatusForbidden, "Forbidden", "Requests of web pages are rejected.")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func apiError(w http.ResponseWriter, status int, kind, message string) {
	writeJSON(w, status, map[string]string{"errorType": kind, "errorMessage": message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, _ := json.Marshal(v, json.Deterministic(true))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// serveNext gives the process its next event. It blocks until there is one.
func (p *process) serveNext(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	if p.current != nil {
		id := p.current.id
		p.mu.Unlock()
		apiError(w, http.StatusForbidden, "InvalidStateTransition", "The invocation "+id+" has no response yet.")
		return
	}
	if !p.asked {
		p.asked = true
		close(p.ready)
	}
	p.mu.Unlock()
	var in *invocation
	select {
	case in = <-p.next:
	case <-r.Context().Done():
		return
	}
	p.mu.Lock()
	p.current = in
	p.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", in.id)
	h.Set("Lambda-Runtime-Invoked-Function-Arn", p.opts.ARN)
	if !in.deadline.IsZero() {
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
	}
	if in.trace != "" {
		h.Set("Lambda-Runtime-Trace-Id", in.trace)
	}
	h.Set("Content-Length", strconv.Itoa(len(in.payload)))
	_, _ = w.Write(in.payload)
}

// serveResponse takes the result of an invocation.
func (p *process) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, ok := readResult(w, r)
	if !p.isCurrent(w, r.PathValue("id")) {
		return
	}
	if !ok {
		message := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse)
		p.finish(result{err: &Error{Type: "Function.ResponseSizeTooLarge", Message: message}})
		apiError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", message)
		return
	}
	p.finish(result{answer: body})
	writeJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

// serveError takes the failure of an invocation.
func (p *process) serveError(w http.ResponseWriter, r *http.Request) {
	body, _ := readResult(w, r)
	if !p.isCurrent(w, r.PathValue("id")) {
		return
	}
	p.finish(result{err: errorOf(r, body)})
	writeJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

// serveInitError takes the failure of the initialization; the program exits after it.
func (p *process) serveInitError(w http.ResponseWriter, r *http.Request) {
	body, _ := readResult(w, r)
	p.mu.Lock()
	asked := p.asked
	if !asked {
		p.failed = errorOf(r, body)
	}
	p.mu.Unlock()
	if asked {
		apiError(w, http.StatusForbidden, "InvalidStateTransition", "The initialization has ended with the request for the first event.")
		return
	}
	writeJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
	time.AfterFunc(initGrace, p.kill)
}

// readResult reads a body; ok is false if it is too large.
func readResult(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	return body, !tooLarge
}

// errorOf reads an error document of a runtime. Its type may be in a header only.
func errorOf(r *http.Request, body []byte) *Error {
	var document struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	if json.Unmarshal(body, &document) != nil {
		document.Message = string(bytes.ToValidUTF8(body[:min(len(body), 1000)], []byte("\uFFFD")))
	}
	if document.Type == "" {
		document.Type = r.Header.Get("Lambda-Runtime-Function-Error-Type")
	}
	if document.Type == "" {
		document.Type = "Runtime.Unknown"
	}
	return &Error{Type: document.Type, Message: document.Message}
}

// isCurrent reports whether the process works on the invocation; if not, it writes the
// error.
func (p *process) isCurrent(w http.ResponseWriter, id string) bool {
	p.mu.Lock()
	current := p.current
	p.mu.Unlock()
	switch {
	case current == nil:
		apiError(w, http.StatusForbidden, "InvalidStateTransition", "No invocation is running; ask for the next one first.")
	case current.id != id:
		apiError(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
	default:
		return true
	}
	return false
}

func (p *process) finish(r result) {
	p.mu.Lock()
	in := p.current
	p.current = nil
	p.mu.Unlock()
	if in != nil {
		in.done <- r
	}
}
