package eventbridge

import (
	"context"
	"slices"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
)

// An EventTrace is what happened to one event on one bus.
type EventTrace struct {
	Event      Event
	Verdicts   []Verdict         // what the rules make of it, as they are now
	Deliveries []delivery.Status // to the targets of the rules that matched
}

// Traces returns the traces of the event with this id, one for each bus that it
// passed and each replay of it. The fault is NotFound if it is not stored any more.
func (s *Service) Traces(ctx context.Context, eventID string) ([]EventTrace, error) {
	var traces []EventTrace
	for e, err := range s.Events(ctx, EventQuery{}) {
		if err != nil {
			return nil, err
		}
		if e.ID != eventID {
			continue
		}
		trace, err := s.trace(e)
		if err != nil {
			return nil, err
		}
		traces = append(traces, trace)
	}
	if traces == nil {
		return nil, fault.Errorf(fault.NotFound, "event %q is not kept here", awsjson.Clip(eventID))
	}
	return traces, nil
}

func (s *Service) trace(e Event) (EventTrace, error) {
	trace := EventTrace{Event: e}
	_, name, err := s.resolveBus(e.Bus)
	if err != nil {
		return trace, err
	}
	a := &incoming{bus: name, event: e}
	if err := a.parse(); err != nil {
		return trace, err
	}
	if verdicts, err := s.judge(a); err == nil { // a bus that does not exist has no rules
		trace.Verdicts = verdicts
	}
	open := map[[2]string]bool{}
	stored, err := s.opts.Deliveries.Deliveries(e.Seq)
	if err != nil {
		return trace, err
	}
	for _, d := range stored {
		open[[2]string{d.Rule, d.Target}] = true
		trace.Deliveries = append(trace.Deliveries, d)
	}
	// The other deliveries succeeded at the first attempt.
	for _, v := range trace.Verdicts {
		for _, target := range v.Rule.Targets {
			if slices.Contains(e.Rules, v.Rule.ARN) && !open[[2]string{v.Rule.ARN, target}] {
				trace.Deliveries = append(trace.Deliveries, delivery.Status{Rule: v.Rule.ARN, Target: target, State: delivery.Delivered, Attempts: 1})
			}
		}
	}
	return trace, nil
}
