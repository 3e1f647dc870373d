package lambda

import (
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// statusOf returns the HTTP status of a request's response.
func statusOf(r store.Result, err error) int {
	if err != nil {
		return events.Status(fault.CodeOf(err), r.Operation)
	}
	return r.Status()
}
