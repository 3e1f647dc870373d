package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/deployment"
)

// NewPublishers lets other accounts, or those of an organization, put input
// events on our bus, and no event of another source. Without either there is no
// policy.
func NewPublishers(parent constructs.Construct, c Config, input *InputBus) {
	scope := constructs.NewConstruct(parent, jsii.String("CrossAccount"))
	source := map[string]any{"events:source": deployment.InputSource}
	for _, account := range c.PublisherAccounts {
		newBusPolicy(scope, "Account"+account, c.Environment.PublisherStatement()+"-"+account, input, map[string]any{
			"Principal": map[string]any{"AWS": rootOf(scope, account)},
			"Condition": map[string]any{"StringEquals": source},
		})
	}
	if c.PublisherOrganization != "" {
		newBusPolicy(scope, "Organization", c.Environment.OrganizationStatement(), input, map[string]any{
			"Principal": "*", // narrowed to the organization by the condition
			"Condition": map[string]any{"StringEquals": map[string]any{
				"events:source": deployment.InputSource, "aws:PrincipalOrgID": c.PublisherOrganization,
			}},
		})
	}
}

func newBusPolicy(scope constructs.Construct, id, sid string, bus *InputBus, statement map[string]any) {
	statement["Sid"] = sid
	statement["Effect"] = "Allow"
	statement["Action"] = "events:PutEvents"
	statement["Resource"] = bus.ARN
	policy := awsevents.NewCfnEventBusPolicy(scope, jsii.String(id), &awsevents.CfnEventBusPolicyProps{
		StatementId:  jsii.String(sid),
		EventBusName: jsii.String(bus.Name),
		Statement:    statement,
	})
	bus.Before(policy.Node())
}

func rootOf(scope constructs.Construct, account string) string {
	return "arn:" + *awscdk.Stack_Of(scope).Partition() + ":iam::" + account + ":root"
}
