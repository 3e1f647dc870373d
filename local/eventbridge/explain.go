package eventbridge

import (
	"strings"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/internal/trace"
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

// A verdict is the result of one rule for an event.
type verdict struct {
	rule     ruleInfo
	compiled *pattern.Pattern // nil for a rule on a schedule
	trace.Rule
}

// Explain returns the result of each rule of the entry's bus for an entry, without
// sending it. The error is the one that PutEvents would return for it.
func (s *Service) Explain(in *PutEventsRequestEntry) ([]trace.Rule, error) {
	a, refused := s.accept(in, s.opts.Account, s.opts.Now())
	if refused != nil {
		return nil, refused
	}
	verdicts, err := s.judge(a)
	rules := make([]trace.Rule, len(verdicts))
	for i := range verdicts {
		rules[i] = verdicts[i].Rule
	}
	return rules, err
}

// judge matches an incoming event against each rule of its bus.
func (s *Service) judge(a *incoming) ([]verdict, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b := s.catalog.buses[a.bus]
	if b == nil {
		return nil, awsjson.Errorf("ResourceNotFoundException", "Event bus %s does not exist: an event for it is stored and reaches no target.", awsjson.Clip(a.event.Bus))
	}
	var verdicts []verdict
	for _, name := range sortedKeys(b.rules) {
		verdicts = append(verdicts, b.rules[name].judge(a.parsed))
	}
	return verdicts, nil
}

func (r *rule) judge(e *pattern.Event) verdict {
	v := verdict{rule: r.info(), compiled: r.compiled}
	v.Rule.Rule = r.Name
	for _, t := range v.rule.Targets {
		v.Targets = append(v.Targets, lastPart(t))
	}
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

// lastPart returns the last part of an ARN: the name of a function or a queue.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }
