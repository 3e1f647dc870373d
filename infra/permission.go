package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// allow gives a role rights, each by its full name: the CDK's own grants come
// with wildcards.
func allow(role awsiam.Role, sid string, resources []*string, actions ...string) {
	allowIf(role, sid, nil, resources, actions...)
}

func allowIf(role awsiam.Role, sid string, condition map[string]any, resources []*string, actions ...string) {
	props := &awsiam.PolicyStatementProps{Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: &resources}
	if condition != nil {
		props.Conditions = &condition
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(props))
}

// except tells the security linter why one of its rules does not hold here.
func except(what constructs.IConstruct, rule, reason string, findings ...string) {
	s := &cdknag.NagPackSuppression{Id: jsii.String(rule), Reason: jsii.String(reason)}
	if len(findings) > 0 {
		applies := make([]any, len(findings))
		for i, f := range findings {
			applies[i] = f
		}
		s.AppliesTo = &applies
	}
	cdknag.NagSuppressions_AddResourceSuppressions(what, &[]*cdknag.NagPackSuppression{s}, jsii.Bool(true))
}
