package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/blockforger/eventrouter/internal/names"
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

// allowPublishing lets the function put events on the default output bus and on
// those of the allow-list, and on no other. Never as an input event: no
// output rule can make the router feed itself.
func allowPublishing(scope constructs.Construct, role awsiam.Role, c Config) {
	requireOwn(scope, "OutputBusIsOwn", "outputBus", c.OutputBus)
	open := []*string{busARN(scope, c.OutputBus.Name)}
	for i, b := range c.OutputBuses {
		if len(b.Sources) == 0 {
			open = append(open, jsii.String(b.ARN))
			continue
		}
		allowIf(role, fmt.Sprintf("Publish%d", i+1), map[string]any{
			"StringEquals": map[string]any{"events:source": b.Sources},
		}, []*string{jsii.String(b.ARN)}, "events:PutEvents")
	}
	allowIf(role, "Publish", map[string]any{
		"StringNotEquals": map[string]any{"events:source": names.InputSource},
	}, open, "events:PutEvents")
	// PutEvents reports success for a bus that does not exist, so the relay checks
	// the account's own buses (R34), in whichever region an output rule names.
	own := []*string{awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("events"), Region: jsii.String("*"), Resource: jsii.String("event-bus"), ResourceName: jsii.String("*"),
	})}
	allow(role, "LookForBuses", own, "events:DescribeEventBus")
}
