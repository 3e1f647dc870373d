package lambda

import (
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// statusOf is the status that answers a request.
func statusOf(r store.Result, err error) int {
	if err != nil {
		return fault.CodeOf(err).Status()
	}
	return r.Status()
}
