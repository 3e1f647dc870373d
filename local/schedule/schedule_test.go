package schedule_test

import (
	"testing"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/schedule"
)

const layout = "2006-01-02T15:04:05Z07:00"

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(layout, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ expression, zone, after, want string }{
		{"rate(1 minute)", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
		{"rate(5 minutes)", "UTC", "2026-01-01T00:04:59Z", "2026-01-01T00:05:00Z"},
		{"rate(2 days)", "UTC", "2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z"},
		{"at(2026-03-04T05:06:07)", "UTC", "2026-01-01T00:00:00Z", "2026-03-04T05:06:07Z"},
		{"at(2026-03-04T05:06:07)", "America/New_York", "2026-01-01T00:00:00Z", "2026-03-04T10:06:07Z"},
		{"at(2025-03-04T05:06:07)", "UTC", "2026-01-01T00:00:00Z", ""},
		{"cron(0 12 * * ? *)", "UTC", "2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z"},
		{"cron(15 10 ? * 6L 2026-2027)", "UTC", "2026-01-01T00:00:00Z", "2026-01-30T10:15:00Z"}, // last Friday
		{"cron(0 18 ? * MON-FRI *)", "UTC", "2026-01-02T18:00:00Z", "2026-01-05T18:00:00Z"},
		{"cron(0 8 1 * ? *)", "UTC", "2026-01-01T08:00:00Z", "2026-02-01T08:00:00Z"},
		{"cron(0/15 * * * ? *)", "UTC", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"},
		{"cron(0/5 8-17 ? * MON-FRI *)", "UTC", "2026-01-02T17:55:00Z", "2026-01-05T08:00:00Z"},
		{"cron(0 9 ? * 2#1 *)", "UTC", "2026-01-01T00:00:00Z", "2026-01-05T09:00:00Z"}, // first Monday
		{"cron(0 9 ? * 2#5 *)", "UTC", "2026-01-01T00:00:00Z", "2026-03-30T09:00:00Z"},
		{"cron(0 9 L * ? *)", "UTC", "2026-01-31T10:00:00Z", "2026-02-28T09:00:00Z"},
		{"cron(0 9 1W * ? *)", "UTC", "2026-07-31T00:00:00Z", "2026-08-03T09:00:00Z"},  // the 1st is a Saturday
		{"cron(0 9 31W * ? *)", "UTC", "2026-05-01T00:00:00Z", "2026-05-29T09:00:00Z"}, // the 31st is a Sunday
		{"cron(0 9 15W * ? *)", "UTC", "2026-02-01T00:00:00Z", "2026-02-16T09:00:00Z"},
		{"cron(0 9 LW * ? *)", "UTC", "2026-02-01T00:00:00Z", "2026-02-27T09:00:00Z"},
		{"cron(0 9 29 2 ? *)", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T09:00:00Z"},
		{"cron(0 9 30 2 ? *)", "UTC", "2026-01-01T00:00:00Z", ""},
		{"cron(0 9 1 JAN,jul ? 2026/2)", "UTC", "2026-07-01T09:00:00Z", "2028-01-01T09:00:00Z"},
		{"cron(0 9 ? * FRI-MON *)", "UTC", "2026-01-05T09:00:00Z", "2026-01-09T09:00:00Z"},
		{"cron(30 2 * * ? *)", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T06:30:00Z"}, // skipped that day
		{"cron(0 9 1 1 ? 2020)", "UTC", "2026-01-01T00:00:00Z", ""},
	} {
		s, err := schedule.Parse(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := s.Next(at(t, "2026-01-01T00:00:00Z"), at(t, c.after), zone)
		text := ""
		if ok {
			text = got.UTC().Format(layout)
		}
		if text != c.want {
			t.Errorf("%s after %s: got %s, want %s", c.expression, c.after, text, c.want)
		}
	}
}

// A time of day that comes twice in autumn counts once.
func TestRepeatedHour(t *testing.T) {
	zone, _ := time.LoadLocation("America/New_York")
	s, _ := schedule.Parse("cron(30 1 * * ? *)")
	n := 0
	for after := at(t, "2026-10-31T12:00:00Z"); ; n++ {
		next, _ := s.Next(time.Time{}, after, zone)
		if next.After(at(t, "2026-11-01T12:00:00Z")) {
			break
		}
		after = next
	}
	if n != 1 {
		t.Errorf("fell due %d times", n)
	}
}

func TestBadExpressions(t *testing.T) {
	for _, expression := range []string{
		"", "rate", "rate()", "rate(0 minutes)", "rate(-1 minutes)", "rate(1 minutes)", "rate(5 minute)", "rate(5 weeks)",
		"rate(5  minutes)", "rate(5 minutes", "rate(99999999999 days)", "rate(4000000000 days)", "Rate(1 minute)", " rate(1 minute)",
		"cron()", "cron(* * * * * *)", "cron(* * ? * ? *)", "cron(0 12 * * ?)", "cron(60 * * * ? *)", "cron(* 24 * * ? *)",
		"cron(* * 32 * ? *)", "cron(* * 0 * ? *)", "cron(* * * 13 ? *)", "cron(* * ? * 8 *)", "cron(* * ? * 0 *)",
		"cron(* * ? * 2#6 *)", "cron(* * 32W * ? *)", "cron(* * * * ? 1969)", "cron(* * * * ? 2200)", "cron(*/0 * * * ? *)",
		"cron(1- * * * ? *)", "cron(, * * * ? *)", "cron(a * * * ? *)", "at()", "at(2026-01-01)", "at(2026-13-01T00:00:00)", "at(2026-01-01T00:00:00Z)",
	} {
		if _, err := schedule.Parse(expression); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", expression, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("cron(0/15 8-17 ? * 2#1 2026)")
	f.Add("rate(5 minutes)")
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := schedule.Parse(expression)
		if err != nil {
			return
		}
		after := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
		if next, ok := s.Next(after, after, time.UTC); ok && !next.After(after) {
			t.Errorf("%q falls due at %v, not after %v", expression, next, after)
		}
	})
}
