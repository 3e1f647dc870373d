// Package policy reads and writes resource policies of AWS.
package policy

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// A Document is a resource policy as AWS writes it.
type Document struct {
	Version   string      `json:"Version"`
	Statement []Statement `json:"Statement"`
}

// A Statement is one statement of a policy.
type Statement struct {
	Sid       string         `json:"Sid,omitempty"`
	Effect    string         `json:"Effect"`
	Principal jsontext.Value `json:"Principal,omitempty"`
	Action    jsontext.Value `json:"Action"`
	Resource  jsontext.Value `json:"Resource,omitempty"`
	Condition jsontext.Value `json:"Condition,omitempty"`
}

// Parse reads a policy, whose statement may be one or a list; "" is a policy
// without statements.
func Parse(text string) (*Document, error) {
	d := &Document{Version: "2012-10-17"}
	if text == "" {
		return d, nil
	}
	invalid := awsjson.Errorf("ValidationException", "The policy is not a valid policy document.")
	if jsontext.Value(text).Kind() != '{' {
		return nil, invalid
	}
	if err := json.Unmarshal([]byte(text), d); err == nil {
		return d, nil
	}
	var single struct {
		Version   string    `json:"Version"`
		Statement Statement `json:"Statement"`
	}
	if err := json.Unmarshal([]byte(text), &single); err != nil {
		return nil, invalid
	}
	return &Document{Version: single.Version, Statement: []Statement{single.Statement}}, nil
}

// String returns the policy as JSON.
func (d *Document) String() string {
	b, _ := json.Marshal(d)
	return string(b)
}

// Remove removes the statement with this id and reports whether there was one.
func (d *Document) Remove(sid string) bool {
	n := len(d.Statement)
	d.Statement = slices.DeleteFunc(d.Statement, func(st Statement) bool { return st.Sid == sid })
	return len(d.Statement) < n
}
