package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/rest"
)

// restStage is the first segment of the paths of the REST API in `serve`, like a
// stage of API Gateway on AWS: /api/{tenant}/{schema}.
const restStage = "api"

// restAPI does what a function URL does on AWS: it invokes the router's function
// with each request, in the same payload, and returns its response. The function
// validates the request.
type restAPI struct {
	// invoke calls the function. failed reports whether it returned an error.
	invoke func(ctx context.Context, requestID string, payload []byte) (answer []byte, failed bool, err error)
	// patience is the time within which a caller must send the body.
	bodyTimeout time.Duration
}

// functionURLRequest is a payload of version 2.0.
type functionURLRequest struct {
	Version         string             `json:"version"`
	RawPath         string             `json:"rawPath"`
	RawQueryString  string             `json:"rawQueryString"`
	Headers         map[string]string  `json:"headers"`
	RequestContext  functionURLContext `json:"requestContext"`
	Body            string             `json:"body,omitempty"`
	IsBase64Encoded bool               `json:"isBase64Encoded"`
}

type functionURLContext struct {
	RequestID  string         `json:"requestId"`
	Stage      string         `json:"stage"`
	DomainName string         `json:"domainName"`
	HTTP       functionURLGet `json:"http"`
}

type functionURLGet struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

type functionURLAnswer struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// serves reports whether a request belongs to the REST API. It is called before any
// mux, which would clean the path and so change keys in it.
func (a *restAPI) serves(r *http.Request) bool {
	path := r.URL.EscapedPath()
	return path == "/"+restStage || strings.HasPrefix(path, "/"+restStage+"/")
}

func (a *restAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !utf8.ValidString(r.URL.Path) {
		a.fail(w, http.StatusBadRequest, fault.Invalid.String(), "the path has a %XX escape that is not part of UTF-8")
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(a.bodyTimeout))
	// One byte more than the limit is enough for the function to reject the request.
	body, err := io.ReadAll(io.LimitReader(r.Body, events.MaxBytes+1))
	if err != nil {
		w.Header().Set("Connection", "close")
		a.fail(w, http.StatusRequestTimeout, "request-timeout", "the body did not arrive")
		return
	}
	if len(body) > events.MaxBytes {
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	in := functionURLRequest{
		Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: escapeBytes(r.URL.RawQuery), Headers: map[string]string{},
		RequestContext: functionURLContext{RequestID: rand.Text(), Stage: restStage,
			DomainName: "local.lambda-url.local", HTTP: functionURLGet{Method: r.Method, Path: r.URL.Path}},
		IsBase64Encoded: true, Body: base64.StdEncoding.EncodeToString(body),
	}
	for name, values := range r.Header {
		in.Headers[strings.ToLower(name)] = headerText(strings.Join(values, ","))
	}
	answer, err := a.call(r.Context(), in)
	if err != nil {
		a.fail(w, http.StatusBadGateway, "bad-gateway", "the function failed; see its log: eventrouter logs "+function)
		return
	}
	for name, value := range answer.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.WriteString(w, answer.Body)
}

// headerText returns a header's value as valid UTF-8, which the payload requires. A
// value that is not UTF-8 is read as ISO 8859-1 (RFC 9110, section 5.5), so that
// different values remain different.
func headerText(value string) string {
	if utf8.ValidString(value) {
		return value
	}
	text := make([]rune, len(value))
	for i := range len(value) {
		text[i] = rune(value[i])
	}
	return string(text)
}

// escapeBytes escapes the bytes of a query that are not ASCII.
func escapeBytes(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if query[i] < utf8.RuneSelf {
			b.WriteByte(query[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", query[i])
		}
	}
	return b.String()
}

// fail writes an error that does not come from the function, in the same form.
func (a *restAPI) fail(w http.ResponseWriter, status int, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(problemDocument(status, kind, detail))
}

func problemDocument(status int, kind, detail string) []byte {
	text, _ := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{rest.ProblemTypes + kind, http.StatusText(status), status, detail})
	return append(text, '\n')
}

// problemListener makes connections on which requests that are no valid HTTP, for
// example with a malformed escape in the path, get a problem document.
type problemListener struct{ net.Listener }

// Accept implements [net.Listener].
func (l problemListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		return problemConn{tcp}, nil
	}
	return c, err
}

type problemConn struct{ *net.TCPConn }

// malformedRequest is what package net/http writes, in one piece, before it closes the
// connection of a request that it cannot parse.
var malformedRequest = []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request")

// Write replaces the text of a malformed request.
func (c problemConn) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(p, malformedRequest) {
		return c.TCPConn.Write(p)
	}
	body := problemDocument(http.StatusBadRequest, fault.Invalid.String(),
		"the request is not valid HTTP, for example because the path has a % that two hexadecimal digits do not follow")
	head := fmt.Sprintf("HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(body))
	if _, err := c.TCPConn.Write(append([]byte(head), body...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (a *restAPI) call(ctx context.Context, in functionURLRequest) (functionURLAnswer, error) {
	var out functionURLAnswer
	payload, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	answer, failed, err := a.invoke(ctx, in.RequestContext.RequestID, payload)
	if err == nil && failed {
		err = errors.New("the function returned an error")
	}
	if err == nil {
		err = json.Unmarshal(answer, &out)
	}
	return out, err
}
