package events_test

import (
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

func TestNumber(t *testing.T) {
	if f, err := events.Number("1.5").Float64(); f != 1.5 || err != nil {
		t.Error(f, err)
	}
	if i, err := events.Number("").Int64(); i != 0 || err != nil {
		t.Error(i, err)
	}
	for _, n := range []events.Number{"1.0", "1e3", "9223372036854775808"} {
		if _, err := n.Int64(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s as an int64: %v", n, err)
		}
	}
	if _, err := events.Number("1e999").Float64(); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}
