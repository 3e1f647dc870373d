package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// An access is one question to IAM: may the principal do this?
type access struct {
	what      string // for a person: who does what, and why
	principal string // a role's ARN, an account's root ARN, or a service such as events.amazonaws.com
	action    string
	resource  string            // an ARN, or "*" for an action that knows no resource
	context   map[string]string // condition keys that the request carries
}

func (a access) String() string {
	return fmt.Sprintf("%s: %s %s on %s %v", a.what, a.principal, a.action, a.resource, a.context)
}

// A rule is a statement of a policy with its references resolved.
type rule struct {
	name      string // the resource that the policy belongs to, and the statement's Sid or index
	role      string // of an identity policy: the ARN of the role; of a resource policy: ""
	deny      bool
	principal []string // of a resource policy
	actions   []string
	resources []string
	condition map[string]map[string][]string
}

// policies are all statements of a template, as IAM evaluates them together.
type policies []rule

const (
	testPartition, testRegion, testAccount = "aws", "us-east-1", "123456789012"
	ownRoot                                = "arn:aws:iam::" + testAccount + ":root"
	administrator                          = "arn:aws:iam::" + testAccount + ":role/administrator" // whose own policies allow everything
)

// allows evaluates the policies as IAM does for one request: a matching Deny
// wins; a role of the account needs an Allow in its own policies or in the
// resource's; a service or another account needs one in the resource's; a KMS key
// needs one in its own policy in every case, which may hand the decision to the
// account.
func (p policies) allows(a access) bool {
	identity, resource, delegated := false, false, false
	if a.principal == administrator {
		identity = true
	}
	for _, r := range p {
		if !r.matches(a) {
			continue
		}
		switch {
		case r.role == a.principal && r.role != "":
			if r.deny {
				return false
			}
			identity = true
		case r.role == "" && r.names(a.principal):
			if r.deny {
				return false
			}
			resource = true
		case r.role == "" && !r.deny && slices.Contains(r.principal, ownRoot) && strings.HasPrefix(a.principal, "arn:aws:iam::"+testAccount+":"):
			delegated = true
		}
	}
	switch service := strings.Split(a.action, ":")[0]; {
	case service == "kms":
		return resource || delegated && identity
	case strings.HasPrefix(a.principal, "arn:aws:iam::"+testAccount+":"):
		return identity || resource
	}
	return resource
}

// names reports whether a resource's policy means this principal: everybody, its
// account as a whole if it is another one, or itself.
func (r rule) names(principal string) bool {
	for _, p := range r.principal {
		if p == "*" || p == principal {
			return true
		}
		if account, isRoot := strings.CutSuffix(p, ":root"); isRoot && p != ownRoot && strings.HasPrefix(principal, account+":") {
			return true
		}
	}
	return false
}

func (r rule) matches(a access) bool {
	return slices.ContainsFunc(r.actions, func(p string) bool { return glob(p, a.action) }) &&
		slices.ContainsFunc(r.resources, func(p string) bool { return p == "*" || glob(p, a.resource) }) &&
		r.conditionHolds(a.context)
}

// conditionHolds knows the operators that the stack uses. A key that a request
// does not carry fails every operator but the negated one.
func (r rule) conditionHolds(context map[string]string) bool {
	for operator, keys := range r.condition {
		for key, values := range keys {
			got, carried := context[key]
			holds := slices.ContainsFunc(values, func(want string) bool {
				switch operator {
				case "StringEquals", "Bool", "StringNotEquals": // the last is negated below
					return got == want
				case "ArnEquals", "ArnLike": // which IAM evaluates alike
					return glob(want, got)
				case "NumericLessThan":
					x, err1 := strconv.ParseFloat(got, 64)
					y, err2 := strconv.ParseFloat(want, 64)
					return err1 == nil && err2 == nil && x < y
				}
				panic("condition operator " + operator + " is unknown to this evaluator")
			})
			if operator == "StringNotEquals" {
				if carried && holds {
					return false
				}
				continue
			}
			if !carried || !holds {
				return false
			}
		}
	}
	return true
}

// glob matches the wildcards of IAM, for which a slash is a character like others.
func glob(pattern, s string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(s, "/", "\x00"))
	return ok && err == nil
}

// policies reads every statement of the template.
func (t template) policies() (out policies) {
	for _, id := range slices.Sorted(maps.Keys(t["Resources"].(map[string]any))) {
		r := t["Resources"].(map[string]any)[id].(map[string]any)
		properties, _ := r["Properties"].(map[string]any)
		add := func(document any, edit func(*rule)) {
			for i, s := range list(at(document, "Statement")) {
				read := t.rule(s.(map[string]any))
				sid := text(at(s, "Sid"))
				if sid == "" {
					sid = strconv.Itoa(i)
				}
				read.name = id + "/" + sid
				edit(&read)
				out = append(out, read)
			}
		}
		switch r["Type"] {
		case "AWS::IAM::Policy":
			for _, role := range list(properties["Roles"]) {
				arn := t.arnOf(at(role, "Ref").(string))
				add(properties["PolicyDocument"], func(r *rule) { r.role = arn })
			}
		case "AWS::IAM::Role":
			add(properties["AssumeRolePolicyDocument"], func(r *rule) { r.resources = []string{t.arnOf(id)} })
		case "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy":
			add(properties["PolicyDocument"], func(*rule) {})
		case "AWS::KMS::Key":
			add(properties["KeyPolicy"], func(r *rule) { r.resources = []string{t.arnOf(id)} })
		case "AWS::Events::EventBusPolicy":
			add(map[string]any{"Statement": []any{properties["Statement"]}}, func(*rule) {})
		case "AWS::Lambda::Permission":
			condition := map[string]map[string][]string{}
			if v := properties["SourceArn"]; v != nil {
				condition["ArnLike"] = map[string][]string{"aws:SourceArn": {t.resolve(v)}}
			}
			if v := properties["SourceAccount"]; v != nil {
				condition["StringEquals"] = map[string][]string{"aws:SourceAccount": {t.resolve(v)}}
			}
			out = append(out, rule{name: id, principal: []string{t.resolve(properties["Principal"])}, actions: []string{t.resolve(properties["Action"])},
				resources: []string{t.resolve(properties["FunctionName"])}, condition: condition})
		}
	}
	return out
}

func (t template) rule(s map[string]any) rule {
	all := func(v any) (out []string) {
		for _, one := range list(v) {
			out = append(out, t.resolve(one))
		}
		return out
	}
	r := rule{deny: s["Effect"] == "Deny", actions: all(s["Action"]), condition: map[string]map[string][]string{}}
	if s["Resource"] != nil {
		r.resources = all(s["Resource"])
	}
	switch p := s["Principal"].(type) {
	case string:
		r.principal = []string{p}
	case map[string]any:
		for _, v := range p {
			r.principal = append(r.principal, all(v)...)
		}
	}
	conditions, _ := s["Condition"].(map[string]any)
	for operator, keys := range conditions {
		r.condition[operator] = map[string][]string{}
		for key, values := range keys.(map[string]any) {
			r.condition[operator][key] = all(values)
		}
	}
	return r
}

// resolve replaces references by what they are in the test's account and region.
func (t template) resolve(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			switch ref {
			case "AWS::Partition":
				return testPartition
			case "AWS::Region":
				return testRegion
			case "AWS::AccountId":
				return testAccount
			}
			if r, _ := t["Resources"].(map[string]any)[ref].(map[string]any); r["Type"] == "AWS::SNS::Topic" {
				return t.arnOf(ref)
			}
			return ref
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok && get[1] == "Arn" {
			return t.arnOf(get[0].(string))
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			var b strings.Builder
			for _, one := range join[1].([]any) {
				b.WriteString(t.resolve(one))
			}
			return b.String()
		}
	}
	panic(fmt.Sprintf("the evaluator cannot resolve %v", v))
}

// arnOf is the ARN of a resource of the template.
func (t template) arnOf(id string) string {
	r := t["Resources"].(map[string]any)[id].(map[string]any)
	name := func(property string) string { return t.resolve(at(r, "Properties", property)) }
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + testRegion + ":" + testAccount + ":" + resource
	}
	switch r["Type"] {
	case "AWS::DynamoDB::Table":
		return arn("dynamodb", "table/"+name("TableName"))
	case "AWS::S3::Bucket":
		return "arn:aws:s3:::" + name("BucketName")
	case "AWS::SQS::Queue":
		return arn("sqs", name("QueueName"))
	case "AWS::SNS::Topic":
		return arn("sns", name("TopicName"))
	case "AWS::Lambda::Function":
		return arn("lambda", "function:"+name("FunctionName"))
	case "AWS::Logs::LogGroup":
		return arn("logs", "log-group:"+name("LogGroupName")+":*") // CloudFormation's attribute ends so
	case "AWS::KMS::Key":
		return arn("kms", "key/"+id)
	case "AWS::IAM::Role":
		return "arn:aws:iam::" + testAccount + ":role/" + name("RoleName")
	}
	panic(fmt.Sprintf("the evaluator knows no ARN of %s", r["Type"]))
}
