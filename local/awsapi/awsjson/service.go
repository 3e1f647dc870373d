package awsjson

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// maxBody is the largest request that is read, in bytes: PutEvents takes 1 MB,
// and escaping can make that six times as long.
const maxBody = 8 << 20

// An operation is one named call of a service.
type operation struct {
	Name          string
	Input, Output reflect.Type // structs, for tests against AWS's service model
	call          func(ctx context.Context, body []byte) (any, error)
}

// Op makes an operation of fn. Its input is decoded strictly and checked before
// fn sees it.
func Op[In, Out any](name string, fn func(context.Context, *In) (*Out, error)) operation {
	return operation{
		Name: name, Input: reflect.TypeFor[In](), Output: reflect.TypeFor[Out](),
		call: func(ctx context.Context, body []byte) (any, error) {
			in := new(In)
			if err := Decode(body, in); err != nil {
				return nil, err
			}
			if err := CheckBody(in, body); err != nil {
				return nil, violation{err}
			}
			out, err := fn(ctx, in)
			if err != nil || out == nil {
				return nil, err // not a nil *Out: that would be written as null
			}
			return out, nil
		},
	}
}

// violation marks an error of CheckBody.
type violation struct{ error }

func (v violation) Unwrap() error { return v.error }

// Decode reads a request body; what cannot be read is a SerializationException.
// An empty body is an empty input.
func Decode(body []byte, in any) error {
	if len(body) == 0 {
		return nil
	}
	err := json.Unmarshal(body, in)
	if err == nil {
		return nil
	}
	e := &Error{Code: "SerializationException"}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		e.Message = "The value at " + strconv.Quote(string(semantic.JSONPointer)) + " has the wrong type."
	}
	return e
}

// A Service is one AWS API: the operations behind one X-Amz-Target prefix.
type Service struct {
	prefix      string
	contentType string
	log         *slog.Logger
	ops         map[string]operation
	violation   func(*Error) error // nil: the ValidationException itself
}

// NewService makes a service of operations. version is "1.0" or "1.1".
func NewService(prefix, version string, log *slog.Logger, ops ...operation) *Service {
	s := &Service{prefix: prefix, contentType: "application/x-amz-json-" + version, log: log,
		ops: make(map[string]operation, len(ops))}
	for _, op := range ops {
		s.ops[op.Name] = op
	}
	return s
}

// OnViolation sets how the service reports that an input violates a constraint: f
// returns the error for the ValidationException that describes it. It returns s.
func (s *Service) OnViolation(f func(*Error) error) *Service {
	s.violation = f
	return s
}

// Prefix is what X-Amz-Target begins with, without the dot.
func (s *Service) Prefix() string { return s.prefix }

// Operations returns what the service serves, by name.
func (s *Service) Operations() map[string]operation { return s.ops }

// ServeHTTP serves one call.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	prefix, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	op, known := s.ops[name]
	if prefix != s.prefix || !known {
		s.log.Warn("this AWS operation is not served here", "service", s.prefix, "operation", Clip(name))
		WriteError(w, s.contentType, Errorf("UnknownOperationException", "The operation %s is not served here.", Clip(name)))
		return
	}
	// Protocol 1.0 and 1.1 differ in the name alone; clients of both exist.
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-amz-json-1.") {
		WriteError(w, s.contentType, Errorf("SerializationException", "The Content-Type must be %s.", s.contentType))
		return
	}
	body, err := ReadBody(w, r)
	if err != nil {
		WriteError(w, s.contentType, err)
		return
	}
	out, err := op.call(withCaller(r), body)
	if v, violated := errors.AsType[violation](err); violated && s.violation != nil {
		err = s.violation(AsError(v))
	}
	if err != nil {
		if AsError(err).HTTPStatus() >= 500 {
			s.log.Error("an AWS operation failed here", "service", s.prefix, "operation", name, "error", err)
		}
		WriteError(w, s.contentType, err)
		return
	}
	Write(w, s.contentType, http.StatusOK, out)
}

// ReadBody reads a request of at most 8 MB.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return ReadBodyMax(w, r, maxBody)
}

// ReadBodyMax reads a request of at most so many bytes.
func ReadBodyMax(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body := make([]byte, 0, max(512, min(r.ContentLength, most, maxBody)+1))
	src := http.MaxBytesReader(w, r.Body, most)
	for {
		n, err := src.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil:
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				return nil, &Error{Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
					Message: fmt.Sprintf("The request is larger than %d MB.", most>>20)}
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				w.Header().Set("Connection", "close")
				return nil, &Error{Code: "RequestTimeoutException", Status: http.StatusRequestTimeout,
					Message: "The body of the request did not arrive in time."}
			}
			return nil, Errorf("SerializationException", "The request ended early.")
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// Write writes a response with v as JSON; a nil v is an empty document.
func Write(w http.ResponseWriter, contentType string, status int, v any) {
	body := []byte("{}")
	if v != nil {
		var err error
		if body, err = json.Marshal(v); err != nil {
			status, body = http.StatusInternalServerError, []byte(`{"__type":"InternalException"}`)
		}
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amzn-Requestid", NewID())
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// WriteError writes err in AWS's shape.
func WriteError(w http.ResponseWriter, contentType string, err error) {
	e := AsError(err)
	w.Header().Set("X-Amzn-Errortype", e.Code)
	if e.Query != "" {
		w.Header().Set("X-Amzn-Query-Error", e.Query+";Sender")
	}
	Write(w, contentType, e.HTTPStatus(), map[string]string{"__type": e.Code, "message": e.Message})
}

// Clip limits the length of what a caller sent, for logs and error messages.
func Clip(s string) string {
	const most = 128
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}
