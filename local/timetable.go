package local

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/local/awsjson"
	"github.com/blockforger/eventrouter/local/schedule"
)

// mostCaughtUp is how many times a schedule falls due at once after a leap of
// the clock; what lies further back is left out.
const mostCaughtUp = 100

// runSchedules makes events of schedules that fall due, until ctx ends. What
// fell due while nobody ran is not made up for.
func (s *Server) runSchedules(ctx context.Context) {
	tick := time.NewTicker(s.opts.PollEvery)
	defer tick.Stop()
	checked := s.opts.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.opts.Now()
		if now.After(checked) {
			s.fireRules(ctx, checked, now)
		}
		checked = now // also when the clock went back
	}
}

// fireRules sends the events of rules that fell due in the time given.
func (s *Server) fireRules(ctx context.Context, after, until time.Time) {
	var due []*arrival
	s.catalog.mu.RLock()
	for _, r := range s.catalog.buses[defaultBus].rules {
		if r.when == nil || r.State == disabled {
			continue
		}
		for _, at := range dueTimes(r.when, r.Created.Time, after, until, time.UTC) {
			due = append(due, s.scheduled(r, at))
		}
	}
	s.catalog.mu.RUnlock()
	if err := s.ingest(ctx, due); err != nil && ctx.Err() == nil {
		s.log.Error("scheduled events could not be kept and are lost", "events", len(due), "error", err)
	}
}

// dueTimes are the times at which a schedule falls due after one and until
// another, the newest where they are too many.
func dueTimes(when schedule.Schedule, anchor, after, until time.Time, in *time.Location) []time.Time {
	var times []time.Time
	for {
		next, ok := when.Next(anchor, after, in)
		if !ok || next.After(until) {
			return times
		}
		if times = append(times, next); len(times) > mostCaughtUp {
			times = times[1:]
		}
		after = next
	}
}

// scheduled is the event that EventBridge makes when a rule falls due.
func (s *Server) scheduled(r *rule, at time.Time) *arrival {
	id := awsjson.NewID()
	return &arrival{only: r, bus: r.Bus, event: Event{
		ID: id, Bus: s.busARN(r.Bus), Time: at, Received: s.opts.Now(),
		JSON: buildEvent(&eventFields{id: id, source: "aws.events", detailType: "Scheduled Event",
			account: s.opts.Account, region: s.opts.Region, time: at, resources: []string{r.ARN}, detail: []byte("{}")}),
	}}
}
