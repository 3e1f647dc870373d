package lambda_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/store"
)

// invokeFor invokes the function with a time-out. It fails the test if the
// function has not returned by then, when Lambda would end it.
func (f *fixture) invokeFor(timeout time.Duration, payload string) (string, error) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), timeout)
	defer cancel()
	out, err := f.handler.Invoke(ctx, []byte(payload))
	if ctx.Err() != nil {
		f.t.Errorf("the invocation timed out")
	}
	return string(out), err
}

// hang makes PutEvents block until its context ends.
func (f *fixture) hang() {
	f.send = func(ctx context.Context, _ []events.Entry) ([]bus.Result, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

// inFakeTime runs a test of the function in fake time.
func inFakeTime(t *testing.T, test func(*fixture)) {
	synctest.Test(t, func(t *testing.T) { test(newFixture(t)) })
}

// TestInvocationWhosePublishingHangs checks that the function returns its response
// in time, logs, and stores that the entry is pending.
func TestInvocationWhosePublishingHangs(t *testing.T) {
	inFakeTime(t, func(f *fixture) {
		f.hang()
		out, err := f.invokeFor(names.Timeout, f.event("e1", "pet", `{"name":"Rex"}`))
		if err != nil || !strings.Contains(out, `"statusCode":201`) {
			f.t.Errorf("%s, %v", out, err)
		}
		if line := f.log.String(); !strings.Contains(line, `"outcome":"carried-out"`) || !strings.Contains(line, `"EntriesPending":1`) || !strings.Contains(line, `"_aws"`) {
			f.t.Errorf("the log is %q", line)
		}
		marks, _, err := f.store.IdempotencyRecords(f.t.Context(), "", 10)
		if err != nil || len(marks) != 1 {
			f.t.Fatalf("%d idempotency records, %v", len(marks), err)
		}
		if e := marks[0].Outputs.Entries[0]; e.State != store.EntryPending || e.Attempts != 1 || e.Error == "" {
			f.t.Errorf("entry = %+v, want one attempt with its error", e)
		}
	})
}

// TestInvocationWhoseCommitHangs checks that the function fails in time, with a
// log line and its metric, so that the event is delivered again.
func TestInvocationWhoseCommitHangs(t *testing.T) {
	inFakeTime(t, func(f *fixture) {
		f.stuck = true
		out, err := f.invokeFor(names.Timeout, f.event("e1", "pet", `{"name":"Rex"}`))
		if err == nil {
			f.t.Errorf("acknowledged: %s", out)
		}
		if line := f.log.String(); !strings.Contains(line, `"outcome":"fault"`) || !strings.Contains(line, `"Faults":1`) || !strings.Contains(line, `"_aws"`) {
			f.t.Errorf("the log is %q", line)
		}
	})
}

// TestRelayWhosePublishingHangs checks that the relay logs its line and releases
// its lease.
func TestRelayWhosePublishingHangs(t *testing.T) {
	inFakeTime(t, func(f *fixture) {
		f.send = func(context.Context, []events.Entry) ([]bus.Result, error) {
			return []bus.Result{{Code: "ThrottlingException"}}, nil
		}
		if _, err := f.invoke(f.event("e1", "pet", `{"name":"Rex"}`)); err != nil {
			f.t.Fatal(err)
		}
		f.log.Reset()
		f.hang()
		f.ahead = time.Hour
		if _, err := f.invokeFor(names.Timeout, `{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`); err == nil {
			f.t.Error("a relay that did not finish returns no error")
		}
		if line := f.log.String(); !strings.Contains(line, `"RelayMarks":1`) || !strings.Contains(line, `"RelayLag":`) || !strings.Contains(line, `"_aws"`) {
			f.t.Errorf("the log is %q", line)
		}
		for shard := range store.Shards {
			if ok, err := f.store.Lease(f.t.Context(), shard, "another", f.now(), f.now().Add(time.Minute)); !ok || err != nil {
				f.t.Errorf("the lease of shard %d is held: %v", shard, err)
			}
		}
	})
}
