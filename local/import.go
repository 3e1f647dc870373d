package local

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
	"github.com/blockforger/eventrouter/local/functions"
	"github.com/blockforger/eventrouter/local/sqs"
	"github.com/blockforger/eventrouter/local/template"
)

// imported are the types that Import takes, each after those that it refers to.
var imported = []struct {
	kind   string
	take   func(*Server, context.Context, template.Resource) error
	wanted []string // properties
}{
	{"AWS::Events::EventBus", (*Server).importBus, []string{"Description"}},
	{"AWS::SQS::Queue", (*Server).importQueue, queueProperties},
	{"AWS::Events::Rule", (*Server).importRule, []string{"EventBusName", "ScheduleExpression", "State", "Description", "EventPattern", "Targets"}},
	{"AWS::Lambda::Permission", (*Server).importPermission, []string{"FunctionName", "Action", "Principal", "SourceArn", "SourceAccount"}},
	{"AWS::Events::Archive", (*Server).importArchive, []string{"SourceArn", "Description", "EventPattern", "RetentionDays"}},
}

// queueProperties are called as the attributes that they become.
var queueProperties = []string{"DelaySeconds", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout", "FifoQueue",
	"ContentBasedDeduplication", "RedrivePolicy"}

// Import makes the buses, queues, rules with their targets, permissions and
// archives that a template describes; what is there already becomes as the
// template has it. Functions must be registered before. It answers the types of
// resources that it left out.
func (s *Server) Import(ctx context.Context, t *template.Template) (leftOut []string, err error) {
	types := t.Types()
	delete(types, "AWS::Lambda::Function")
	for _, one := range imported {
		delete(types, one.kind)
		resources, err := t.Resources(one.kind, one.wanted...)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(resources, deadLettersFirst)
		for _, r := range resources {
			if err := one.take(s, ctx, r); err != nil {
				return nil, fault.Errorf(fault.Invalid, "%s %s: %s", one.kind, r.ID, awsjson.AsError(err).Message)
			}
		}
	}
	return slices.Sorted(maps.Keys(types)), nil
}

// deadLettersFirst puts queues behind those that can be their dead-letter queues.
func deadLettersFirst(a, b template.Resource) int {
	redrives := func(r template.Resource) int { return bytes.Count(r.Properties, []byte(`"RedrivePolicy":`)) }
	return redrives(a) - redrives(b)
}

// properties reads those that the operation's input has too: CloudFormation
// calls them the same, but writes patterns and policies as objects.
func properties[T any](r template.Resource) (*T, error) {
	in := new(T)
	if err := json.Unmarshal(r.Properties, in); err != nil {
		return nil, awsjson.Errorf("ValidationException", "its properties are not those of such a resource: %v", err)
	}
	return in, nil
}

func (s *Server) importBus(ctx context.Context, r template.Resource) error {
	in, err := properties[struct{ Description string }](r)
	if err != nil {
		return err
	}
	made := &eventbridge.CreateEventBusInput{Name: r.Name, Description: in.Description}
	if err := awsjson.Check(made); err != nil {
		return err
	}
	_, err = s.EventBridge.CreateEventBus(ctx, made)
	return unlessThere(err)
}

func (s *Server) importQueue(ctx context.Context, r template.Resource) error {
	in, err := properties[map[string]jsontext.Value](r)
	if err != nil {
		return err
	}
	attributes := map[string]string{}
	for name, v := range *in {
		attributes[name] = strings.Trim(string(v), `"`)
	}
	_, err = s.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: r.Name, Attributes: attributes})
	return err
}

func (s *Server) importRule(ctx context.Context, r template.Resource) error {
	in, err := properties[struct {
		EventBusName, ScheduleExpression, State, Description string

		EventPattern jsontext.Value
		Targets      []delivery.Target
	}](r)
	if err != nil {
		return err
	}
	rule := &eventbridge.PutRuleInput{Name: r.Name, EventBusName: in.EventBusName, ScheduleExpression: in.ScheduleExpression,
		EventPattern: string(in.EventPattern), State: in.State, Description: in.Description}
	if err := awsjson.Check(rule); err != nil {
		return err
	}
	if _, err := s.EventBridge.PutRule(ctx, rule); err != nil {
		return err
	}
	if len(in.Targets) == 0 {
		return nil
	}
	targets := &eventbridge.PutTargetsInput{Rule: r.Name, EventBusName: in.EventBusName, Targets: in.Targets}
	if err := awsjson.Check(targets); err != nil {
		return err
	}
	out, err := s.EventBridge.PutTargets(ctx, targets)
	if err == nil && out.FailedEntryCount > 0 {
		err = awsjson.Errorf(out.FailedEntries[0].ErrorCode, "%s", out.FailedEntries[0].ErrorMessage)
	}
	return err
}

func (s *Server) importPermission(ctx context.Context, r template.Resource) error {
	in, err := properties[functions.AddPermissionInput](r)
	if err != nil {
		return err
	}
	in.StatementId = r.ID
	_, err = s.Functions.AddPermission(ctx, in)
	return unlessThere(err)
}

func (s *Server) importArchive(ctx context.Context, r template.Resource) error {
	in, err := properties[struct {
		SourceArn, Description string

		EventPattern  jsontext.Value
		RetentionDays *int
	}](r)
	if err != nil {
		return err
	}
	made := &eventbridge.CreateArchiveInput{ArchiveName: r.Name, EventSourceArn: in.SourceArn, Description: in.Description,
		EventPattern: string(in.EventPattern), RetentionDays: in.RetentionDays}
	if err := awsjson.Check(made); err != nil {
		return err
	}
	_, err = s.EventBridge.CreateArchive(ctx, made)
	return unlessThere(err)
}

// unlessThere forgives that a former run has made it.
func unlessThere(err error) error {
	if err != nil && slices.Contains([]string{"ResourceAlreadyExistsException", "ResourceConflictException"}, awsjson.AsError(err).Code) {
		return nil
	}
	return err
}
