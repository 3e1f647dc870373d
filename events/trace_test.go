package events_test

import (
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
)

func TestTrace(t *testing.T) {
	const traceparent, header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"
	for given, want := range map[string]string{
		traceparent: header,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00":       strings.Replace(header, "Sampled=1", "Sampled=0", 1),
		"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra": header, // of a later version

		"": "", "00": "", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331": "", traceparent + "-extra": "", "ff" + traceparent[2:]: "",
		strings.ToUpper(traceparent): "", strings.Replace(traceparent, "0af7651916cd43dd8448eb211c80319c", strings.Repeat("0", 32), 1): "",
		strings.Replace(traceparent, "b7ad6b7169203331", strings.Repeat("0", 16), 1): "", "00-" + traceparent: "", traceparent + "\n": "",
	} {
		got, ok := events.TraceHeader(given)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", given, got, ok, want)
		}
	}
	for given, want := range map[string]string{
		header: traceparent,
		"Self=1-2-3;Root=1-0af76519-16cd43dd8448eb211c80319c; Parent=b7ad6b7169203331": traceparent[:len(traceparent)-2] + "00",
		"Root=1-0af76519-16cd43dd8448eb211c80319c":                                     "", // no parent
		"Root=2-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331":             "",
		"Root=1-0af76519-16cd43dd8448eb211c80319;Parent=b7ad6b7169203331":              "", "": "", ";;=": "",
		`Root=1-0af76519-16cd43dd8448eb211c80319c;Parent="7ad6b716920333"`: "",
	} {
		if got := events.Traceparent(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}
