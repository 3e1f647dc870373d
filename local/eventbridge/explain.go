package eventbridge

import (
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// ruleInfo describes a rule.
type ruleInfo struct {
	Bus      string   `json:"bus"`
	Name     string   `json:"name"`
	ARN      string   `json:"arn"`
	Pattern  string   `json:"pattern,omitempty"`
	Schedule string   `json:"schedule,omitempty"`
	State    string   `json:"state"`
	Targets  []string `json:"targets"` // ARNs
}

func (r *rule) info() ruleInfo {
	info := ruleInfo{Bus: r.Bus, Name: r.Name, ARN: r.ARN, Pattern: r.Pattern, Schedule: r.Schedule, State: r.State}
	for _, t := range r.Targets {
		info.Targets = append(info.Targets, t.Arn)
	}
	return info
}

// Rules lists the rules of every bus, by bus and name.
func (s *Service) Rules() []ruleInfo {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	var rules []ruleInfo
	for _, name := range sortedKeys(s.catalog.buses) {
		b := s.catalog.buses[name]
		for _, rule := range sortedKeys(b.rules) {
			rules = append(rules, b.rules[rule].info())
		}
	}
	return rules
}

// A Verdict is what one rule makes of an entry.
type Verdict struct {
	Rule    ruleInfo `json:"rule"`
	Matches bool     `json:"matches"`
	Why     string   `json:"why,omitempty"` // why it does not reach the targets
	// Explanation tells field by field why the pattern matches or does not; nil
	// where the rule has none.
	Explanation *pattern.Explanation `json:"explanation,omitempty"`
}

// Explain tells, without sending it, what each rule of the entry's bus would
// make of an entry. The error is the one that PutEvents would have for it.
func (s *Service) Explain(in *PutEventsRequestEntry) ([]Verdict, error) {
	a, refused := s.accept(in, s.opts.Now())
	if refused != nil {
		return nil, refused
	}
	return s.judge(a)
}

// judge asks each rule of an incoming event's bus.
func (s *Service) judge(a *incoming) ([]Verdict, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b := s.catalog.buses[a.bus]
	if b == nil {
		return nil, awsjson.Errorf("ResourceNotFoundException", "Event bus %s does not exist here: the event would be taken, kept, and reach nothing.", awsjson.Clip(a.event.Bus))
	}
	var verdicts []Verdict
	for _, name := range sortedKeys(b.rules) {
		verdicts = append(verdicts, b.rules[name].judge(a.parsed))
	}
	return verdicts, nil
}

func (r *rule) judge(e *pattern.Event) Verdict {
	v := Verdict{Rule: r.info()}
	if r.compiled != nil {
		v.Explanation = pattern.Explain(r.compiled, e)
		v.Matches = v.Explanation.Matched
	}
	switch {
	case r.compiled == nil:
		v.Why = "the rule runs on a schedule and has no pattern"
	case !v.Matches:
		v.Why = "the pattern does not match"
	case r.State == disabled:
		v.Why = "the rule is disabled"
	case len(r.Targets) == 0:
		v.Why = "the rule has no target"
	}
	return v
}
