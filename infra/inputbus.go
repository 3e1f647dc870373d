package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
)

// InputBus is the bus that input events come from: the account's default one, one
// that the stack makes for them alone, or one that exists. Everybody who may make
// rules on it can read tenants' API keys.
type InputBus struct {
	Name string
	ARN  *string

	first awscdk.CfnResource // what must be made before anything on the bus
}

// NewInputBus makes the dedicated bus or, on a bus that is shared, the parameter
// that refuses a second environment.
func NewInputBus(scope constructs.Construct, c Config) *InputBus {
	b := &InputBus{Name: c.InputBus.Name, ARN: busARN(scope, c.InputBus.Name)}
	if c.DedicatedBus {
		b.first = awsevents.NewCfnEventBus(scope, jsii.String("InputBus"), &awsevents.CfnEventBusProps{
			Name:        jsii.String(b.Name),
			Description: jsii.String("input events of eventrouter " + string(c.Environment) + ", and nothing else"),
		})
		return b
	}
	requireOwn(scope, "InputBusIsOwn", "inputBus", c.InputBus)
	b.first = awsssm.NewCfnParameter(scope, jsii.String("BusGuard"), &awsssm.CfnParameterProps{
		Name:  jsii.String(names.BusGuard(b.Name)),
		Type:  jsii.String("String"),
		Value: jsii.String(string(c.Environment)),
		Description: jsii.String("the eventrouter environment whose input events come from the bus " + b.Name +
			": two on one bus would receive each other's events; see inputBus in doc/deploy.md"),
	})
	return b
}

// Before makes a resource wait until the bus is there and is this environment's.
func (b *InputBus) Before(after interface {
	AddDependency(...constructs.IDependable)
}) {
	after.AddDependency(b.first)
}

// RuleARN is the ARN of a rule on the bus.
func (b *InputBus) RuleARN(scope constructs.Construct, rule string) *string {
	return ruleARN(scope, b.Name, rule)
}

// NewPublishers lets other accounts, or those of an organization, put input
// events on our bus, and no event of another source. Without either there is no
// policy.
func NewPublishers(parent constructs.Construct, c Config, input *InputBus) {
	scope := constructs.NewConstruct(parent, jsii.String("CrossAccount"))
	var accounts awsevents.CfnEventBusPolicy
	if len(c.PublisherAccounts) > 0 {
		accounts = newBusPolicy(scope, "Accounts", onBus(c.Environment.Name(names.PublisherStatement), input.Name), input, accountsMayPublish(c, *awscdk.Stack_Of(scope).Partition()))
	}
	if c.PublisherOrganization != "" {
		organization := newBusPolicy(scope, "Organization", onBus(c.Environment.Name(names.OrganizationStatement), input.Name), input, organizationMayPublish(c))
		if accounts != nil {
			organization.Node().AddDependency(accounts) // calls of PutPermission at the same time have lost statements
		}
	}
}

// accountsMayPublish is one statement for all accounts: a bus's policy has room
// for about 34 statements.
func accountsMayPublish(c Config, partition string) map[string]any {
	roots := make([]any, len(c.PublisherAccounts))
	for i, account := range c.PublisherAccounts {
		roots[i] = rootOf(partition, account)
	}
	return map[string]any{
		"Principal": map[string]any{"AWS": roots},
		"Condition": map[string]any{"StringEquals": map[string]any{"events:source": names.InputSource}},
	}
}

func organizationMayPublish(c Config) map[string]any {
	return map[string]any{
		"Principal": "*", // narrowed to the organization by the condition
		"Condition": map[string]any{"StringEquals": map[string]any{
			"events:source": names.InputSource, "aws:PrincipalOrgID": c.PublisherOrganization,
		}},
	}
}

// busPolicyLimit is how many characters the policy of a bus may have.
const busPolicyLimit = 10_240

// busPolicySize is how many characters our statements take at most: in the
// partition and region with the longest names.
func busPolicySize(c Config) int {
	const partition, region = "aws-us-gov", "ap-southeast-1"
	resource := "arn:" + partition + ":events:" + region + ":123456789012:event-bus/" + c.InputBus.Name
	size := len(`{"Version":"2012-10-17","Statement":[]}`)
	for _, statement := range []map[string]any{accountsMayPublish(c, partition), organizationMayPublish(c)} {
		fill(statement, onBus(c.Environment.Name(names.OrganizationStatement), c.InputBus.Name), resource)
		text, _ := json.Marshal(statement) // strings always marshal
		size += len(text) + len(",")
	}
	return size
}

func newBusPolicy(scope constructs.Construct, id, sid string, bus *InputBus, statement map[string]any) awsevents.CfnEventBusPolicy {
	fill(statement, sid, bus.ARN)
	policy := awsevents.NewCfnEventBusPolicy(scope, jsii.String(id), &awsevents.CfnEventBusPolicyProps{
		StatementId:  jsii.String(sid),
		EventBusName: jsii.String(bus.Name),
		Statement:    statement,
	})
	if bus.first != nil { // nil in the stack of a target bus
		bus.Before(policy.Node())
	}
	return policy
}

func fill(statement map[string]any, sid string, resource any) {
	statement["Sid"] = sid
	statement["Effect"] = "Allow"
	statement["Action"] = "events:PutEvents"
	statement["Resource"] = resource
}

func rootOf(partition, account string) string {
	return "arn:" + partition + ":iam::" + account + ":root"
}

// NewArchive keeps input events to be replayed, for less time than their marks
// last. Zero days: none.
func NewArchive(scope constructs.Construct, c Config, input *InputBus, key awskms.Key) {
	if c.ArchiveDays == 0 {
		return
	}
	archive := awsevents.NewCfnArchive(scope, jsii.String("Archive"), &awsevents.CfnArchiveProps{
		ArchiveName:      jsii.String(onBus(c.Environment.Name(names.Archive), input.Name)),
		Description:      jsii.String("input events of eventrouter " + string(c.Environment) + "; they hold API keys"),
		SourceArn:        input.ARN,
		EventPattern:     eventPattern(names.InputPattern),
		RetentionDays:    jsii.Number(c.ArchiveDays),
		KmsKeyIdentifier: key.KeyArn(),
	})
	input.Before(archive.Node())
}
