package lambda

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/router"
)

const formatsV1 = "../testdata/formats/v1/"

var updateFormats = flag.Bool("update-formats", false, "write the log lines of testdata/formats/v1 anew: only with the code of format 1")

// pinnedLines returns a request's line and a relay's with every member set.
func pinnedLines() []byte {
	now := time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)
	log := &logger{environment: "pins", now: func() time.Time { return now }}
	var b bytes.Buffer
	call := invocation{requestID: "8f6d", start: now.Add(-1234567 * time.Microsecond), cold: true, log: &b}
	log.request(call, &router.Report{
		Outcome: router.Succeeded, EventID: "00000000-0000-4000-8000-000000000001", Tenant: "pins", Schema: "orders", Operation: events.Post,
		KeyID: "k1", RecordKey: "a", Revision: 3, Tokens: 10,
		Published: outbox.PublishResult{Published: 2, Pending: 1, Failed: 1, Err: errors.New("throttled")},
		Stages:    []router.Stage{{Name: "decode", Duration: time.Millisecond}, {Name: "commit", Duration: 2500 * time.Microsecond}},
	}, 201)
	log.request(call, &router.Report{
		Outcome: router.Rejected, Code: fault.Invalid, EventID: "2", Tenant: "pins",
		Cause: &fault.Error{Code: fault.Invalid, Message: "wrong", Violations: []fault.Violation{{Pointer: "/a", Message: "must be a string"}}},
	}, 400)
	log.relay(call, outbox.RelayStats{
		PublishResult: outbox.PublishResult{Published: 2, Pending: 1, Failed: 1}, Records: 9, Projected: 4, Rechecked: 5, Aggregated: 6, Busy: 1,
		Lag: 90 * time.Second, MissingBuses: []events.BusARN{"arn:aws:events:us-east-1:000000000000:event-bus/gone"}, BusCheckErr: errors.New("denied"),
	}, errors.New("unavailable"))
	return b.Bytes()
}

// TestFormatV1LogLines compares log lines and embedded metrics with those of
// format 1: queries, alarms and dashboards outside this repository use them.
// Members, metrics and dimensions may be added. On 2026-11-24 the metrics of a tenant
// were removed from the file on purpose, because of their cost: all but
// EntriesPublished, which an alarm uses.
func TestFormatV1LogLines(t *testing.T) {
	if *updateFormats {
		if err := os.WriteFile(formatsV1+"log.jsonl", pinnedLines(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(formatsV1 + "log.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	want, got := bytes.Split(bytes.TrimSpace(golden), []byte{'\n'}), bytes.Split(bytes.TrimSpace(pinnedLines()), []byte{'\n'})
	if len(want) != len(got) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range want {
		var w, g map[string]any
		if err := errors.Join(json.Unmarshal(want[i], &w), json.Unmarshal(got[i], &g)); err != nil {
			t.Fatal(err)
		}
		for _, missing := range lacks(g, w, "") {
			t.Errorf("line %d, %s is not as in format 1\ngot  %s\nwant %s", i+1, missing, got[i], want[i])
		}
	}
}

// lacks lists what want holds and got does not: members of an object, and
// elements of an array in any order.
func lacks(got, want any, at string) (missing []string) {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for name := range w {
			missing = append(missing, lacks(g[name], w[name], at+"/"+name)...)
		}
	case []any:
		g, _ := got.([]any)
		for _, element := range w {
			if !slices.ContainsFunc(g, func(have any) bool { return holds(have, element) }) {
				missing = append(missing, at)
			}
		}
	default:
		if !reflect.DeepEqual(got, want) {
			missing = append(missing, at)
		}
	}
	return missing
}

// holds reports whether an element of an array is the wanted one: an object may
// have more members, a set of dimensions may not have more names.
func holds(have, want any) bool {
	if set, ok := want.([]any); ok {
		return reflect.DeepEqual(have, set)
	}
	return len(lacks(have, want, "")) == 0
}

// TestFailedRecordsOnTheRelaysLine checks that the gauge is a metric, and that it is
// absent if the relay could not count.
func TestFailedRecordsOnTheRelaysLine(t *testing.T) {
	for count, want := range map[int]bool{0: true, 7: true, -1: false} {
		var b bytes.Buffer
		log := &logger{environment: "prod", now: time.Now}
		log.relay(invocation{log: &b}, outbox.RelayStats{FailedRecords: count}, nil)
		var line map[string]any
		if err := json.Unmarshal(b.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		value, present := line["FailedRecords"]
		if present != want || want && value != float64(count) || bytes.Contains(b.Bytes(), []byte(`{"Name":"FailedRecords"`)) != want {
			t.Errorf("%d: %s", count, b.Bytes())
		}
	}
}
