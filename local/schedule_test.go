package local_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// A rule with a schedule sends its targets EventBridge's own event, by the
// clock, and none for the time that nobody ran.
func TestScheduledRules(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
	var clock atomic.Int64 // seconds since begin
	var looks atomic.Int64 // of the schedules at the clock
	now := func() time.Time {
		at := begin.Add(time.Duration(clock.Load()) * time.Second)
		if calledFrom("runSchedules") {
			looks.Add(1)
		}
		return at
	}
	look := func() {
		t.Helper()
		before := looks.Load()
		eventually(t, "the schedules look at the clock", func() bool { return looks.Load() > before+1 })
	}
	dir, box := t.TempDir(), &inbox{}
	ctx := context.Background()
	opts := local.Options{Now: now, PollEvery: 2 * time.Millisecond}
	m := start(t, dir, opts, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		for name, expression := range map[string]string{"cron": "cron(0/2 * * * ? *)", "rate": "rate(3 minutes)", "off": "rate(1 minute)"} {
			in := &eventbridge.PutRuleInput{Name: name, ScheduleExpression: expression}
			if name == "off" {
				in.State = "DISABLED"
			}
			if _, err := s.EventBridge.PutRule(ctx, in); err != nil {
				t.Fatal(err)
			}
			if _, err := s.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: name, Targets: []delivery.Target{
				{Id: "1", Arn: "arn:aws:lambda:us-east-1:000000000000:function:box"}}}); err != nil {
				t.Fatal(err)
			}
		}
	})
	look()
	clock.Store(4 * 60) // 00:04:30: cron at 02 and 04, rate at 03:30
	eventually(t, "three events", func() bool { return len(box.got()) == 3 })
	byTime := strings.Join(box.got(), "\n")
	for _, want := range []string{`"time":"2026-01-01T00:02:00Z"`, `"time":"2026-01-01T00:04:00Z"`, `"time":"2026-01-01T00:03:30Z"`,
		`"source":"aws.events"`, `"detail-type":"Scheduled Event"`, `"resources":["arn:aws:events:us-east-1:000000000000:rule/cron"]`} {
		if !strings.Contains(byTime, want) {
			t.Errorf("%s is not in\n%s", want, byTime)
		}
	}
	clock.Store(60) // back in time: nothing falls due, and nothing stalls
	look()
	clock.Store(2 * 60)
	eventually(t, "cron at 02 again", func() bool { return len(box.got()) == 4 })
	m.stop()

	clock.Store(60 * 60)
	start(t, dir, opts, func(s *local.Server) { s.Functions.Register("box", box.handle) })
	look()
	if n := len(box.got()); n != 4 {
		t.Errorf("%d events were made up for", n-4)
	}
	clock.Store(62 * 60)
	eventually(t, "cron at 62", func() bool { return len(box.got()) > 4 })
}

// calledFrom reports whether the caller's caller is the function named.
func calledFrom(name string) bool {
	var pc [1]uintptr
	runtime.Callers(3, pc[:])
	frame, _ := runtime.CallersFrames(pc[:]).Next()
	return strings.HasSuffix(frame.Function, "."+name)
}
