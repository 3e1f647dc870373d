package local_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

func TestAnEventReachesItsFunction(t *testing.T) {
	t.Parallel()
	box, other := &inbox{}, &inbox{}
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		s.Functions.Register("other", other.handle)
		wire(t, s, "in", `{"source":["shop"]}`, "box")
		wire(t, s, "out", `{"source":["elsewhere"]}`, "other")
	})
	e := entry("shop", "order placed", `{ "n": 12345678901234567890.10, "a": {"b": [null]} }`)
	e.Resources = []string{"arn:thing"}
	e.Time = aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	id := aws.ToString(put(t, m.client(), e)[0].EventId)

	eventually(t, "the event", func() bool { return len(box.got()) == 1 })
	want := `{"version":"0","id":"` + id + `","detail-type":"order placed","source":"shop","account":"000000000000",` +
		`"time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":["arn:thing"],"detail":{"n":12345678901234567890.10,"a":{"b":[null]}}}`
	if got := box.got()[0]; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	eventually(t, "an empty queue", func() bool { due, waiting := m.Pending(); return due+waiting == 0 })
	if n := len(other.got()); n != 0 {
		t.Errorf("a rule that does not match delivered %d events", n)
	}
}

func TestEntriesAreJudgedOneByOne(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	long := strings.Repeat("x", 129)
	entries := []types.PutEventsRequestEntry{
		entry("a", "b", `{}`),
		{DetailType: aws.String("b"), Detail: aws.String("{}")},
		{Source: aws.String("a"), Detail: aws.String("{}")},
		{Source: aws.String("a"), DetailType: aws.String("b")},
		entry("aws.ec2", "b", `{}`),
		entry("a", "b", `[]`),
		entry("a", "b", `{"x":`),
		entry("a", long, `{}`),
		entry("a", "b", `{"x":1,"x":2}`),
	}
	out, err := m.client().PutEvents(context.Background(), &awseventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", "InvalidArgument", "InvalidArgument", "InvalidArgument", "NotAuthorizedForSourceException",
		"MalformedDetail", "MalformedDetail", "InvalidArgument", ""}
	if out.FailedEntryCount != 7 {
		t.Errorf("FailedEntryCount %d, want 7", out.FailedEntryCount)
	}
	for i, e := range out.Entries {
		if code(e) != want[i] || (e.EventId == nil) == (want[i] == "") {
			t.Errorf("entry %d: code %q id %q, want code %q", i, code(e), aws.ToString(e.EventId), want[i])
		}
	}
	if got := aws.ToString(out.Entries[1].ErrorMessage); got != "Parameter Source is not valid. Reason: Source is a required argument." {
		t.Error(got)
	}
}

func TestACallFailsAsAWhole(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	big := func(n int) types.PutEventsRequestEntry {
		return entry("a", "b", `{"x":"`+strings.Repeat("y", n-len(`{"x":""}`)-2)+`"}`)
	}
	many := make([]types.PutEventsRequestEntry, 11)
	for i := range many {
		many[i] = entry("a", "b", "{}")
	}
	timed := big(1<<20 - 13)
	timed.Time = aws.Time(time.Now())
	const javaEntry = "PutEventsRequestEntry(time=null, source=a, resources=null, detailType=b, detail={}, eventBusName=null, traceHeader=null, kmsKeyIdentifier=null, internalMetadata=null)"
	badBus := entry("a", "b", "{}")
	badBus.EventBusName = aws.String("no such bus!")
	for name, c := range map[string]struct {
		entries []types.PutEventsRequestEntry
		message string // "" where the call is good
	}{
		"exactly 1 MB":    {[]types.PutEventsRequestEntry{big(1 << 20)}, ""},
		"1 MB and a byte": {[]types.PutEventsRequestEntry{big(1<<20 + 1)}, "Total size of the entries in the request is over the limit."},
		"the time counts": {[]types.PutEventsRequestEntry{timed}, "Total size of the entries in the request is over the limit."},
		"eleven":          {many, "1 validation error detected: Value '[" + strings.Repeat(javaEntry+", ", 10) + javaEntry + "]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10"},
		"none":            {[]types.PutEventsRequestEntry{}, "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		"bad bus name":    {[]types.PutEventsRequestEntry{badBus}, "1 validation error detected: Value 'no such bus!' at 'entries.1.member.eventBusName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[\\.\\-_A-Za-z0-9]+"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := m.client().PutEvents(context.Background(), &awseventbridge.PutEventsInput{Entries: c.entries})
			if c.message == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			api, ok := errors.AsType[smithy.APIError](err)
			if !ok || api.ErrorCode() != "ValidationException" || api.ErrorMessage() != c.message {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestUnknownAndForeignBuses(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m := start(t, t.TempDir(), local.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	foreign := "arn:aws:events:eu-west-1:123456789012:event-bus/theirs"
	onBus := func(bus string) types.PutEventsRequestEntry {
		e := entry("a", "b", "{}")
		e.EventBusName = &bus
		return e
	}
	for _, r := range put(t, m.client(), onBus("nowhere"), onBus(foreign), onBus("arn:aws:events:us-east-1:000000000000:event-bus/default")) {
		if r.EventId == nil {
			t.Errorf("refused: %s", code(r))
		}
	}
	m.stop()
	if !strings.Contains(log.String(), "bus that does not exist") {
		t.Error("no warning about the unknown bus")
	}
}

func TestEventsCanBeLookedAt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir, local.Options{}, nil)
	foreign := "arn:aws:events:eu-west-1:123456789012:event-bus/theirs"
	e := entry("a", "b", `{"x":1}`)
	e.EventBusName = &foreign
	put(t, m.client(), entry("a", "b", `{"x":0}`), e)
	m.stop()

	m = start(t, dir, local.Options{}, nil) // they survive a restart
	var seen []string
	for e, err := range m.EventBridge.Events(context.Background(), eventbridge.EventQuery{Bus: foreign}) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, string(e.JSON))
	}
	if len(seen) != 1 || !strings.Contains(seen[0], `"detail":{"x":1}`) {
		t.Errorf("kept for the foreign bus: %q", seen)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	n := 0
	for e, err := range m.EventBridge.Events(ctx, eventbridge.EventQuery{Bus: "default", Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			put(t, m.client(), entry("new", "b", `{}`)) // comes while we follow
		} else if !strings.Contains(string(e.JSON), `"source":"new"`) {
			t.Errorf("followed to %s", e.JSON)
		}
		if n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("followed %d events, want 2", n)
	}
}

// What is malformed is refused in AWS's shape, whatever it is.
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	const json11, target = "application/x-amz-json-1.1", "AWSEvents.PutEvents"
	for name, c := range map[string]struct {
		method, path, contentType, target, body string
		status                                  int
		code                                    string
	}{
		"not JSON":         {"POST", "/", json11, target, `{`, 400, "SerializationException"},
		"empty":            {"POST", "/", json11, target, ``, 400, "ValidationException"},
		"null":             {"POST", "/", json11, target, `null`, 400, "ValidationException"},
		"an array":         {"POST", "/", json11, target, `[]`, 400, "SerializationException"},
		"two documents":    {"POST", "/", json11, target, `{}{}`, 400, "SerializationException"},
		"repeated name":    {"POST", "/", json11, target, `{"Entries":[],"Entries":[]}`, 400, "SerializationException"},
		"invalid UTF-8":    {"POST", "/", json11, target, "{\"Entries\":[{\"Source\":\"\xff\"}]}", 400, "SerializationException"},
		"detail an object": {"POST", "/", json11, target, `{"Entries":[{"Source":"a","DetailType":"b","Detail":{}}]}`, 400, "SerializationException"},
		"time a string":    {"POST", "/", json11, target, `{"Entries":[{"Time":"now","Source":"a","DetailType":"b","Detail":"{}"}]}`, 400, "SerializationException"},
		"time of no year":  {"POST", "/", json11, target, `{"Entries":[{"Time":1e300,"Source":"a","DetailType":"b","Detail":"{}"}]}`, 400, "SerializationException"},
		"wrong type":       {"POST", "/", "text/plain", target, `{}`, 400, "SerializationException"},
		"no type":          {"POST", "/", "", target, `{}`, 400, "SerializationException"},
		"unknown call":     {"POST", "/", json11, "AWSEvents.PutEvent", `{}`, 400, "UnknownOperationException"},
		"unknown service":  {"POST", "/", json11, "Kinesis_20131202.PutRecord", `{}`, 400, "UnknownOperationException"},
		"no target":        {"POST", "/", json11, "", `{}`, 400, "UnknownOperationException"},
		"a GET":            {"GET", "/", "", "", ``, 404, "UnknownOperationException"}, // REST-JSON: the code is in a header
		"another path":     {"POST", "/x", json11, target, `{}`, 400, "UnknownOperationException"},
		"9 MB":             {"POST", "/", json11, target, strings.Repeat(" ", 9<<20), 413, "RequestEntityTooLargeException"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, m.url+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", c.contentType)
			r.Header.Set("X-Amz-Target", c.target)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			var answer struct {
				Type    string `json:"__type"`
				Message string `json:"message"`
			}
			if err := json.Unmarshal(body, &answer); err != nil {
				t.Fatalf("%v in %s", err, body)
			}
			if answer.Type == "" {
				answer.Type = resp.Header.Get("X-Amzn-Errortype")
			}
			if resp.StatusCode != c.status || answer.Type != c.code {
				t.Errorf("got %d %s, want %d %s", resp.StatusCode, body, c.status, c.code)
			}
			if resp.Header.Get("x-amzn-RequestId") == "" {
				t.Error("no x-amzn-RequestId")
			}
		})
	}
}

func TestFractionalTime(t *testing.T) {
	t.Parallel()
	box := &inbox{}
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	r, _ := http.NewRequest("POST", m.url, strings.NewReader(`{"Entries":[{"Time":1767323045.987,"Source":"a","DetailType":"b","Detail":"{}"}]}`))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	eventually(t, "the event", func() bool { return len(box.got()) == 1 })
	if !strings.Contains(box.got()[0], `"time":"2026-01-02T03:04:05Z"`) {
		t.Error(box.got()[0])
	}
}
