package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A resource is what a path names (R65).
type resource struct {
	methods []string // in the order of the Allow header
	serve   func(*exchange) Response
	// tenant, schema and key are segments of the path, unescaped and unchecked.
	tenant, schema, key string
}

const maxPath = 8 << 10

var (
	collectionMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions}
	recordMethods     = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
	readingMethods    = []string{http.MethodGet, http.MethodHead, http.MethodOptions}
)

// Path segments in place of a schema; no schema can have these names.
const (
	descriptionPath = "openapi.json"
	eventsPath      = "asyncapi.json"
	usagePath       = "_usage"
)

// route returns the resource that a path names. The path is split before it is
// unescaped, so that an escaped slash is part of a key. If the service has already
// unescaped the path, the key is everything behind the schema.
func route(req *Request) (resource, error) {
	if len(req.Path) > maxPath {
		return resource{}, &httpError{status: http.StatusRequestURITooLong, kind: "uri-too-long",
			detail: "the path is longer than any record's"}
	}
	path, rooted := strings.CutPrefix(req.Below, "/")
	segment := strings.Split(path, "/")
	if req.Decoded {
		segment = strings.SplitN(path, "/", 3)
	}
	if !rooted || len(segment) < 2 || len(segment) > 3 || slices.Contains(segment, "") {
		return resource{}, fault.Errorf(fault.NotFound, "this path does not exist; it must be /{tenant}/{schema} or /{tenant}/{schema}/{key}")
	}
	at := resource{tenant: segment[0], schema: segment[1]}
	switch {
	case len(segment) == 3:
		at.key = segment[2]
		if !req.Decoded {
			var err error
			if at.key, err = events.UnescapeKey(segment[2]); err != nil {
				return resource{}, fault.Errorf(fault.Invalid, "the path has a malformed %%XX escape")
			}
		}
		at.methods, at.serve = recordMethods, (*exchange).record
	case at.schema == descriptionPath:
		at.methods, at.serve = readingMethods, (*exchange).description
	case at.schema == eventsPath:
		at.methods, at.serve = readingMethods, (*exchange).events
	case at.schema == usagePath:
		at.methods, at.serve = readingMethods, (*exchange).usage
	default:
		at.methods, at.serve = collectionMethods, (*exchange).collection
	}
	return at, nil
}

// An httpError is a rejection that HTTP requires, before the router gets the
// request.
type httpError struct {
	status int
	kind   string // the last part of the problem's type
	detail string
	header map[string]string
}

func (r *httpError) Error() string { return r.detail }

// Unwrap returns an error with a code, for logs and metrics.
func (r *httpError) Unwrap() error { return fault.Errorf(fault.Invalid, "%s", r.detail) }

func methodNotAllowed(methods []string) error {
	return &httpError{status: http.StatusMethodNotAllowed, kind: "method-not-allowed",
		detail: "this path does not support the method; Allow lists the methods that it supports",
		header: map[string]string{"allow": strings.Join(methods, ", ")}}
}
