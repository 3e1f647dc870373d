package events

import "github.com/blockforger/eventrouter/fault"

// Status returns the HTTP status that reports the result of a request, in the
// response of the REST API and in the detail of an outcome event. The zero code
// is success.
func Status(code fault.Code, op Operation) int {
	if code == 0 {
		switch op {
		case Post:
			return 201
		case Delete:
			return 204
		}
		return 200
	}
	if status, ok := statuses[code]; ok {
		return status
	}
	return 500
}

var statuses = map[fault.Code]int{
	fault.Invalid:         400,
	fault.Unauthenticated: 401,
	fault.Denied:          403,
	fault.NotFound:        404,
	fault.Conflict:        409,
	fault.Precondition:    412,
	fault.TooLarge:        413,
	fault.Exhausted:       429,
	fault.Unavailable:     503,
	fault.Internal:        500,
}
