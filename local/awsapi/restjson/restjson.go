// Package restjson speaks AWS's REST-JSON protocol: the operation is in method
// and path, its input in path, query and body.
//
//	restjson.Register(mux, logger,
//		restjson.Op("POST /schedules/{Name}", "CreateSchedule", s.CreateSchedule))
//
// A field of an input is read from the path where it has a tag path:"NAME", from
// the query where it has query:"NAME", and from the body by its json tag.
// Constraints are those of [awsjson.CheckBody]. Safe for concurrent use.
package restjson

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// ContentType is the content type of requests and responses.
const ContentType = "application/json"

// An Operation is one call of a service.
type Operation struct {
	Pattern, Name string       // as http.ServeMux and as AWS have it
	Input, Output reflect.Type // structs, for tests against AWS's service model
	Status        int          // of a success

	call    func(ctx context.Context, r *http.Request, body []byte) (any, error)
	guard   func(*http.Request) error // nil: every request is accepted
	maxBody int64                     // 0: the limit of awsjson.ReadBody
}

// Op makes an operation of fn.
func Op[In, Out any](pattern, name string, fn func(context.Context, *In) (*Out, error)) Operation {
	return Operation{Pattern: pattern, Name: name, Status: http.StatusOK, Input: reflect.TypeFor[In](), Output: reflect.TypeFor[Out](),
		call: func(ctx context.Context, r *http.Request, body []byte) (any, error) {
			in := new(In)
			if err := awsjson.Decode(body, in); err != nil {
				return nil, err
			}
			if err := bind(r, reflect.ValueOf(in).Elem()); err != nil {
				return nil, err
			}
			if err := awsjson.CheckBody(in, body); err != nil {
				return nil, err
			}
			out, err := fn(ctx, in)
			if err != nil || out == nil {
				return nil, err
			}
			return out, nil
		}}
}

// bind sets the fields that are in path and query.
func bind(r *http.Request, in reflect.Value) error {
	query := r.URL.Query()
	for i := range in.NumField() {
		tag := in.Type().Field(i).Tag
		value := ""
		if name := tag.Get("query"); name != "" && in.Field(i).Kind() == reflect.Slice {
			if list := query[name]; list != nil {
				in.Field(i).Set(reflect.ValueOf(list))
			}
			continue
		}
		if name := tag.Get("path"); name != "" {
			value = r.PathValue(name)
		} else if name := tag.Get("query"); name != "" {
			value = query.Get(name)
		} else {
			continue
		}
		switch f := in.Field(i); {
		case f.Kind() == reflect.String:
			f.SetString(value)
		case value == "":
			f.SetZero()
		default: // *int
			n, err := strconv.Atoi(value)
			if err != nil {
				return awsjson.Errorf("SerializationException", "The value of %s must be a number.", in.Type().Field(i).Name)
			}
			f.Set(reflect.ValueOf(&n))
		}
	}
	return nil
}

// WithStatus returns the operation with another status of a success. A response with
// the status 204 has no body.
func (op Operation) WithStatus(status int) Operation {
	op.Status = status
	return op
}

// WithGuard returns the operation with a check of the request before its body is read,
// and with another limit for the body, in bytes; 0 keeps the limit.
func (op Operation) WithGuard(guard func(*http.Request) error, maxBody int64) Operation {
	op.guard, op.maxBody = guard, maxBody
	return op
}

// read checks a request and reads its body.
func (op Operation) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if op.guard != nil {
		if err := op.guard(r); err != nil {
			w.Header().Set("Connection", "close") // the body is not read
			return nil, err
		}
	}
	if op.maxBody > 0 {
		return awsjson.ReadBodyMax(w, r, op.maxBody)
	}
	return awsjson.ReadBody(w, r)
}

// Register adds the operations to a mux.
func Register(mux *http.ServeMux, log *slog.Logger, ops ...Operation) {
	RegisterErrors(mux, log, WriteError, ops...)
}

// RegisterErrors adds the operations of a service that writes errors in its own way.
func RegisterErrors(mux *http.ServeMux, log *slog.Logger, writeError func(http.ResponseWriter, error), ops ...Operation) {
	for _, op := range ops {
		mux.HandleFunc(op.Pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := op.read(w, r)
			var out any
			if err == nil {
				out, err = op.call(r.Context(), r, body)
			}
			switch {
			case err != nil:
				if awsjson.AsError(err).HTTPStatus() >= 500 {
					log.Error("an AWS operation failed here", "operation", op.Name, "error", err)
				}
				writeError(w, err)
			case op.Status == http.StatusNoContent:
				w.Header().Set("X-Amzn-Requestid", awsjson.NewID())
				w.WriteHeader(op.Status)
			default:
				awsjson.Write(w, ContentType, op.Status, out)
			}
		})
	}
}

// WriteError writes err as a REST-JSON error: its code is in a header, its message in
// the member Message.
func WriteError(w http.ResponseWriter, err error) {
	e := awsjson.AsError(err)
	w.Header().Set("X-Amzn-Errortype", e.Code)
	awsjson.Write(w, ContentType, e.HTTPStatus(), map[string]string{"Message": e.Message})
}

// An ISOTime is an instant that is written as text, as in 2026-01-02T03:04:05Z.
type ISOTime struct{ time.Time }

// MarshalJSONTo writes the time in UTC with seconds.
func (t ISOTime) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(t.UTC().Format(time.RFC3339)))
}
