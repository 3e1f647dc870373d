package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A resource is what a path leads to (R65).
type resource struct {
	methods []string // as Allow lists them
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

// Names in the place of a schema that no schema can have.
const (
	descriptionPath = "openapi.json"
	usagePath       = "_usage"
)

// route finds the resource that a path names. Segments are told apart before
// escapes are undone, so that an escaped slash belongs to a key; where the
// service has undone them already, the key is all that follows the schema.
func route(req *Request) (resource, error) {
	if len(req.Path) > maxPath {
		return resource{}, &refusal{status: http.StatusRequestURITooLong, kind: "uri-too-long",
			detail: "the path is longer than any record's"}
	}
	path, rooted := strings.CutPrefix(req.Below, "/")
	segment := strings.Split(path, "/")
	if req.Decoded {
		segment = strings.SplitN(path, "/", 3)
	}
	if !rooted || len(segment) < 2 || len(segment) > 3 || slices.Contains(segment, "") {
		return resource{}, fault.Errorf(fault.NotFound, "there is nothing at this path; it must be /{tenant}/{schema} or /{tenant}/{schema}/{key}")
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
	case at.schema == usagePath:
		at.methods, at.serve = readingMethods, (*exchange).usage
	default:
		at.methods, at.serve = collectionMethods, (*exchange).collection
	}
	return at, nil
}

// A refusal is an answer that HTTP itself asks for, before there is a request
// that the router could refuse.
type refusal struct {
	status int
	kind   string // the last part of the problem's type
	detail string
	header map[string]string
}

func (r *refusal) Error() string { return r.detail }

// Unwrap gives the refusal a code for logs and metrics.
func (r *refusal) Unwrap() error { return fault.Errorf(fault.Invalid, "%s", r.detail) }

func methodNotAllowed(methods []string) error {
	return &refusal{status: http.StatusMethodNotAllowed, kind: "method-not-allowed",
		detail: "this method is not for this path; Allow lists those that are",
		header: map[string]string{"allow": strings.Join(methods, ", ")}}
}
