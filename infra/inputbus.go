package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
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
