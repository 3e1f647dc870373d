package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// sender records each call and answers by the entry's source: the source "ok"
// is taken, any other is the error code to answer.
type sender struct {
	calls []string
	fail  func(region string, entries []events.Entry) error
}

func (s *sender) Send(_ context.Context, region string, entries []events.Entry) ([]bus.Result, error) {
	size := 0
	for i := range entries {
		size += entries[i].Size()
	}
	s.calls = append(s.calls, fmt.Sprintf("%s:%d", region, len(entries)))
	if len(entries) > events.MaxEntries || size > events.MaxBytes {
		return nil, errors.New("the call is over EventBridge's limit")
	}
	if s.fail != nil {
		if err := s.fail(region, entries); err != nil {
			return nil, err
		}
	}
	results := make([]bus.Result, len(entries))
	for i, e := range entries {
		if e.Source == "ok" {
			results[i].EventID = e.OutputID
		} else {
			results[i].Code = e.Source
		}
	}
	return results, nil
}

func entry(id int, region, source string) events.Entry {
	return events.Entry{OutputID: fmt.Sprint(id), Bus: events.DefaultBus("aws", region, "111122223333"),
		Source: source, DetailType: "pet.POST", Detail: jsontext.Value(`{}`)}
}

func TestEachEntryHasItsOwnVerdict(t *testing.T) {
	codes := map[string]bus.Verdict{
		"ok": bus.Published, "InternalFailure": bus.Retry, "ThrottlingException": bus.Retry,
		"AccessDeniedException": bus.Refused, "InvalidArgument": bus.Refused, "MalformedDetail": bus.Refused,
		"NotAuthorizedForSourceException": bus.Refused, "SomethingNew": bus.Refused,
	}
	var entries []events.Entry
	for code := range codes {
		entries = append(entries, entry(len(entries), "us-east-1", code))
	}
	for i, o := range bus.NewPublisher(&sender{}).Publish(t.Context(), entries) {
		if want := codes[entries[i].Source]; o.Verdict != want {
			t.Errorf("%s: verdict %v, want %v", entries[i].Source, o.Verdict, want)
		}
		if o.Verdict == bus.Published && o.EventID != entries[i].OutputID {
			t.Errorf("entry %d: answered with the event id %q of another", i, o.EventID)
		}
	}
}

func TestCallsKeepWithinLimitsAndRegions(t *testing.T) {
	var entries []events.Entry
	for i := range 25 {
		entries = append(entries, entry(i, []string{"us-east-1", "eu-west-1"}[i%2], "ok"))
	}
	s := &sender{}
	for i, o := range bus.NewPublisher(s).Publish(t.Context(), entries) {
		if o.Verdict != bus.Published || o.EventID != fmt.Sprint(i) {
			t.Errorf("entry %d: %+v", i, o)
		}
	}
	if got := strings.Join(s.calls, " "); got != "us-east-1:10 eu-west-1:10 us-east-1:3 eu-west-1:2" {
		t.Errorf("calls = %s", got)
	}
}

func TestLargeEntriesGoInCallsOfTheirOwn(t *testing.T) {
	var entries []events.Entry
	for i := range 4 {
		e := entry(i, "us-east-1", "ok")
		e.Detail = jsontext.Value(`"` + strings.Repeat("x", 400<<10) + `"`)
		entries = append(entries, e)
	}
	s := &sender{}
	for i, o := range bus.NewPublisher(s).Publish(t.Context(), entries) {
		if o.Verdict != bus.Published {
			t.Errorf("entry %d: %+v", i, o)
		}
	}
	if got := strings.Join(s.calls, " "); got != "us-east-1:2 us-east-1:2" {
		t.Errorf("calls = %s", got)
	}
}

func TestOneBadEntryDoesNotSpoilItsFellows(t *testing.T) {
	s := &sender{fail: func(_ string, entries []events.Entry) error {
		for _, e := range entries {
			if e.OutputID == "1" {
				return fault.Errorf(fault.Denied, "AccessDeniedException")
			}
		}
		return nil
	}}
	entries := []events.Entry{entry(0, "us-east-1", "ok"), entry(1, "us-east-1", "ok"), entry(2, "us-east-1", "ok")}
	got := bus.NewPublisher(s).Publish(t.Context(), entries)
	if got[0].Verdict != bus.Published || got[1].Verdict != bus.Refused || got[2].Verdict != bus.Published {
		t.Errorf("outcomes = %+v", got)
	}
	if got[1].Code != "AccessDeniedException" {
		t.Errorf("code = %q", got[1].Code)
	}
}

func TestFaultOfTheCallIsRetried(t *testing.T) {
	s := &sender{fail: func(string, []events.Entry) error { return errors.New("connection reset") }}
	for _, o := range bus.NewPublisher(s).Publish(t.Context(), []events.Entry{entry(0, "us-east-1", "ok"), entry(1, "us-east-1", "ok")}) {
		if o.Verdict != bus.Retry {
			t.Errorf("verdict = %v, want retry", o.Verdict)
		}
	}
	if len(s.calls) != 1 {
		t.Errorf("%d calls, want one: a fault of the call is not taken apart", len(s.calls))
	}
}

// A call holds fewer bytes than [events.MaxBytes], and up to one byte fewer.
func TestCallsAtTheSizeLimit(t *testing.T) {
	for _, c := range []struct {
		bytes int
		want  string
	}{{events.MaxBytes - 1, "us-east-1:2"}, {events.MaxBytes, "us-east-1:1 us-east-1:1"}} {
		first, second := entry(0, "us-east-1", "ok"), entry(1, "us-east-1", "ok")
		second.Detail = jsontext.Value(`""`)
		fill := c.bytes - first.Size() - second.Size()
		second.Detail = jsontext.Value(`"` + strings.Repeat("x", fill) + `"`)
		s := &sender{}
		bus.NewPublisher(s).Publish(t.Context(), []events.Entry{first, second})
		if got := strings.Join(s.calls, " "); got != c.want {
			t.Errorf("two entries of %d bytes: calls %s, want %s", c.bytes, got, c.want)
		}
	}
}
