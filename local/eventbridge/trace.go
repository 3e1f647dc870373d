package eventbridge

import (
	"context"
	"slices"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
)

// A Story is what became of one event.
type Story struct {
	Event      Event
	Verdicts   []Verdict         // what the rules make of it, as they are now
	Deliveries []delivery.Status // to the targets of the rules that matched
}

// Stories tells what became of the event with this id, once for each bus that
// it came over and each replay of it. The fault is NotFound where it is not kept
// any more.
func (s *Service) Stories(ctx context.Context, eventID string) ([]Story, error) {
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
		return nil, fault.Errorf(fault.NotFound, "event %q is not kept here", awsjson.Clip(eventID))
	}
	return stories, nil
}

func (s *Service) story(e Event) (Story, error) {
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
	stored, err := s.opts.Deliveries.Deliveries(e.Seq)
	if err != nil {
		return story, err
	}
	for _, d := range stored {
		open[[2]string{d.Rule, d.Target}] = true
		story.Deliveries = append(story.Deliveries, d)
	}
	// What neither waits nor was given up has arrived.
	for _, v := range story.Verdicts {
		for _, target := range v.Rule.Targets {
			if slices.Contains(e.Rules, v.Rule.ARN) && !open[[2]string{v.Rule.ARN, target}] {
				story.Deliveries = append(story.Deliveries, delivery.Status{Rule: v.Rule.ARN, Target: target, State: delivery.Delivered, Attempts: 1})
			}
		}
	}
	return story, nil
}
