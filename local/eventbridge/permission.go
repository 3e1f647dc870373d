package eventbridge

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/policy"
)

type policyCondition struct {
	Type  string `json:"Type" aws:"required"`
	Key   string `json:"Key" aws:"required"`
	Value string `json:"Value" aws:"required"`
}

type PutPermissionInput struct {
	EventBusName string           `json:"EventBusName,omitempty" aws:"min=1,max=256,pattern=[\\.\\-_A-Za-z0-9]+"`
	Action       string           `json:"Action,omitempty" aws:"min=1,max=64,pattern=events:[a-zA-Z]+"`
	Principal    string           `json:"Principal,omitempty" aws:"min=1,max=12,pattern=(\\d{12}|\\*)"`
	StatementId  string           `json:"StatementId,omitempty" aws:"min=1,max=64,pattern=[a-zA-Z0-9-_]+"`
	Condition    *policyCondition `json:"Condition,omitempty"`
	Policy       string           `json:"Policy,omitempty"`
}

type RemovePermissionInput struct {
	StatementId          string `json:"StatementId,omitempty" aws:"min=1,max=64,pattern=[a-zA-Z0-9-_]+"`
	RemoveAllPermissions *bool  `json:"RemoveAllPermissions,omitempty"`
	EventBusName         string `json:"EventBusName,omitempty" aws:"min=1,max=256,pattern=[\\.\\-_A-Za-z0-9]+"`
}

// PutPermission allows another account, or all accounts, to put events on a bus,
// or replaces the policy of the bus. PutEvents enforces it.
func (s *Service) PutPermission(ctx context.Context, in *PutPermissionInput) (*awsjson.None, error) {
	_, err := s.changeBus(ctx, in.EventBusName, func(b *bus) error {
		if in.Policy != "" {
			if _, err := policy.Parse(in.Policy); err != nil {
				return err
			}
			b.Policy = in.Policy
			return nil
		}
		if in.Action == "" || in.Principal == "" || in.StatementId == "" {
			return awsjson.Errorf("ValidationException", "Parameter(s) Action, Principal and StatementId, or Policy, must be specified.")
		}
		if in.Action != "events:PutEvents" {
			return awsjson.Errorf("ValidationException", "Provided value in parameter 'action' is not supported.")
		}
		p, err := policy.Parse(b.Policy)
		if err != nil {
			return err
		}
		principal := awsjson.Quote("*")
		if in.Principal != "*" {
			principal = jsontext.Value(`{"AWS":"arn:aws:iam::` + in.Principal + `:root"}`)
		}
		p.Remove(in.StatementId)
		p.Statement = append(p.Statement, policy.Statement{Sid: in.StatementId, Effect: "Allow", Principal: principal,
			Action: awsjson.Quote(in.Action), Resource: awsjson.Quote(s.busARN(b.Name)), Condition: in.Condition.document()})
		b.Policy = p.String()
		return nil
	})
	return nil, err
}

func (c *policyCondition) document() jsontext.Value {
	if c == nil {
		return nil
	}
	b, _ := json.Marshal(map[string]map[string]string{c.Type: {c.Key: c.Value}})
	return b
}

// authorize returns the error code of an entry that the policy of the bus does not
// allow an account to send. A bus that does not exist here has no policy: the
// event reaches no target.
func (s *Service) authorize(account, busARN, busName string, e *PutEventsRequestEntry) *awsjson.Error {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	b := s.catalog.buses[busName]
	if b == nil {
		return nil
	}
	request := policy.Request{Account: account, Action: "events:PutEvents", Resource: busARN, Values: map[string]string{
		"events:source": e.Source, "events:detail-type": e.DetailType, "events:eventbusinvocation": "false",
		"aws:principalaccount": account, "aws:principalarn": "arn:aws:iam::" + account + ":root", "aws:requestedregion": s.opts.Region}}
	allows := func(ignore ...string) bool {
		p, err := policy.Parse(b.Policy)
		request.Ignore = ignore
		return err == nil && p.Allows(&request)
	}
	switch {
	case allows():
		return nil
	case allows("events:source"):
		return awsjson.Errorf("NotAuthorizedForSourceException", "Not authorized for the source.")
	case allows("events:detail-type"):
		return awsjson.Errorf("NotAuthorizedForDetailTypeException", "Not authorized for the detail type.")
	}
	return awsjson.Errorf("AccessDeniedException", "User: arn:aws:iam::%s:root is not authorized to perform: events:PutEvents on resource: %s "+
		"because no resource-based policy allows the events:PutEvents action", account, busARN)
}

// RemovePermission removes one statement of the policy of a bus, or all.
func (s *Service) RemovePermission(ctx context.Context, in *RemovePermissionInput) (*awsjson.None, error) {
	_, err := s.changeBus(ctx, in.EventBusName, func(b *bus) error {
		if in.RemoveAllPermissions != nil && *in.RemoveAllPermissions {
			b.Policy = ""
			return nil
		}
		p, err := policy.Parse(b.Policy)
		if err != nil {
			return err
		}
		if !p.Remove(in.StatementId) {
			return awsjson.Errorf("ResourceNotFoundException", "Statement with the provided id does not exist.")
		}
		if b.Policy = ""; len(p.Statement) > 0 {
			b.Policy = p.String()
		}
		return nil
	})
	return nil, err
}
