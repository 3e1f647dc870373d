package lambda

import (
	"net/http"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// Status is the one map from code to HTTP status.
func Status(c fault.Code) int {
	switch c {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Denied:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Precondition:
		return http.StatusPreconditionFailed
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Exhausted:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// statusOf is the status that answers a request.
func statusOf(r store.Receipt, err error) int {
	switch {
	case err != nil:
		return Status(fault.CodeOf(err))
	case r.Operation == events.Post:
		return http.StatusCreated
	case r.Operation == events.Delete:
		return http.StatusNoContent
	}
	return http.StatusOK
}
