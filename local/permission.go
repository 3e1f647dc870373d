package local

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

type Condition struct {
	Type  string `json:"Type" aws:"required"`
	Key   string `json:"Key" aws:"required"`
	Value string `json:"Value" aws:"required"`
}

type PutPermissionInput struct {
	EventBusName string     `json:"EventBusName,omitempty" aws:"max=256,pattern=[\\.\\-_A-Za-z0-9]+"`
	Action       string     `json:"Action,omitempty" aws:"max=64,pattern=events:[a-zA-Z]+"`
	Principal    string     `json:"Principal,omitempty" aws:"max=12,pattern=(\\d{12}|\\*)"`
	StatementId  string     `json:"StatementId,omitempty" aws:"max=64,pattern=[a-zA-Z0-9-_]+"`
	Condition    *Condition `json:"Condition,omitempty"`
	Policy       string     `json:"Policy,omitempty"`
}

type RemovePermissionInput struct {
	StatementId          string `json:"StatementId,omitempty" aws:"max=64,pattern=[a-zA-Z0-9-_]+"`
	RemoveAllPermissions *bool  `json:"RemoveAllPermissions,omitempty"`
	EventBusName         string `json:"EventBusName,omitempty" aws:"max=256,pattern=[\\.\\-_A-Za-z0-9]+"`
}

// policy is a resource policy as AWS writes it.
type policy struct {
	Version   string      `json:"Version"`
	Statement []statement `json:"Statement"`
}

type statement struct {
	Sid       string         `json:"Sid,omitempty"`
	Effect    string         `json:"Effect"`
	Principal jsontext.Value `json:"Principal,omitempty"`
	Action    jsontext.Value `json:"Action"`
	Resource  jsontext.Value `json:"Resource,omitempty"`
	Condition jsontext.Value `json:"Condition,omitempty"`
}

func quoted(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s)
	return b
}

func (p *policy) text() string {
	b, _ := json.Marshal(p)
	return string(b)
}

// without takes the statement with this id out and tells whether it was there.
func (p *policy) without(sid string) bool {
	n := len(p.Statement)
	p.Statement = slices.DeleteFunc(p.Statement, func(st statement) bool { return st.Sid == sid })
	return len(p.Statement) < n
}

func parsePolicy(text string) (*policy, error) {
	p := &policy{Version: "2012-10-17"}
	if text == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(text), p); err != nil {
		return nil, awsjson.Errorf("ValidationException", "The policy is not a valid policy document.")
	}
	return p, nil
}

// PutPermission lets another account, or all, put events on a bus. It is kept
// and shown; on one machine nobody is asked for credentials.
func (s *Server) PutPermission(ctx context.Context, in *PutPermissionInput) (*None, error) {
	_, err := s.changeBus(ctx, in.EventBusName, func(b *bus) error {
		if in.Policy != "" {
			if _, err := parsePolicy(in.Policy); err != nil {
				return err
			}
			b.Policy = in.Policy
			return nil
		}
		if in.Action == "" || in.Principal == "" || in.StatementId == "" {
			return awsjson.Errorf("ValidationException", "Parameter(s) Action, Principal and StatementId, or Policy, must be specified.")
		}
		p, err := parsePolicy(b.Policy)
		if err != nil {
			return err
		}
		principal := quoted("*")
		if in.Principal != "*" {
			principal = jsontext.Value(`{"AWS":"arn:aws:iam::` + in.Principal + `:root"}`)
		}
		p.without(in.StatementId)
		p.Statement = append(p.Statement, statement{Sid: in.StatementId, Effect: "Allow", Principal: principal,
			Action: quoted(in.Action), Resource: quoted(s.busARN(b.Name)), Condition: in.Condition.document()})
		b.Policy = p.text()
		return nil
	})
	return nil, err
}

func (c *Condition) document() jsontext.Value {
	if c == nil {
		return nil
	}
	b, _ := json.Marshal(map[string]map[string]string{c.Type: {c.Key: c.Value}})
	return b
}

// RemovePermission takes one statement of a bus's policy back, or all.
func (s *Server) RemovePermission(ctx context.Context, in *RemovePermissionInput) (*None, error) {
	_, err := s.changeBus(ctx, in.EventBusName, func(b *bus) error {
		if in.RemoveAllPermissions != nil && *in.RemoveAllPermissions {
			b.Policy = ""
			return nil
		}
		p, err := parsePolicy(b.Policy)
		if err != nil {
			return err
		}
		if !p.without(in.StatementId) {
			return awsjson.Errorf("ResourceNotFoundException", "Statement with the provided id does not exist.")
		}
		if b.Policy = ""; len(p.Statement) > 0 {
			b.Policy = p.text()
		}
		return nil
	})
	return nil, err
}
