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

// PutPermission lets another account, or all, put events on a bus. It is kept
// and shown; on one machine nobody is asked for credentials.
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

// RemovePermission takes one statement of a bus's policy back, or all.
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
