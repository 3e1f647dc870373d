package awsjson

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/blockforger/eventrouter/fault"
)

// An Error is a failed call as AWS's clients understand it. Clients act on the
// code, so it must be one of the service's own.
type Error struct {
	Code    string // such as ResourceNotFoundException
	Message string
	Status  int    // the HTTP status; 400 where it is 0
	Query   string // for services that once spoke the query protocol: the code they had there
}

// Errorf makes an error that is the caller's fault.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// HTTPStatus is the status that the error is answered with.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// AsError finds the Error in err. Any other error is answered as a fault of the
// service's, without its text: that may name what the caller must not see.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if fault.IsRejection(err) {
		return &Error{Code: "ValidationException", Message: fault.MessageOf(err)}
	}
	return &Error{Code: "InternalException", Message: "The request could not be carried out now. Try again.",
		Status: http.StatusInternalServerError}
}
