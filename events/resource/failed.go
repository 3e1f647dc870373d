package resource

import (
	"errors"
	"slices"

	"github.com/aws/smithy-go"

	"github.com/blockforger/eventrouter/fault"
)

// Failed makes a fault of a service's error. Codes lists the service's own names
// for a resource that is not there.
func Failed(op, resource string, err error, codes ...string) error {
	api, ok := errors.AsType[smithy.APIError](err)
	switch {
	case err == nil:
		return nil
	case ok && slices.Contains(codes, api.ErrorCode()):
		return &fault.Error{Code: fault.NotFound, Op: op, Message: resource + " is not there", Err: err}
	case ok && slices.Contains([]string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"}, api.ErrorCode()):
		return &fault.Error{Code: fault.Denied, Op: op, Message: "not allowed to read " + resource, Err: err}
	}
	return fault.Wrap(op, fault.Unavailable, err)
}

// Gone is the fault for a resource that a service answered nothing about.
func Gone(op, resource string) error {
	return &fault.Error{Code: fault.NotFound, Op: op, Message: resource + " is not there"}
}

// Unnamed is the fault for an event that does not name its resource.
func Unnamed(what string) error {
	return fault.Errorf(fault.Invalid, "event does not name its %s", what)
}
