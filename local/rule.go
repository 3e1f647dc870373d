package local

import (
	"context"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/local/awsjson"
)

// Tag is AWS's shape of a tag.
type Tag struct {
	Key   string `json:"Key" aws:"required,min=1,max=128"`
	Value string `json:"Value" aws:"max=256"`
}

type PutRuleInput struct {
	Name               string `json:"Name" aws:"required,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	ScheduleExpression string `json:"ScheduleExpression,omitempty" aws:"max=256"`
	EventPattern       string `json:"EventPattern,omitempty" aws:"max=4096"`
	State              string `json:"State,omitempty" aws:"enum=ENABLED|DISABLED|ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"`
	Description        string `json:"Description,omitempty" aws:"max=512"`
	RoleArn            string `json:"RoleArn,omitempty" aws:"max=1600"`
	Tags               []Tag  `json:"Tags,omitempty"`
	EventBusName       string `json:"EventBusName,omitempty" aws:"max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
}

type PutRuleOutput struct {
	RuleArn string `json:"RuleArn"`
}

// PutRule makes a rule, or changes one; targets and, where the rule was there
// already, tags stay as they are.
func (s *Server) PutRule(ctx context.Context, in *PutRuleInput) (*PutRuleOutput, error) {
	if err := awsjson.Check(in); err != nil {
		return nil, err
	}
	if in.EventPattern == "" && in.ScheduleExpression == "" {
		return nil, awsjson.Errorf("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	b, err := s.findBus(in.EventBusName)
	if err != nil {
		return nil, err
	}
	r := &rule{
		Bus: b.Name, Name: in.Name, ARN: s.ruleARN(b.Name, in.Name),
		Pattern: in.EventPattern, Schedule: in.ScheduleExpression, State: in.State,
		Description: in.Description, RoleARN: in.RoleArn, Tags: tagMap(nil, in.Tags),
	}
	if r.State == "" {
		r.State = enabled
	}
	if old := b.rules[in.Name]; old != nil {
		r.Targets, r.Tags = old.Targets, old.Tags
	}
	if err := r.compile(); err != nil {
		return nil, invalidPattern(err)
	}
	if err := s.replaceRule(ctx, b, r); err != nil {
		return nil, err
	}
	return &PutRuleOutput{RuleArn: r.ARN}, nil
}

// invalidPattern answers with the pattern package's words, which are AWS's.
func invalidPattern(err error) error {
	return awsjson.Errorf("InvalidEventPatternException", "%s", err.Error())
}

// findBus looks a bus of this account and region up. The catalog is locked.
func (s *Server) findBus(nameOrARN string) (*bus, error) {
	_, name, err := s.resolveBus(nameOrARN)
	if err != nil {
		return nil, awsjson.Errorf("ValidationException", "Provided Arn is not in correct format.")
	}
	if b := s.catalog.buses[name]; b != nil {
		return b, nil
	}
	if name == "" {
		name = nameOrARN
	}
	return nil, awsjson.Errorf("ResourceNotFoundException", "Event bus %s does not exist.", clip(name))
}

// findRule looks a rule up. The catalog is locked.
func (s *Server) findRule(busNameOrARN, name string) (*bus, *rule, error) {
	b, err := s.findBus(busNameOrARN)
	if err != nil {
		return nil, nil, err
	}
	if r := b.rules[name]; r != nil {
		return b, r, nil
	}
	return nil, nil, awsjson.Errorf("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", name, b.Name)
}

// replaceRule writes a rule to disk and then puts it in the place of the one of
// that name. The catalog is locked for writing.
func (s *Server) replaceRule(ctx context.Context, b *bus, r *rule) error {
	record, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := s.keep.commit(ctx, []write{s.keep.put(bucketRules, ruleKey(b.Name, r.Name), record)}); err != nil {
		return err
	}
	b.rules[r.Name] = r
	b.index()
	return nil
}

// ruleKey cannot be ambiguous: no name holds a NUL.
func ruleKey(bus, rule string) []byte { return []byte(bus + "\x00" + rule) }

func tagMap(into map[string]string, tags []Tag) map[string]string {
	if into = maps.Clone(into); into == nil {
		into = make(map[string]string, len(tags))
	}
	for _, t := range tags {
		into[t.Key] = t.Value
	}
	return into
}

// A RuleInfo describes a rule to people.
type RuleInfo struct {
	Bus      string   `json:"bus"`
	Name     string   `json:"name"`
	ARN      string   `json:"arn"`
	Pattern  string   `json:"pattern,omitempty"`
	Schedule string   `json:"schedule,omitempty"`
	State    string   `json:"state"`
	Targets  []string `json:"targets"` // ARNs
}

func (r *rule) info() RuleInfo {
	info := RuleInfo{Bus: r.Bus, Name: r.Name, ARN: r.ARN, Pattern: r.Pattern, Schedule: r.Schedule, State: r.State}
	for _, t := range r.Targets {
		info.Targets = append(info.Targets, t.Arn)
	}
	return info
}

// Rules lists the rules of every bus, by bus and name.
func (s *Server) Rules() []RuleInfo {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	var rules []RuleInfo
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
	Rule    RuleInfo `json:"rule"`
	Matches bool     `json:"matches"`
	Why     string   `json:"why,omitempty"` // why it does not reach the targets
}

// Explain tells, without sending it, what each rule of the entry's bus would
// make of an entry. The error is the one that PutEvents would have for it.
func (s *Server) Explain(in *PutEventsRequestEntry) ([]Verdict, error) {
	a, refused := s.accept(in, s.opts.Now())
	if refused != nil {
		return nil, refused
	}
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b := s.catalog.buses[a.bus]
	if b == nil {
		return nil, awsjson.Errorf("ResourceNotFoundException", "Event bus %s does not exist here: the event would be taken, kept, and reach nothing.", clip(a.event.Bus))
	}
	var verdicts []Verdict
	for _, name := range slices.Sorted(maps.Keys(b.rules)) {
		verdicts = append(verdicts, b.rules[name].judge(a.parsed))
	}
	return verdicts, nil
}

func (r *rule) judge(e *pattern.Event) Verdict {
	v := Verdict{Rule: r.info(), Matches: r.compiled != nil && r.compiled.Match(e)}
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
