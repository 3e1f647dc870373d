package eventbridge

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
)

// maxTargets is how many targets a rule may have.
const maxTargets = 5

type PutTargetsInput struct {
	Rule         string            `json:"Rule" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventBusName string            `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
	Targets      []delivery.Target `json:"Targets" aws:"required,min=1,max=100"`
}

type PutTargetsOutput struct {
	FailedEntryCount int                     `json:"FailedEntryCount"`
	FailedEntries    []putTargetsResultEntry `json:"FailedEntries"`
}

type putTargetsResultEntry struct {
	TargetId     string `json:"TargetId,omitempty"`
	ErrorCode    string `json:"ErrorCode,omitempty"`
	ErrorMessage string `json:"ErrorMessage,omitempty"`
}

// PutTargets adds targets to a rule. A target with an existing id is replaced.
func (s *Service) PutTargets(ctx context.Context, in *PutTargetsInput) (*PutTargetsOutput, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	b, old, err := s.findRule(in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	out := &PutTargetsOutput{FailedEntries: []putTargetsResultEntry{}}
	changed := *old
	changed.Targets = slices.Clone(old.Targets)
	for _, t := range in.Targets {
		if err := checkTarget(&t); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(changed.Targets, func(have delivery.Target) bool { return have.Id == t.Id })
		if i < 0 {
			changed.Targets = append(changed.Targets, t)
		} else {
			changed.Targets[i] = t
		}
	}
	if len(changed.Targets) > maxTargets {
		return nil, awsjson.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	return out, s.replaceRule(ctx, b, &changed)
}

// checkTarget returns the error with which AWS rejects a target that has a valid
// shape.
func checkTarget(t *delivery.Target) error {
	given := 0
	for _, set := range []bool{t.Input != "", t.InputPath != "", t.InputTransformer != nil} {
		if set {
			given++
		}
	}
	if given > 1 {
		return awsjson.Errorf("ValidationException", "Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.Id)
	}
	if !validARN(t.Arn) || !slices.Contains(targetServices, serviceOf(t.Arn)) {
		return awsjson.Errorf("ValidationException", "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", awsjson.Clip(t.Arn))
	}
	if isFIFOQueue(t.Arn) && (t.SqsParameters == nil || t.SqsParameters.MessageGroupId == "") {
		return awsjson.Errorf("ValidationException", "Parameter(s) SqsParameters must be specified for target: %s.", t.Id)
	}
	return checkInput(t)
}

// targetServices are the services of the targets that AWS documents. The local
// server delivers to some of them; an event for another becomes a dead letter.
var targetServices = []string{"appsync", "autoscaling", "batch", "cloudwatch", "codebuild", "codepipeline", "ec2", "ecs", "events",
	"execute-api", "firehose", "glue", "imagebuilder", "inspector", "kinesis", "lambda", "logs", "redshift", "redshift-serverless",
	"sagemaker", "sns", "sqs", "ssm", "ssm-incidents", "states"}

// serviceOf returns the service of a valid ARN.
func serviceOf(arn string) string { return strings.SplitN(arn, ":", 4)[2] }

func isFIFOQueue(arn string) bool {
	return strings.HasPrefix(arn, "arn:aws:sqs:") && strings.HasSuffix(arn, ".fifo")
}

// queueParameters returns the parameters of a queue with the group id of this event. A
// path into the event that leads to no string, number or truth value gives no group: a
// FIFO queue then rejects the message.
func queueParameters(p *delivery.SqsParameters, event jsontext.Value) *delivery.SqsParameters {
	if p == nil || !strings.HasPrefix(p.MessageGroupId, "$") {
		return p
	}
	group := ""
	switch v, _ := lookup(event, p.MessageGroupId); v.Kind() {
	case '"':
		_ = json.Unmarshal(v, &group)
	case '0', 't', 'f':
		group = string(v)
	}
	return &delivery.SqsParameters{MessageGroupId: group}
}

type ListTargetsByRuleInput struct {
	Rule         string `json:"Rule" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventBusName string `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
	NextToken    string `json:"NextToken,omitempty" aws:"min=1,max=2048"`
	Limit        *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type ListTargetsByRuleOutput struct {
	Targets   []delivery.Target `json:"Targets"`
	NextToken string            `json:"NextToken,omitempty"`
}

type RemoveTargetsInput struct {
	Rule         string   `json:"Rule" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	EventBusName string   `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+"`
	Ids          []string `json:"Ids" aws:"required,min=1,max=100" each:"min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	Force        *bool    `json:"Force,omitempty"`
}

type RemoveTargetsOutput struct {
	FailedEntryCount int                        `json:"FailedEntryCount"`
	FailedEntries    []removeTargetsResultEntry `json:"FailedEntries"`
}

type removeTargetsResultEntry struct {
	TargetId     string `json:"TargetId,omitempty"`
	ErrorCode    string `json:"ErrorCode,omitempty"`
	ErrorMessage string `json:"ErrorMessage,omitempty"`
}

// ListTargetsByRule lists the targets of a rule by id.
func (s *Service) ListTargetsByRule(_ context.Context, in *ListTargetsByRuleInput) (*ListTargetsByRuleOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	_, r, err := s.findRule(in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	byID := map[string]*delivery.Target{}
	for i := range r.Targets {
		byID[r.Targets[i].Id] = &r.Targets[i]
	}
	ids, next, err := awsjson.Page(byID, "", in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &ListTargetsByRuleOutput{Targets: []delivery.Target{}, NextToken: next}
	for _, id := range ids {
		out.Targets = append(out.Targets, *byID[id])
	}
	return out, nil
}

// RemoveTargets removes targets from a rule. Events that matched before are still
// delivered to them.
func (s *Service) RemoveTargets(ctx context.Context, in *RemoveTargetsInput) (*RemoveTargetsOutput, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	b, old, err := s.findRule(in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	changed := *old
	changed.Targets = slices.DeleteFunc(slices.Clone(old.Targets), func(t delivery.Target) bool { return slices.Contains(in.Ids, t.Id) })
	out := &RemoveTargetsOutput{FailedEntries: []removeTargetsResultEntry{}}
	for _, id := range in.Ids {
		if !slices.ContainsFunc(old.Targets, func(t delivery.Target) bool { return t.Id == id }) {
			out.FailedEntryCount++
			out.FailedEntries = append(out.FailedEntries, removeTargetsResultEntry{TargetId: id,
				ErrorCode: "ResourceNotFoundException", ErrorMessage: "Rule " + in.Rule + " does not have this target."})
		}
	}
	return out, s.replaceRule(ctx, b, &changed)
}
