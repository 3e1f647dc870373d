package local

import (
	"github.com/blockforger/eventrouter/events"
)

// route matches an arrival against the rules of its bus and returns a task for
// each target of each that matches.
func (s *Server) route(a *arrival) []*task {
	if a.bus == "" {
		s.log.Info("event for a bus of another account or region is kept here", "event", a.event.ID, "bus", a.event.Bus)
		return nil
	}
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b := s.catalog.buses[a.bus]
	if b == nil {
		// AWS answers success and drops the event. So do we, but not in silence.
		s.log.Warn("EVENT FOR A BUS THAT DOES NOT EXIST: AWS would drop it; it is kept to be looked at and reaches nothing",
			"event", a.event.ID, "bus", a.event.Bus)
		return nil
	}
	var tasks []*task
	for _, r := range b.matched {
		if !r.compiled.Match(a.parsed) {
			continue
		}
		a.event.Rules = append(a.event.Rules, r.ARN)
		for i := range r.Targets {
			tasks = append(tasks, newTask(&a.event, len(tasks), r, &r.Targets[i]))
		}
	}
	return tasks
}

// busName is the name in a bus's ARN, for people.
func busName(arn string) string { return events.BusARN(arn).Name() }
