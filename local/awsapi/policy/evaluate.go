package policy

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Request is a call that a resource policy allows or does not allow.
type Request struct {
	Account  string            // the caller's
	Action   string            // such as events:PutEvents
	Resource string            // an ARN
	Values   map[string]string // of condition keys, which are in lower case
	Ignore   []string          // condition keys that count as satisfied
}

// Allows reports whether the policy allows a request: a statement allows it and
// none denies it. The elements NotPrincipal, NotAction and NotResource are not
// evaluated. A condition with an operator that is not known here is not satisfied
// in a statement that allows, and satisfied in one that denies.
func (d *Document) Allows(r *Request) bool {
	allowed := false
	for i := range d.Statement {
		st := &d.Statement[i]
		deny := st.Effect == "Deny"
		if !st.applies(r, deny) {
			continue
		}
		if deny {
			return false
		}
		allowed = true
	}
	return allowed
}

func (st *Statement) applies(r *Request, deny bool) bool {
	return isPrincipal(st.Principal, r.Account) &&
		matchesAny(st.Action, strings.ToLower(r.Action), strings.ToLower) &&
		(st.Resource == nil || matchesAny(st.Resource, r.Resource, nil)) &&
		st.satisfied(r, deny)
}

// isPrincipal reports whether an account is among the principals: "*", or AWS with
// the account's id, an ARN of the account, or "*".
func isPrincipal(principal jsontext.Value, account string) bool {
	if principal.Kind() == '"' {
		return slices.Contains(texts(principal), "*")
	}
	var kinds map[string]jsontext.Value
	if json.Unmarshal(principal, &kinds) != nil {
		return false
	}
	return slices.ContainsFunc(texts(kinds["AWS"]), func(p string) bool {
		return p == "*" || p == account || strings.HasPrefix(p, "arn:aws:iam::"+account+":")
	})
}

// texts returns the strings of a value that is a string or a list of strings.
func texts(v jsontext.Value) []string {
	var one string
	if v.Kind() == '"' && json.Unmarshal(v, &one) == nil {
		return []string{one}
	}
	var list []string
	_ = json.Unmarshal(v, &list)
	return list
}

func matchesAny(patterns jsontext.Value, text string, normalize func(string) string) bool {
	return slices.ContainsFunc(texts(patterns), func(p string) bool {
		if normalize != nil {
			p = normalize(p)
		}
		return like(p, text)
	})
}

// like matches a pattern with * for any text and ? for one byte.
func like(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// operators are the condition operators that are known here, without the prefix
// of sets and the suffix IfExists. not negates.
var operators = map[string]struct {
	matches func(want, got string) bool
	not     bool
}{
	"StringEquals":              {func(want, got string) bool { return want == got }, false},
	"StringNotEquals":           {func(want, got string) bool { return want == got }, true},
	"StringEqualsIgnoreCase":    {strings.EqualFold, false},
	"StringNotEqualsIgnoreCase": {strings.EqualFold, true},
	"StringLike":                {like, false},
	"StringNotLike":             {like, true},
	"ArnEquals":                 {like, false},
	"ArnNotEquals":              {like, true},
	"ArnLike":                   {like, false},
	"ArnNotLike":                {like, true},
	"Bool":                      {strings.EqualFold, false},
}

// satisfied reports whether the request satisfies all conditions of a statement.
func (st *Statement) satisfied(r *Request, deny bool) bool {
	if st.Condition == nil {
		return true
	}
	var conditions map[string]map[string]jsontext.Value
	if json.Unmarshal(st.Condition, &conditions) != nil {
		return deny
	}
	for operator, keys := range conditions {
		for key, wanted := range keys {
			key = strings.ToLower(key)
			if !slices.Contains(r.Ignore, key) && !r.satisfies(operator, key, texts(wanted), deny) {
				return false
			}
		}
	}
	return true
}

func (r *Request) satisfies(operator, key string, wanted []string, deny bool) bool {
	_, name, isSet := strings.Cut(operator, ":") // ForAnyValue:StringEquals
	if !isSet {
		name = operator
	}
	name, ifExists := strings.CutSuffix(name, "IfExists")
	value, present := r.Values[key]
	if name == "Null" {
		return slices.Contains(wanted, "true") != present
	}
	op, known := operators[name]
	switch {
	case !known:
		return deny
	case !present:
		return op.not || ifExists
	}
	return slices.ContainsFunc(wanted, func(want string) bool { return op.matches(want, value) }) != op.not
}
