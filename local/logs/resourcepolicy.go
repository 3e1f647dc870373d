package logs

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

// BucketPolicies holds the resource policies, by name.
const BucketPolicies = "logpolicies"

// Resource policies allow EventBridge to write to log groups. They are stored so that
// the commands which a log group as a target needs on AWS work here too; they are not
// enforced.

type PutResourcePolicyInput struct {
	PolicyName     string `json:"policyName,omitempty"`
	PolicyDocument string `json:"policyDocument,omitempty" aws:"min=1,max=51200"`
}

type PutResourcePolicyOutput struct {
	ResourcePolicy *resourcePolicy `json:"resourcePolicy"`
}

type resourcePolicy struct {
	PolicyName      string `json:"policyName"`
	PolicyDocument  string `json:"policyDocument"`
	LastUpdatedTime int    `json:"lastUpdatedTime"`
}

type DescribeResourcePoliciesInput struct {
	NextToken string `json:"nextToken,omitempty" aws:"min=1"`
	Limit     *int   `json:"limit,omitempty" aws:"min=1,max=50"`
}

type DescribeResourcePoliciesOutput struct {
	ResourcePolicies []resourcePolicy `json:"resourcePolicies"`
	NextToken        string           `json:"nextToken,omitempty"`
}

type DeleteResourcePolicyInput struct {
	PolicyName string `json:"policyName,omitempty"`
}

// maxPolicies is the number of resource policies of an account.
const maxPolicies = 10

func (g *Groups) resourcePolicies() (map[string]resourcePolicy, error) {
	all := map[string]resourcePolicy{}
	err := g.file.Each(BucketPolicies, nil, func(key, record []byte) (bool, error) {
		var one resourcePolicy
		err := json.Unmarshal(record, &one)
		all[string(key)] = one
		return true, err
	})
	return all, err
}

// PutResourcePolicy stores a resource policy, or replaces the one of the same name.
func (g *Groups) PutResourcePolicy(ctx context.Context, in *PutResourcePolicyInput) (*PutResourcePolicyOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, err := g.resourcePolicies()
	if err != nil {
		return nil, err
	}
	document := jsontext.Value(in.PolicyDocument)
	switch _, exists := all[in.PolicyName]; {
	case in.PolicyName == "":
		return nil, awsjson.Errorf("InvalidParameterException", "policyName is required.")
	case document.Kind() != '{' || !document.IsValid():
		return nil, awsjson.Errorf("InvalidParameterException", "The policy document is not a JSON object.")
	case !exists && len(all) >= maxPolicies:
		return nil, awsjson.Errorf("LimitExceededException", "Resource limit exceeded.")
	}
	one := resourcePolicy{PolicyName: in.PolicyName, PolicyDocument: in.PolicyDocument, LastUpdatedTime: int(g.opts.Now().UnixMilli())}
	record, err := json.Marshal(&one)
	if err != nil {
		return nil, err
	}
	return &PutResourcePolicyOutput{ResourcePolicy: &one}, g.file.Commit(ctx, []datafile.Write{g.file.Put(BucketPolicies, []byte(in.PolicyName), record)})
}

// DescribeResourcePolicies lists the resource policies by name.
func (g *Groups) DescribeResourcePolicies(_ context.Context, in *DescribeResourcePoliciesInput) (*DescribeResourcePoliciesOutput, error) {
	all, err := g.resourcePolicies()
	if err != nil {
		return nil, err
	}
	names, next, err := awsjson.Page(all, "", in.NextToken, in.Limit)
	if err != nil {
		return nil, errToken()
	}
	out := &DescribeResourcePoliciesOutput{ResourcePolicies: []resourcePolicy{}, NextToken: next}
	for _, name := range names {
		out.ResourcePolicies = append(out.ResourcePolicies, all[name])
	}
	return out, nil
}

// DeleteResourcePolicy removes a resource policy.
func (g *Groups) DeleteResourcePolicy(ctx context.Context, in *DeleteResourcePolicyInput) (*awsjson.None, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, err := g.resourcePolicies()
	if err != nil {
		return nil, err
	}
	if _, exists := all[in.PolicyName]; !exists {
		return nil, awsjson.Errorf("ResourceNotFoundException", "Policy with name [%s] does not exist.", awsjson.Clip(in.PolicyName))
	}
	return nil, g.file.Commit(ctx, []datafile.Write{g.file.Remove(BucketPolicies, []byte(in.PolicyName))})
}
