package eventbridge

import (
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/redact"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
)

// Info returns the event with API keys masked.
func (e *Event) Info() trace.Info {
	return trace.Info{ID: e.ID, Bus: e.Bus, Received: e.Received, Replay: e.Replay, Event: redact.Event(e.JSON)}
}

// Arrivals returns the arrivals of the event with this id, one for each bus that it
// passed and each replay of it. The fault is NotFound if it is not stored any more.
func (s *Service) Arrivals(eventID string) ([]trace.Arrival, error) {
	stored, err := s.events.byID(eventID)
	if err != nil {
		return nil, fault.Wrap("read events", fault.Internal, err)
	}
	var arrivals []trace.Arrival
	for i := range stored {
		a, err := s.arrival(stored[i])
		if err != nil {
			return nil, err
		}
		arrivals = append(arrivals, a)
	}
	if arrivals == nil {
		return nil, fault.Errorf(fault.NotFound, "event %q is not kept here", awsjson.Clip(eventID))
	}
	return arrivals, nil
}

func (s *Service) arrival(e Event) (trace.Arrival, error) {
	a := trace.Arrival{Info: e.Info(), Rules: []trace.Rule{}, Deliveries: []trace.Delivery{}}
	_, name, err := s.resolveBus(e.Bus)
	if err != nil {
		return a, err
	}
	in := &incoming{bus: name, event: e}
	if err := in.parse(); err != nil {
		return a, err
	}
	verdicts, err := s.judge(in)
	if err != nil {
		verdicts = nil // a bus that does not exist has no rules
	}
	deleted := slices.Clone(e.Rules)
	for i := range verdicts {
		v := &verdicts[i]
		at := slices.Index(deleted, v.rule.ARN)
		if at >= 0 {
			deleted = slices.Delete(deleted, at, at+1)
		}
		a.Rules = append(a.Rules, v.since(at >= 0, a.Event))
	}
	for _, arn := range deleted {
		a.Rules = append(a.Rules, trace.Rule{Rule: ruleName(arn), Matches: true, Why: "the rule does not exist any more"})
	}
	statuses, err := s.deliveries(&e, verdicts)
	for _, d := range statuses {
		a.Deliveries = append(a.Deliveries, trace.Delivery{Rule: ruleName(d.Rule), Target: d.Target, State: string(d.State),
			Attempts: d.Attempts, Due: d.Due, LastError: d.LastError, Queue: d.Queue})
	}
	return a, err
}

// deliveries returns the states of an event's deliveries.
func (s *Service) deliveries(e *Event, verdicts []verdict) ([]delivery.Status, error) {
	list, err := s.opts.Deliveries.Deliveries(e.Seq)
	if err != nil {
		return nil, err
	}
	stored := map[[2]string]bool{}
	for _, d := range list {
		stored[[2]string{d.Rule, d.Target}] = true
	}
	// The other deliveries succeeded at the first attempt.
	for i := range verdicts {
		rule := &verdicts[i].rule
		for _, target := range rule.Targets {
			if slices.Contains(e.Rules, rule.ARN) && !stored[[2]string{rule.ARN, target}] {
				list = append(list, delivery.Status{Rule: rule.ARN, Target: target, State: delivery.Delivered, Attempts: 1})
			}
		}
	}
	return list, nil
}

// since returns the result that the rule had when the event was received. If the
// rule gives another result now, Why says that it was changed.
func (v *verdict) since(matched bool, masked []byte) trace.Rule {
	out := v.Rule
	out.Matches, out.Explanation = matched, v.explainMasked(masked)
	switch {
	case matched && !v.Matches:
		out.Why = "it matched when the event was received; the rule was changed since"
	case !matched && v.Matches && v.Why == "":
		out.Why = "it would match now: the rule was changed since, or the replay excluded it"
	}
	return out
}

// explainMasked explains the match with the masked event, so that no key is shown.
// It returns nil if the pattern gives another result for the masked event.
func (v *verdict) explainMasked(masked []byte) *pattern.Explanation {
	if v.compiled == nil {
		return nil
	}
	e, err := pattern.Parse(masked)
	if err != nil {
		return nil
	}
	if x := pattern.Explain(v.compiled, e); x.Matched == v.Matches {
		return x
	}
	return nil
}

// ruleName returns the name in a rule's ARN, without the bus.
func ruleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
