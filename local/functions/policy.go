package functions

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/policy"
	"github.com/blockforger/eventrouter/local/datafile"
)

// policies are the stored resource policies of functions.
type policies struct {
	file *datafile.File
	mu   sync.Mutex // held during a change
}

// get returns a function's policy; a function has an empty one by default.
func (p *policies) get(name string) (*policy.Document, error) {
	text, err := p.file.Get(BucketPolicies, []byte(name))
	if err != nil {
		text = nil
	}
	return policy.Parse(string(text))
}

// GetPolicy returns the policy of a function: who may invoke it.
func (s *Service) GetPolicy(_ context.Context, in *GetPolicyInput) (*GetPolicyOutput, error) {
	name, err := s.find(in.FunctionName)
	if err != nil {
		return nil, err
	}
	p, err := s.policies.get(name)
	if err != nil {
		return nil, err
	}
	if len(p.Statement) == 0 {
		return nil, &awsjson.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound, Message: "The resource you requested does not exist."}
	}
	return &GetPolicyOutput{Policy: p.String()}, nil
}

// AddPermission allows a service or an account to invoke a function. With
// Options.EnforcePermissions a rule's target is not invoked without it.
func (s *Service) AddPermission(ctx context.Context, in *AddPermissionInput) (*AddPermissionOutput, error) {
	if err := awsjson.Check(in); err != nil {
		return nil, err
	}
	var st policy.Statement
	err := s.changePolicy(ctx, in.FunctionName, func(name string, p *policy.Document) error {
		for i := range p.Statement {
			if p.Statement[i].Sid == in.StatementId {
				return &awsjson.Error{Code: "ResourceConflictException", Status: http.StatusConflict,
					Message: "The statement id (" + in.StatementId + ") provided already exists. Please provide a new statement id, or remove the existing statement."}
			}
		}
		st = policy.Statement{Sid: in.StatementId, Effect: "Allow", Principal: principal(in.Principal), Action: awsjson.Quote(in.Action),
			Resource: awsjson.Quote(s.arn(name)), Condition: sourceCondition(in)}
		p.Statement = append(p.Statement, st)
		return nil
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(&st)
	return &AddPermissionOutput{Statement: string(text)}, err
}

func principal(who string) jsontext.Value {
	kind := "AWS"
	switch {
	case who == "*":
		return awsjson.Quote(who)
	case strings.HasSuffix(who, ".amazonaws.com"):
		kind = "Service"
	}
	b, _ := json.Marshal(map[string]string{kind: who})
	return b
}

func sourceCondition(in *AddPermissionInput) jsontext.Value {
	c := map[string]map[string]string{}
	if in.SourceArn != "" {
		c["ArnLike"] = map[string]string{"AWS:SourceArn": in.SourceArn}
	}
	if in.SourceAccount != "" {
		c["StringEquals"] = map[string]string{"AWS:SourceAccount": in.SourceAccount}
	}
	if len(c) == 0 {
		return nil
	}
	b, _ := json.Marshal(c, json.Deterministic(true))
	return b
}

// RemovePermission is Lambda's RemovePermission.
func (s *Service) RemovePermission(ctx context.Context, in *RemovePermissionInput) (*awsjson.None, error) {
	return nil, s.changePolicy(ctx, in.FunctionName, func(_ string, p *policy.Document) error {
		if !p.Remove(in.StatementId) {
			return &awsjson.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound,
				Message: "Statement " + awsjson.Clip(in.StatementId) + " is not found in resource policy."}
		}
		return nil
	})
}

func (s *Service) changePolicy(ctx context.Context, function string, change func(name string, p *policy.Document) error) error {
	name, err := s.find(function)
	if err != nil {
		return err
	}
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	p, err := s.policies.get(name)
	if err != nil {
		return err
	}
	if err := change(name, p); err != nil {
		return err
	}
	return s.file.Commit(ctx, []datafile.Write{s.file.Put(BucketPolicies, []byte(name), []byte(p.String()))})
}

// allows reports whether a function's policy allows EventBridge to invoke it for a
// rule.
func (p *policies) allows(function, ruleARN string) bool {
	document, err := p.get(function)
	if err != nil {
		return false
	}
	for _, st := range document.Statement {
		var who struct{ Service string }
		var when struct {
			ArnLike map[string]string
		}
		_ = json.Unmarshal(st.Principal, &who)
		_ = json.Unmarshal(st.Condition, &when)
		source, limited := when.ArnLike["AWS:SourceArn"]
		if who.Service == "events.amazonaws.com" && (!limited || like(source, ruleARN)) {
			return true
		}
	}
	return false
}

// like matches an ARN against one with * in it.
func like(pattern, arn string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == arn
	}
	rest, ok := strings.CutPrefix(arn, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		if ok {
			_, rest, ok = strings.Cut(rest, part)
		}
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}
