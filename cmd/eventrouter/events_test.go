package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// send puts entries and returns their event ids.
func send(t *testing.T, srv *server, entries ...putEntry) []string {
	t.Helper()
	results := make([]entryResult, len(entries))
	if err := putEntries(t.Context(), srv.url, entries, results); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(results))
	for i, r := range results {
		if ids[i] = r.EventID; r.Error != "" {
			t.Fatal(r.Error)
		}
	}
	return ids
}

func TestTrace(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, sampleSchemas)
	key := makeKey(t, srv.url, "evented").Key
	ids := send(t, srv, inputEntry(key, "POST", `{"string":"hello","numeric":1}`, ""), inputEntry(key, "POST", `{"string":7,"numeric":1}`, ""),
		putEntry{Source: "shop", DetailType: "sale", Detail: `{"items":[{"api_key":"c4n4ry","api_key":2}]}`})
	var shown string
	defer func() {
		if t.Failed() {
			t.Logf("the last trace:\n%s", shown)
		}
	}()
	// The parts do not come in the order of the trace: an output event is delivered
	// while the delivery that it came from is not settled yet.
	for _, want := range []string{
		"delivered  to eventbridge-test-local", "logged     eventbridge-test-local",
		"event " + ids[0] + "  evented.POST from blockforger-input\n", "\n  received   ", " on default\n",
		"\n  matched by eventrouter-input-local\n",
		"\n  refused by eventrouter-test-local: source must be [\"blockforger-output\"], and is \"blockforger-input\"\n",
		"\n  delivered  to eventrouter-local by eventrouter-input-local\n",
		"\n  logged     eventrouter-local ", " carried-out, status 201, ",
		"\n  effect     POST evented/evented/", ", revision 1, at ", "\n  bill       10 tokens for evented in ",
		"\n  output     evented.POST to default, published\n    event ", "  evented.POST from blockforger-output\n      received   ",
		"\n      refused by eventrouter-input-local: detail.api_key must be [{\"exists\":true}], and is missing\n",
		"\n      matched by eventrouter-test-local\n",
	} {
		eventually(t, fmt.Sprintf("%q in the trace", want), func() bool {
			_, shown, _ = runCLI(t, srv.url, "events", "trace", ids[0])
			return strings.Contains(shown, want)
		})
	}
	eventually(t, "the refusal is logged", func() bool {
		_, shown, _ = runCLI(t, srv.url, "events", "trace", ids[1])
		return strings.Contains(shown, " rejected, status 400, ") && strings.Contains(shown, "must be a string, not a number\n  effect     none\n")
	})
	if _, shown, _ = runCLI(t, srv.url, "events", "trace", ids[2]); strings.Contains(shown, "matched by") || strings.Contains(shown, "effect") {
		t.Errorf("an event that matches nothing:\n%s", shown)
	}
	if _, shown, _ = runCLI(t, srv.url, "events", "trace", "--explain", ids[0]); !strings.Contains(shown, "✗ the event does not match\n") || strings.Contains(shown, key) {
		t.Errorf("explained:\n%s", shown)
	}

	code, out, _ := runCLI(t, srv.url, "events", "trace", ids[0], "--output", "json")
	var parsed trace.Event
	if err := json.Unmarshal([]byte(out), &parsed); code != 0 || err != nil || len(parsed.Effects) != 1 || len(parsed.Effects[0].Outputs) != 1 ||
		len(parsed.Effects[0].Outputs[0].Traces) != 1 || strings.Contains(out, key) {
		t.Errorf("%v %s", err, out)
	}
	if code, _, errOut := runCLI(t, srv.url, "events", "trace", "nobody"); code != 1 || !strings.Contains(errOut, `event "nobody" is not kept here`) {
		t.Errorf("%d %s", code, errOut)
	}
}

// TestTraceOfRepeatedEvents: of retries, of replays, and that a replayed event
// has no second effect.
func TestTraceOfRepeatedEvents(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, sampleSchemas)
	ctx := t.Context()
	if _, err := srv.local.EventBridge.CreateArchive(ctx, &eventbridge.CreateArchiveInput{ArchiveName: "all",
		EventSourceArn: "arn:aws:events:us-east-1:000000000000:event-bus/default"}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Add(-time.Second).UTC().Format(time.RFC3339)
	id := send(t, srv, inputEntry(makeKey(t, srv.url, "evented").Key, "POST", `{"id":"once","numeric":1}`, ""))[0]
	eventually(t, "the output event", func() bool {
		_, trace, _ := runCLI(t, srv.url, "events", "trace", id)
		return strings.Contains(trace, "delivered  to eventbridge-test-local")
	})
	code, out, errOut := runCLI(t, srv.url, "replay", "--archive", "all", "--from", begin, "--rule", "eventrouter-input-local", "--name", "again")
	if code != 0 || !strings.Contains(out, "replay again: completed, the newest event of 20") {
		t.Fatal(code, out, errOut)
	}
	var trace string
	eventually(t, "the replay in the trace", func() bool {
		_, trace, _ = runCLI(t, srv.url, "events", "trace", id)
		return strings.Count(trace, "logged     eventrouter-local") == 2
	})
	if !strings.Contains(trace, ", by the replay again\n") || strings.Count(trace, "effect     POST evented/evented/once, revision 1,") != 1 ||
		strings.Count(trace, "bill       10 tokens") != 1 || strings.Count(trace, "output     ") != 1 {
		t.Errorf("the trace:\n%s", trace)
	}
	if code, out, _ := runCLI(t, srv.url, "events", "tail"); code != 0 || !strings.Contains(out, "replay again") {
		t.Error(out)
	}

	for _, bad := range []struct{ args, want string }{
		{"--archive nobody --from " + begin, "ResourceNotFoundException: "},
		{"--archive all --from 2030-01-01T00:00:00Z", "ValidationException: "},
		{"--archive all --from " + begin + " --rule nobody", "ResourceNotFoundException: "},
		{"--archive all --from " + begin + " --name again", "ResourceAlreadyExistsException: "},
	} {
		if code, _, errOut := runCLI(t, srv.url, append([]string{"replay"}, strings.Fields(bad.args)...)...); code != 1 || !strings.Contains(errOut, bad.want) {
			t.Errorf("%s: %d %s", bad.args, code, errOut)
		}
	}
	if code, out, errOut := runCLI(t, srv.url, "replay", "--archive", "all", "--from", begin, "--no-wait", "--output", "json"); code != 0 || !strings.Contains(out, `"state": "STARTING"`) {
		t.Error(code, out, errOut)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, sampleSchemas)
	if _, err := srv.local.EventBridge.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: "orders"}); err != nil {
		t.Fatal(err)
	}
	shop := func(kind, bus string) putEntry {
		return putEntry{Source: "shop", DetailType: kind, EventBusName: bus, Detail: `{"a":{"api_key":"c4n4ry"}}`}
	}
	for _, kind := range []string{"one", "two", "three"} {
		send(t, srv, shop(kind, ""), shop("order "+kind, "orders"))
	}
	for _, c := range []struct {
		args  string
		lines int
		want  string
	}{
		{"", 6, `  shop  three  no rule  {"a":{"api_key":"****"}}` + "\n"},
		{"-n 2", 2, "order three"},
		{"-n 0", 0, ""},
		{"--bus orders", 3, "  orders  "},
		{`--pattern {"detail-type":[{"prefix":"order"}]} --bus orders -n 1`, 1, "order three"},
		{`--pattern {"source":["nobody"]}`, 0, ""},
		{"--output json", 6, `"api_key":"****"`},
	} {
		code, out, errOut := runCLI(t, srv.url, append([]string{"events", "tail"}, strings.Fields(c.args)...)...)
		if code != 0 || strings.Count(out, "\n") != c.lines || !strings.Contains(out, c.want) || strings.Contains(out, "c4n4ry") {
			t.Errorf("tail %s: %d, %s%s", c.args, code, out, errOut)
		}
	}
	if code, _, errOut := runCLI(t, srv.url, "events", "tail", "--pattern", `{"source":"shop"}`); code != 2 || !strings.Contains(errOut, "^ values stand in a list") {
		t.Errorf("%d %s", code, errOut)
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var shown syncBuffer
	var following sync.WaitGroup
	following.Go(func() {
		if code := run(ctx, []string{"events", "tail", "--follow", "-n", "0", "--endpoint-url", srv.url}, strings.NewReader(""), &shown, &shown); code != 0 {
			t.Errorf("tail ended with %d", code)
		}
	})
	eventually(t, "tail follows", func() bool {
		send(t, srv, shop("later", ""))
		return strings.Contains(shown.String(), "  later  ")
	})
	stop()
	following.Wait()
	if strings.Contains(shown.String(), "three") {
		t.Errorf("it showed what was there before:\n%s", shown.String())
	}
}
