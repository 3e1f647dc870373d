package local

import (
	"context"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// A Story is what became of one event.
type Story struct {
	Event      Event
	Verdicts   []Verdict  // what the rules make of it, as they are now
	Deliveries []Delivery // to the targets of the rules that matched
}

// A Delivery is how far an event has come to one target.
type Delivery struct {
	Rule, Target string // ARNs
	State        DeliveryState
	Attempts     int       // so far, where they are known: at least 1 of one that has ended
	Due          time.Time // when a waiting one is tried again
	LastError    string
	Queue        string // the dead-letter queue that got what was given up
}

// DeliveryState says how a delivery stands.
type DeliveryState string

const (
	Delivered DeliveryState = "delivered"
	Waiting   DeliveryState = "waiting" // for its time, or under way
	GivenUp   DeliveryState = "given up"
)

// Stories tells what became of the event with this id, once for each bus that
// it came over and each replay of it. The fault is NotFound where it is not kept
// any more.
func (s *Server) Stories(ctx context.Context, eventID string) ([]Story, error) {
	var stories []Story
	for e, err := range s.Events(ctx, EventQuery{}) {
		if err != nil {
			return nil, err
		}
		if e.ID != eventID {
			continue
		}
		story, err := s.story(e)
		if err != nil {
			return nil, err
		}
		stories = append(stories, story)
	}
	if stories == nil {
		return nil, fault.Errorf(fault.NotFound, "event %q is not kept here", clip(eventID))
	}
	return stories, nil
}

func (s *Server) story(e Event) (Story, error) {
	story := Story{Event: e}
	_, name, err := s.resolveBus(e.Bus)
	if err != nil {
		return story, err
	}
	a := &incoming{bus: name, event: e}
	if err := a.parse(); err != nil {
		return story, err
	}
	if verdicts, err := s.judge(a); err == nil { // a bus that is not here has no rules
		story.Verdicts = verdicts
	}
	open := map[[2]string]bool{}
	add := func(d Delivery) {
		open[[2]string{d.Rule, d.Target}] = true
		story.Deliveries = append(story.Deliveries, d)
	}
	for _, t := range s.queue.of(e.Seq) {
		add(Delivery{Rule: t.Rule, Target: t.Target.Arn, State: Waiting, Attempts: t.Failures, Due: t.Due, LastError: t.LastError})
	}
	ended, err := s.outcomes(e.Seq)
	if err != nil {
		return story, err
	}
	for _, o := range ended {
		add(Delivery{Rule: o.Rule, Target: o.Target, State: o.State, Attempts: o.Attempts, LastError: o.LastError, Queue: o.Queue})
	}
	letters, err := s.DeadLetters()
	if err != nil {
		return story, err
	}
	for _, l := range letters {
		if l.Event == e.Seq {
			add(Delivery{Rule: l.Rule, Target: l.Target, State: GivenUp, Attempts: l.Record.RequestContext.ApproximateInvokeCount,
				LastError: l.Record.RequestContext.Condition})
		}
	}
	// What neither waits nor was given up has arrived.
	for _, v := range story.Verdicts {
		for _, target := range v.Rule.Targets {
			if slices.Contains(e.Rules, v.Rule.ARN) && !open[[2]string{v.Rule.ARN, target}] {
				story.Deliveries = append(story.Deliveries, Delivery{Rule: v.Rule.ARN, Target: target, State: Delivered, Attempts: 1})
			}
		}
	}
	return story, nil
}
