package eventbridge

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/schedule"
)

type PutRuleInput struct {
	Name               string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	ScheduleExpression string `json:"ScheduleExpression,omitempty" aws:"max=256"`
	EventPattern       string `json:"EventPattern,omitempty" aws:"max=4096"`
	State              string `json:"State,omitempty" aws:"enum=ENABLED|DISABLED|ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"`
	Description        string `json:"Description,omitempty" aws:"max=512"`
	RoleArn            string `json:"RoleArn,omitempty" aws:"min=1,max=1600"`
	Tags               []tag  `json:"Tags,omitempty"`
	EventBusName       string `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
}

type PutRuleOutput struct {
	RuleArn string `json:"RuleArn"`
}

// PutRule creates or replaces a rule. A replaced rule keeps its targets and tags.
func (s *Service) PutRule(ctx context.Context, in *PutRuleInput) (*PutRuleOutput, error) {
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
	r.Created = awsjson.Time{Time: s.opts.Now()}
	if old := b.rules[in.Name]; old != nil {
		r.Targets, r.Tags = old.Targets, old.Tags
		if old.Schedule == r.Schedule {
			r.Created = old.Created // the times of a rate are counted from here
		}
	}
	if err := r.admit(b); err != nil {
		return nil, err
	}
	if err := s.replaceRule(ctx, b, r); err != nil {
		return nil, err
	}
	return &PutRuleOutput{RuleArn: r.ARN}, nil
}

// admit returns the error with which AWS rejects a rule that has a valid shape.
func (r *rule) admit(b *bus) error {
	if r.Schedule != "" {
		if b.Name != defaultBus {
			return awsjson.Errorf("ValidationException", "ScheduleExpression is supported only on the default event bus.")
		}
		if when, err := schedule.Parse(r.Schedule); err != nil || schedule.Once(when) {
			return awsjson.Errorf("ValidationException", "Parameter ScheduleExpression is not valid.")
		}
	}
	if r.Pattern != "" {
		if _, err := pattern.Admit([]byte(r.Pattern), 0); err != nil {
			return invalidPattern(err)
		}
	}
	return r.compile()
}

// invalidPattern returns the exception of a pattern that does not compile, with
// AWS's message.
func invalidPattern(err error) error {
	message := err.Error()
	if refusal, ok := errors.AsType[*pattern.Error](err); ok {
		message = refusal.ServiceMessage()
	}
	return awsjson.Errorf("InvalidEventPatternException", "%s", message)
}

// findBus returns a bus of this account and region. The catalog is locked.
func (s *Service) findBus(nameOrARN string) (*bus, error) {
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
	return nil, awsjson.Errorf("ResourceNotFoundException", "Event bus %s does not exist.", awsjson.Clip(name))
}

// findRule returns a rule and its bus. The catalog is locked.
func (s *Service) findRule(busNameOrARN, name string) (*bus, *rule, error) {
	b, err := s.findBus(busNameOrARN)
	if err != nil {
		return nil, nil, err
	}
	if r := b.rules[name]; r != nil {
		return b, r, nil
	}
	return nil, nil, awsjson.Errorf("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", name, b.Name)
}

// replaceRule writes a rule to disk and to the catalog, which is locked for
// writing.
func (s *Service) replaceRule(ctx context.Context, b *bus, r *rule) error {
	record, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Put(bucketRules, ruleKey(b.Name, r.Name), record)}); err != nil {
		return err
	}
	b.set(r)
	return nil
}

// ruleKey returns the key of a rule. Names hold no NUL, so keys are unambiguous.
func ruleKey(bus, rule string) []byte { return []byte(bus + "\x00" + rule) }

type DeleteRuleInput struct {
	Name         string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventBusName string `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
	Force        *bool  `json:"Force,omitempty"`
}

type DescribeRuleInput struct {
	Name         string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventBusName string `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
}

type DescribeRuleOutput struct {
	Name               string `json:"Name,omitempty"`
	Arn                string `json:"Arn,omitempty"`
	EventPattern       string `json:"EventPattern,omitempty"`
	ScheduleExpression string `json:"ScheduleExpression,omitempty"`
	State              string `json:"State,omitempty"`
	Description        string `json:"Description,omitempty"`
	RoleArn            string `json:"RoleArn,omitempty"`
	ManagedBy          string `json:"ManagedBy,omitempty"`
	EventBusName       string `json:"EventBusName,omitempty"`
	CreatedBy          string `json:"CreatedBy,omitempty"`
}

type ListRulesInput struct {
	NamePrefix   string `json:"NamePrefix,omitempty" aws:"min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventBusName string `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
	NextToken    string `json:"NextToken,omitempty" aws:"min=1,max=2048"`
	Limit        *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type ruleSummary struct {
	Name               string `json:"Name,omitempty"`
	Arn                string `json:"Arn,omitempty"`
	EventPattern       string `json:"EventPattern,omitempty"`
	State              string `json:"State,omitempty"`
	Description        string `json:"Description,omitempty"`
	ScheduleExpression string `json:"ScheduleExpression,omitempty"`
	RoleArn            string `json:"RoleArn,omitempty"`
	ManagedBy          string `json:"ManagedBy,omitempty"`
	EventBusName       string `json:"EventBusName,omitempty"`
}

type ListRulesOutput struct {
	Rules     []ruleSummary `json:"Rules"`
	NextToken string        `json:"NextToken,omitempty"`
}

type EnableRuleInput struct {
	Name         string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventBusName string `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
}

type DisableRuleInput struct {
	Name         string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventBusName string `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
}

type ListRuleNamesByTargetInput struct {
	TargetArn    string `json:"TargetArn" aws:"required,min=1,max=1600"`
	EventBusName string `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
	NextToken    string `json:"NextToken,omitempty" aws:"min=1,max=2048"`
	Limit        *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type ListRuleNamesByTargetOutput struct {
	RuleNames []string `json:"RuleNames"`
	NextToken string   `json:"NextToken,omitempty"`
}

// DeleteRule removes a rule that has no targets. Deleting a rule that does not
// exist succeeds, as on AWS.
func (s *Service) DeleteRule(ctx context.Context, in *DeleteRuleInput) (*awsjson.None, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	b, err := s.findBus(in.EventBusName)
	if err != nil {
		return nil, err
	}
	r := b.rules[in.Name]
	if r == nil {
		return nil, nil
	}
	if len(r.Targets) > 0 {
		return nil, awsjson.Errorf("ValidationException", "Rule can't be deleted since it has targets.")
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Remove(bucketRules, ruleKey(b.Name, r.Name))}); err != nil {
		return nil, err
	}
	b.unset(r.Name)
	return nil, nil
}

// DescribeRule returns a rule without its targets.
func (s *Service) DescribeRule(_ context.Context, in *DescribeRuleInput) (*DescribeRuleOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	_, r, err := s.findRule(in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	return &DescribeRuleOutput{Name: r.Name, Arn: r.ARN, EventPattern: r.Pattern, ScheduleExpression: r.Schedule, State: r.State,
		Description: r.Description, RoleArn: r.RoleARN, EventBusName: r.Bus, CreatedBy: s.opts.Account}, nil
}

// ListRules lists the rules of a bus by name.
func (s *Service) ListRules(_ context.Context, in *ListRulesInput) (*ListRulesOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b, err := s.findBus(in.EventBusName)
	if err != nil {
		return nil, err
	}
	names, next, err := awsjson.Page(b.rules, in.NamePrefix, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &ListRulesOutput{Rules: []ruleSummary{}, NextToken: next}
	for _, name := range names {
		r := b.rules[name]
		out.Rules = append(out.Rules, ruleSummary{Name: r.Name, Arn: r.ARN, EventPattern: r.Pattern, State: r.State,
			Description: r.Description, ScheduleExpression: r.Schedule, RoleArn: r.RoleARN, EventBusName: r.Bus})
	}
	return out, nil
}

// EnableRule enables a rule.
func (s *Service) EnableRule(ctx context.Context, in *EnableRuleInput) (*awsjson.None, error) {
	return nil, s.setState(ctx, in.EventBusName, in.Name, enabled)
}

// DisableRule disables a rule: it matches no event.
func (s *Service) DisableRule(ctx context.Context, in *DisableRuleInput) (*awsjson.None, error) {
	return nil, s.setState(ctx, in.EventBusName, in.Name, disabled)
}

func (s *Service) setState(ctx context.Context, bus, name, state string) error {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	b, old, err := s.findRule(bus, name)
	if err != nil {
		return err
	}
	r := *old
	r.State = state
	return s.replaceRule(ctx, b, &r)
}

// ListRuleNamesByTarget lists the rules of a bus that have this target.
func (s *Service) ListRuleNamesByTarget(_ context.Context, in *ListRuleNamesByTargetInput) (*ListRuleNamesByTargetOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b, err := s.findBus(in.EventBusName)
	if err != nil {
		return nil, err
	}
	having := map[string]bool{}
	for name, r := range b.rules {
		for i := range r.Targets {
			if r.Targets[i].Arn == in.TargetArn {
				having[name] = true
			}
		}
	}
	names, next, err := awsjson.Page(having, "", in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return &ListRuleNamesByTargetOutput{RuleNames: append([]string{}, names...), NextToken: next}, nil
}
