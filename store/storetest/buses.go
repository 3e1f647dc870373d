package storetest

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// testBuses: whether a bus is missing depends on its latest check, in whichever order
// the results are stored. The result survives a crash.
func testBuses(t *testing.T, h Harness) {
	l := open(t, h)
	bus := func(n int) events.BusARN {
		return events.BusARN(fmt.Sprintf("arn:aws:events:us-east-1:111122223333:event-bus/bus%d", n))
	}
	put := func(n int, missing bool, at time.Duration) {
		t.Helper()
		if err := l.PutBus(ctx, bus(n), missing, start.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	missing := func(what string, want map[events.BusARN]time.Time) {
		t.Helper()
		got, err := l.MissingBuses(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(got, want, time.Time.Equal) {
			t.Errorf("%s: missing buses are %v, want %v", what, got, want)
		}
	}
	missing("no check yet", nil)
	put(1, true, 0)
	put(2, false, 0)
	put(3, true, time.Second)
	missing("after the first checks", map[events.BusARN]time.Time{bus(1): start, bus(3): start.Add(time.Second)})
	put(1, false, time.Minute)
	put(2, true, time.Minute)
	put(3, true, time.Minute)
	missing("after the second checks", map[events.BusARN]time.Time{bus(2): start.Add(time.Minute), bus(3): start.Add(time.Minute)})
	put(1, true, time.Second)
	put(2, false, time.Second)
	put(3, true, time.Second)
	missing("after older results", map[events.BusARN]time.Time{bus(2): start.Add(time.Minute), bus(3): start.Add(time.Minute)})
	put(2, false, time.Minute)
	missing("after a second result of the same moment", map[events.BusARN]time.Time{bus(3): start.Add(time.Minute)})
	if h.Reopen != nil {
		l.kill()
		missing("after a crash", map[events.BusARN]time.Time{bus(3): start.Add(time.Minute)})
	}
}
