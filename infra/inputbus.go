package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/deployment"
)

// InputBus is the bus that input events come in by: the account's default one,
// or one that holds nothing else. Whoever may make rules on it can read tenants'
// API keys.
type InputBus struct {
	Name string
	ARN  *string
	bus  awsevents.CfnEventBus // nil for the default bus
}

// NewInputBus makes the dedicated bus where it is asked for.
func NewInputBus(scope constructs.Construct, c Config) *InputBus {
	if !c.DedicatedBus {
		return &InputBus{Name: deployment.DefaultBus, ARN: defaultBusARN(scope)}
	}
	name := c.Environment.InputBus()
	return &InputBus{
		Name: name,
		ARN:  arn(scope, "events", "event-bus", name),
		bus: awsevents.NewCfnEventBus(scope, jsii.String("InputBus"), &awsevents.CfnEventBusProps{
			Name:        jsii.String(name),
			Description: jsii.String("input events of eventrouter " + string(c.Environment) + ", and nothing else"),
		}),
	}
}

// Before has a resource wait for the bus that it names.
func (b *InputBus) Before(after interface {
	AddDependency(...constructs.IDependable)
}) {
	if b.bus != nil {
		after.AddDependency(b.bus)
	}
}

// RuleARN is the ARN of a rule on the bus.
func (b *InputBus) RuleARN(scope constructs.Construct, rule string) *string {
	if b.bus != nil {
		rule = b.Name + "/" + rule
	}
	return arn(scope, "events", "rule", rule)
}

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

// NewArchive keeps input events to be replayed, for less time than their marks
// last. Zero days: none.
func NewArchive(scope constructs.Construct, c Config, input *InputBus, key awskms.Key) {
	if c.ArchiveDays == 0 {
		return
	}
	archive := awsevents.NewCfnArchive(scope, jsii.String("Archive"), &awsevents.CfnArchiveProps{
		ArchiveName:      jsii.String(c.Environment.Archive()),
		Description:      jsii.String("input events of eventrouter " + string(c.Environment) + "; they hold API keys"),
		SourceArn:        input.ARN,
		EventPattern:     eventPattern(deployment.InputPattern),
		RetentionDays:    jsii.Number(c.ArchiveDays),
		KmsKeyIdentifier: key.KeyArn(),
	})
	input.Before(archive.Node())
}
