// Package schedule reads the schedule expressions of EventBridge, rate(...),
// cron(...) and at(...), and tells when they fall due.
//
//	s, err := schedule.Parse("cron(0 12 ? * MON-FRI *)")
//	next, ok := s.Next(anchor, time.Now(), time.UTC)
//
// Schedules are immutable and safe for concurrent use.
package schedule

import (
	"strconv"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// A Schedule tells when something falls due.
type Schedule interface {
	// Next returns the first time after the one given, or false where there is
	// none. Times of day are those of the location; a rate counts from the
	// anchor, which is when the schedule was made.
	Next(anchor, after time.Time, in *time.Location) (next time.Time, ok bool)
}

// Parse reads the expression of a rule. The fault is Invalid.
func Parse(expression string) (Schedule, error) { return parse(expression, false) }

// ParseScheduler reads the expression of an EventBridge Scheduler schedule: unlike a
// rule's, its rate may have any number with a singular or plural unit (recorded on
// AWS, 2025-01-08: rate(2 minute)). The fault is Invalid.
func ParseScheduler(expression string) (Schedule, error) { return parse(expression, true) }

func parse(expression string, anyPlural bool) (Schedule, error) {
	kind, rest, ok := strings.Cut(expression, "(")
	body, closed := strings.CutSuffix(rest, ")")
	if ok && closed {
		switch kind {
		case "rate":
			return parseRate(body, anyPlural)
		case "cron":
			return parseCron(body)
		case "at":
			return parseAt(body)
		}
	}
	return nil, fault.Errorf(fault.Invalid, "schedule %q is none of rate(...), cron(...) and at(...)", expression)
}

// rate falls due every so often.
type rate time.Duration

var rateUnits = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// longest keeps rates, and sums of them with a time, within a Duration.
const longest = 100 * 365 * 24 * time.Hour

// parseRate reads a number and a unit. Unless anyPlural is set, the unit must be
// singular for 1 and plural for other numbers, as EventBridge requires.
func parseRate(body string, anyPlural bool) (Schedule, error) {
	count, unit, _ := strings.Cut(body, " ")
	n, err := strconv.ParseUint(count, 10, 32)
	every, known := rateUnits[strings.TrimSuffix(unit, "s")]
	if err != nil || n == 0 || !known || !anyPlural && strings.HasSuffix(unit, "s") != (n != 1) {
		return nil, fault.Errorf(fault.Invalid, "rate(%s) is not valid; examples are rate(1 minute), rate(5 hours), rate(2 days)", body)
	}
	if time.Duration(n) > longest/every {
		return nil, fault.Errorf(fault.Invalid, "rate(%s) is too long", body)
	}
	return rate(time.Duration(n) * every), nil
}

func (r rate) Next(anchor, after time.Time, _ *time.Location) (time.Time, bool) {
	every := time.Duration(r)
	if after.Before(anchor) {
		return anchor.Add(every), true
	}
	passed := after.Sub(anchor) / every
	return anchor.Add((passed + 1) * every), true
}

// at falls due once, at a time of day without a zone.
type at time.Time

func parseAt(body string) (Schedule, error) {
	t, err := time.Parse("2006-01-02T15:04:05", body)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "at(%s) is not valid; an example is at(2026-01-02T03:04:05)", body)
	}
	return at(t), nil
}

func (a at) Next(_, after time.Time, in *time.Location) (time.Time, bool) {
	w := time.Time(a)
	t := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, in)
	return t, t.After(after)
}

// Once tells whether the schedule falls due one time only.
func Once(s Schedule) bool {
	_, once := s.(at)
	return once
}

// mostBetween is how many times Between returns at most: after a leap of the
// clock nobody wants what fell due in all the years that it skipped.
const mostBetween = 100

// Between returns the times at which a schedule falls due after one and until
// another, the newest where they are many.
func Between(s Schedule, anchor, after, until time.Time, in *time.Location) []time.Time {
	var times []time.Time
	for {
		next, ok := s.Next(anchor, after, in)
		if !ok || next.After(until) {
			return times
		}
		if times = append(times, next); len(times) > mostBetween {
			times = times[1:]
		}
		after = next
	}
}
