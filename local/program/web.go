package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/loopback"
)

// A Web is a function that is a web server on this machine: each event is the body of a
// POST request, and the body of the response is the result. It is safe for concurrent
// use.
type Web struct {
	url    string
	arn    string
	client *http.Client
}

// LoopbackURL checks that a URL is that of a web server on this machine. The fault is
// Invalid.
func LoopbackURL(text string) (*url.URL, error) {
	bad := func(why string) (*url.URL, error) {
		return nil, fault.Errorf(fault.Invalid, "the URL %q %s; an example is http://127.0.0.1:9000/events", text, why)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return bad("is not valid")
	case u.Scheme != "http":
		return bad("must begin with http://")
	case u.User != nil:
		return bad("must not contain a user name or password")
	case u.Fragment != "":
		return bad("must not contain a # part")
	case u.Hostname() == "":
		return bad("has no host")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return bad("has no valid port")
		}
	}
	if !loopback.Host(u.Hostname()) {
		return bad("must name this machine: localhost or a loopback address")
	}
	return u, nil
}

// LoopbackClient returns a client that connects to this machine only, without a proxy,
// and follows no redirects.
func LoopbackClient() *http.Client {
	dialer := &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		if !loopback.Peer(address) {
			return fault.Errorf(fault.Invalid, "%s is not on this machine", address)
		}
		return nil
	}}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// NewWeb returns the function at a URL, which must be on this machine. The fault is
// Invalid.
func NewWeb(name, address, arn string) (*Web, error) {
	u, err := LoopbackURL(address)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "function %s: %s", name, fault.MessageOf(err))
	}
	return &Web{url: u.String(), arn: arn, client: LoopbackClient()}, nil
}

// Invoke sends one event. The error is an *Error.
func (f *Web) Invoke(ctx context.Context, payload []byte, log io.Writer) ([]byte, error) {
	in := newInvocation(ctx, payload)
	answer, err := f.post(ctx, in)
	if err != nil {
		fmt.Fprintln(log, err)
	}
	return answer, err
}

func (f *Web) post(ctx context.Context, in *invocation) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(in.payload))
	if err != nil {
		return nil, &Error{Type: "Function.Unreachable", Message: "The URL of the function is not valid."}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "eventrouter")
	req.Header.Set("Lambda-Runtime-Aws-Request-Id", in.id)
	req.Header.Set("Lambda-Runtime-Invoked-Function-Arn", f.arn)
	if !in.deadline.IsZero() {
		req.Header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(in.deadline.UnixMilli(), 10))
	}
	if in.trace != "" {
		req.Header.Set("Lambda-Runtime-Trace-Id", in.trace)
	}
	resp, err := f.client.Do(req)
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		var body []byte
		if body, err = io.ReadAll(io.LimitReader(resp.Body, maxResponse+1)); err == nil {
			return f.result(resp.StatusCode, body)
		}
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, &Error{Type: "Function.Unreachable", Message: "No server listens at " + f.url + "."}
	case ctx.Err() != nil:
		return nil, in.timedOut(ctx)
	}
	return nil, &Error{Type: "Function.Unreachable", Message: "The server at " + f.url + " closed the connection before its response was complete."}
}

func (f *Web) result(status int, body []byte) ([]byte, error) {
	switch {
	case len(body) > maxResponse:
		return nil, &Error{Type: "Function.ResponseSizeTooLarge", Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse)}
	case status < 200 || status > 299:
		text := strings.ToValidUTF8(string(body[:min(len(body), 500)]), "\uFFFD")
		return nil, &Error{Type: "HTTP." + strconv.Itoa(status), Message: fmt.Sprintf("%s returned the status %d: %s", f.url, status, strings.TrimSpace(text))}
	case len(bytes.TrimSpace(body)) == 0:
		return []byte("null"), nil
	case jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)):
		return body, nil
	}
	quoted, err := jsontext.AppendQuote(nil, bytes.ToValidUTF8(body, []byte("\uFFFD")))
	if err != nil {
		return []byte("null"), nil
	}
	return quoted, nil
}
