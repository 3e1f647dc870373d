package events_test

import (
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		code fault.Code
		op   events.Operation
		want int
	}{
		{0, events.Post, 201}, {0, events.Put, 200}, {0, events.Patch, 200}, {0, events.Delete, 204}, {0, events.Get, 200},
		{fault.NotFound, events.Delete, 404}, {fault.Conflict, events.Post, 409}, {fault.Exhausted, "", 429},
		{fault.Unavailable, "", 503}, {fault.Internal, "", 500}, {fault.Code(200), "", 500},
	} {
		if got := events.Status(c.code, c.op); got != c.want {
			t.Errorf("Status(%v, %s) = %d, want %d", c.code, c.op, got, c.want)
		}
	}
	for code := fault.Internal; code <= fault.Exhausted; code++ {
		if got := events.Status(code, events.Post); (got < 500) != code.Rejection() {
			t.Errorf("%v is reported as %d", code, got)
		}
	}
}
