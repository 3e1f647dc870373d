package local_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/local/logs"
)

// quick are retries that a test can wait for.
var quick = []time.Duration{5 * time.Millisecond, 10 * time.Millisecond}

func TestAFailedInvocationIsTriedThreeTimesAndBuried(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	box := &inbox{fail: 3}
	setup := func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	}
	m := start(t, dir, local.Options{RetryDelays: quick}, setup)
	put(t, m.client(), entry("a", "b", `{"canary":1}`))
	eventually(t, "a dead letter", func() bool { l := m.letters(); return len(l) == 1 })
	m.stop()

	m = start(t, dir, local.Options{RetryDelays: quick}, setup) // it survives a restart
	letters, err := m.DeadLetters().List()
	if err != nil || len(letters) != 1 {
		t.Fatal(letters, err)
	}
	r := letters[0].Record
	if r.RequestContext.Condition != "RetriesExhausted" || r.RequestContext.ApproximateInvokeCount != 3 ||
		r.RequestContext.FunctionARN != "arn:aws:lambda:us-east-1:000000000000:function:box:$LATEST" ||
		string(r.RequestPayload) != box.got()[0] || r.ResponseContext == nil || r.ResponseContext.FunctionError != "Unhandled" ||
		string(r.ResponsePayload) != `{"errorMessage":"not now","errorType":"errorString"}` {
		t.Errorf("%+v\n%s\n%s", r, r.RequestPayload, r.ResponsePayload)
	}
	if n := len(box.got()); n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}

	if err := m.DeadLetters().Retry(context.Background(), letters[0].ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dead letter sent again", func() bool { return len(box.got()) == 4 })
	if l := m.letters(); len(l) != 0 {
		t.Errorf("still dead: %v", l)
	}
	if err := m.DeadLetters().Retry(context.Background(), letters[0].ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a second retry: %v", err)
	}
}

func TestDeleteDeadLetter(t *testing.T) {
	t.Parallel()
	box := &inbox{fail: 1}
	m := start(t, t.TempDir(), local.Options{RetryDelays: []time.Duration{}}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	put(t, m.client(), entry("a", "b", `{}`))
	eventually(t, "a dead letter", func() bool { l := m.letters(); return len(l) == 1 })
	letters := m.letters()
	if err := m.DeadLetters().Delete(context.Background(), letters[0].ID); err != nil {
		t.Fatal(err)
	}
	if l := m.letters(); len(l) != 0 || len(box.got()) != 1 {
		t.Errorf("left: %v after %d attempts", l, len(box.got()))
	}
	for _, id := range []string{"", "x", "-1", "18446744073709551615"} {
		if err := m.DeadLetters().Delete(context.Background(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestRetriesFollowTheClock(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64 // seconds; may go back too
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) }
	box := &inbox{fail: 2}
	m := start(t, t.TempDir(), local.Options{Now: now, PollEvery: 5 * time.Millisecond}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	put(t, m.client(), entry("a", "b", `{}`))
	eventually(t, "the first attempt", func() bool { _, waiting := m.Pending(); return waiting == 1 })
	ahead.Store(-3600)
	time.Sleep(20 * time.Millisecond)
	if n := len(box.got()); n != 1 {
		t.Fatalf("%d attempts before their time", n)
	}
	ahead.Store(61)
	eventually(t, "the retry after one minute", func() bool { return len(box.got()) == 2 })
	eventually(t, "the wait for the last", func() bool { _, waiting := m.Pending(); return waiting == 1 })
	ahead.Store(61 + 121)
	eventually(t, "the retry after two more", func() bool { return len(box.got()) == 3 })
}

func TestOldInvocationsAreGivenUp(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) }
	box := &inbox{fail: 9}
	m := start(t, t.TempDir(), local.Options{Now: now, PollEvery: 5 * time.Millisecond}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	put(t, m.client(), entry("a", "b", `{}`))
	eventually(t, "the first attempt", func() bool { _, waiting := m.Pending(); return waiting == 1 })
	ahead.Store(7 * 3600)
	eventually(t, "a dead letter", func() bool { l := m.letters(); return len(l) == 1 })
	letters := m.letters()
	if got := letters[0].Record.RequestContext; got.Condition != "EventAgeExceeded" || got.ApproximateInvokeCount != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAPanicIsAFailedInvocation(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{RetryDelays: []time.Duration{}}, func(s *local.Server) {
		s.Functions.Register("box", func(context.Context, []byte, io.Writer) ([]byte, error) { panic("canary") })
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	put(t, m.client(), entry("a", "b", `{}`))
	eventually(t, "a dead letter", func() bool { l := m.letters(); return len(l) == 1 })
	answer, failed, err := m.Functions.Invoke(context.Background(), "box", "id", nil)
	if !failed || err != nil || strings.Contains(string(answer), "canary") {
		t.Errorf("%s %v %v", answer, failed, err)
	}
}

func TestASlowFunctionRunsOutOfTimeAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	fast := &inbox{}
	m := start(t, t.TempDir(), local.Options{Timeout: 50 * time.Millisecond, Concurrency: 1, RetryDelays: []time.Duration{}}, func(s *local.Server) {
		s.Functions.Register("slow", func(ctx context.Context, _ []byte, _ io.Writer) ([]byte, error) {
			<-ctx.Done()
			return nil, errors.New("out of time")
		})
		s.Functions.Register("fast", fast.handle)
		wire(t, s, "slow", `{"source":["a"]}`, "slow")
		wire(t, s, "fast", `{"source":["a"]}`, "fast")
	})
	put(t, m.client(), entry("a", "b", `{}`), entry("a", "b", `{}`), entry("a", "b", `{}`))
	eventually(t, "the fast ones", func() bool { return len(fast.got()) == 3 })
	if l := m.letters(); len(l) == 3 {
		t.Error("the slow ones were first")
	}
	eventually(t, "the slow ones' end", func() bool { l := m.letters(); return len(l) == 3 })
}

func TestATargetThatIsNotThereGoesToTheDeadLetters(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) { wire(t, s, "in", `{"source":["a"]}`, "nobody") })
	put(t, m.client(), entry("a", "b", `{}`))
	eventually(t, "a dead letter", func() bool { l := m.letters(); return len(l) == 1 })
	if l := m.letters(); l[0].Record.RequestContext.Condition != "NO_RESOURCE" || l[0].Record.ResponseContext != nil {
		t.Errorf("%+v", l[0])
	}
}

// What is kept is sealed: neither event nor log line nor dead letter lies on
// disk in clear (R52).
func TestNothingLiesOnDiskInClear(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	box := &inbox{fail: 1}
	m := start(t, dir, local.Options{RetryDelays: []time.Duration{}}, func(s *local.Server) {
		s.Functions.Register("box", func(ctx context.Context, p []byte, log io.Writer) ([]byte, error) {
			_, _ = io.WriteString(log, "canary-in-the-log\n")
			return box.handle(ctx, p, log)
		})
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	put(t, m.client(), entry("a", "b", `{"api_key":"canary-key"}`), entry("x", "b", `{"api_key":"canary-key"}`))
	eventually(t, "a dead letter", func() bool { l := m.letters(); return len(l) == 1 })
	m.stop()
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) < 2 {
		t.Fatalf("files %v", files)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "canary") {
			t.Errorf("%s holds a canary", f)
		}
		if info, _ := os.Stat(f); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", f, info.Mode().Perm())
		}
	}
}

func TestOneProcessOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, dir, local.Options{}, nil)
	if s, err := local.Open(dir, nil); err == nil {
		s.Close()
		t.Fatal("opened twice")
	} else if !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func TestLogsAreKeptByFunction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	setup := func(s *local.Server) {
		s.Functions.Register("talker", func(_ context.Context, p []byte, log io.Writer) ([]byte, error) {
			_, _ = io.WriteString(log, "one\ntwo "+string(p))
			_, _ = io.WriteString(log, " end")
			return nil, nil
		})
	}
	m := start(t, dir, local.Options{KeepLogLines: 4}, setup)
	for _, p := range []string{"a", "b", "c"} {
		if _, _, err := m.Functions.Invoke(context.Background(), "talker", "req-"+p, []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(m *machine) {
		t.Helper()
		lines, err := m.Functions.Logs(context.Background(), "talker", logs.Query{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for l := range lines {
			got = append(got, l.RequestID+":"+l.Text)
		}
		if want := "req-b:one,req-b:two b end,req-c:one,req-c:two c end"; strings.Join(got, ",") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	check(m)
	m.stop()
	m = start(t, dir, local.Options{KeepLogLines: 4}, setup)
	check(m)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	lines, _ := m.Functions.Logs(ctx, "talker", logs.Query{Follow: true, Since: time.Now()})
	go func() { _, _, _ = m.Functions.Invoke(ctx, "talker", "req-d", []byte("d")) }()
	for l := range lines {
		if l.RequestID != "req-d" {
			t.Errorf("an older line: %+v", l)
		}
		if strings.HasSuffix(l.Text, "end") {
			break
		}
	}
	if _, err := m.Functions.Logs(ctx, "nobody", logs.Query{}); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

func TestOldEventsAreForgottenButNotPendingOnes(t *testing.T) {
	t.Parallel()
	box := &inbox{fail: 1}
	m := start(t, t.TempDir(), local.Options{KeepEvents: 3}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	put(t, m.client(), entry("a", "b", `{}`)) // fails, and waits for a minute
	eventually(t, "the first attempt", func() bool { _, waiting := m.Pending(); return waiting == 1 })
	for range 5 {
		put(t, m.client(), entry("x", "b", `{}`))
	}
	eventually(t, "only what is kept", func() bool {
		n, first := 0, ""
		for e, err := range m.EventBridge.Events(context.Background(), eventbridge.EventQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 1 {
				first = string(e.JSON)
			}
		}
		return n == 4 && strings.Contains(first, `"source":"a"`)
	})
}

func TestExplain(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		wire(t, s, "in", `{"source":["a"]}`, "box")
		wire(t, s, "out", `{"source":["b"]}`, "box")
	})
	verdicts, err := m.EventBridge.Explain(&eventbridge.PutEventsRequestEntry{Source: "a", DetailType: "b", Detail: "{}"})
	if err != nil || len(verdicts) != 2 || !verdicts[0].Matches || verdicts[1].Matches || verdicts[1].Why == "" {
		t.Errorf("%+v %v", verdicts, err)
	}
	if _, err := m.EventBridge.Explain(&eventbridge.PutEventsRequestEntry{Source: "aws.a", DetailType: "b", Detail: "{}"}); err == nil {
		t.Error("explained what would be refused")
	}
}
