package eventbridge

import (
	"slices"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
)

// route matches an incoming event against the rules of its bus and returns a task for
// each target of each that matches, with the writes that archive it.
func (s *Service) route(a *incoming) ([]*delivery.Task, []datafile.Write) {
	if a.only != nil {
		return s.tasks(a, []*rule{a.only}), nil
	}
	if a.bus == "" {
		s.opts.Log.Info("event for a bus of another account or region is stored and reaches no target", "event", a.event.ID, "bus", a.event.Bus)
		return nil, nil
	}
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b := s.catalog.buses[a.bus]
	if b == nil {
		// As on AWS, the call succeeds. AWS drops the event silently.
		s.opts.Log.Warn("event for a bus that does not exist: AWS drops it; here it is stored and reaches no target",
			"event", a.event.ID, "bus", a.event.Bus)
		return nil, nil
	}
	var rules []*rule
	for _, name := range b.matcher.Match(a.parsed) {
		if r := b.rules[name]; len(a.filter) == 0 || slices.Contains(a.filter, r.ARN) {
			rules = append(rules, r)
		}
	}
	if len(rules) > 0 {
		s.opts.Metrics.Count("", "MatchedEvents", 1)
	}
	return s.tasks(a, rules), s.archives.writes(a)
}

// tasks returns the tasks of an event: one for each target of the rules.
func (s *Service) tasks(a *incoming, rules []*rule) []*delivery.Task {
	var tasks []*delivery.Task
	for _, r := range rules {
		s.opts.Metrics.Count(r.Name, "TriggeredRules", 1)
		s.opts.Metrics.Count(r.Name, "MatchedEvents", 1)
		a.event.Rules = append(a.event.Rules, r.ARN)
		for i := range r.Targets {
			tasks = append(tasks, newTask(&a.event, len(tasks), r, &r.Targets[i]))
			if s.opts.Chaos.Duplicate() {
				tasks = append(tasks, newTask(&a.event, len(tasks), r, &r.Targets[i]))
			}
		}
	}
	return tasks
}

// newTask returns the task that delivers an event to a rule's target.
func newTask(e *Event, n int, r *rule, target *delivery.Target) *delivery.Task {
	t := &delivery.Task{
		Seq: e.Seq, N: uint32(n), ID: awsjson.NewID(), Rule: r.ARN, Target: *target,
		Stage: delivery.StageDeliver, Since: e.Received, Due: e.Received, Event: e.JSON,
		Hops: e.Hops, Trace: e.Trace,
	}
	t.Target.SqsParameters = queueParameters(target.SqsParameters, e.JSON)
	setInput(t, target, r, e)
	return t
}

// reparse returns the incoming event for an event that has been built already.
func (s *Service) reparse(event []byte, busARN, busName string) (*incoming, error) {
	envelope, err := decodeLoose(event)
	if err != nil {
		return nil, err
	}
	at, err := envelope.Time.Time()
	if err != nil {
		return nil, err
	}
	a := &incoming{bus: busName, event: Event{ID: envelope.ID, Bus: busARN, Time: at, Received: s.opts.Now(), JSON: event}}
	return a, a.parse()
}

// decodeLoose reads an event's envelope, however deep its detail may be.
func decodeLoose(event []byte) (e events.Envelope, err error) {
	return e, unmarshalLoose(event, &e)
}
