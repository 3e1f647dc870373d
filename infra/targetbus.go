package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
)

// TargetBusConfig is what the stack of the other account is told: which router
// may publish there, and as what.
type TargetBusConfig struct {
	Environment   names.Environment
	RouterAccount string
	RouterRegion  string
	Bus           string
	Sources       []string
}

var (
	regionName = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)
	stackWord  = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

// ReadTargetBusConfig reads the context keys of stack=target-bus.
func ReadTargetBusConfig(values map[string]any) (TargetBusConfig, error) {
	r := newContextReader(values)
	r.oneOf("stack", "target-bus")
	c := TargetBusConfig{
		Environment:   r.environment(),
		RouterAccount: r.matching("routerAccount", accountID, "an account of 12 digits"),
		RouterRegion:  r.matching("routerRegion", regionName, "a region such as us-east-1"),
		Bus:           r.matching("targetBus", customBusName, "the name of a bus: 1 to 256 letters, digits and . _ -"),
		Sources:       r.texts("targetSources"),
	}
	for key, value := range map[string]string{"routerAccount": c.RouterAccount, "routerRegion": c.RouterRegion} {
		if _, given := values[key]; value == "" && !given {
			r.refuse(key, "is required with stack=target-bus: where the router runs")
		}
	}
	if c.Bus == "" {
		c.Bus = names.DefaultBus
	}
	if len(c.Sources) == 0 {
		c.Sources = []string{names.OutputSource}
	}
	for _, s := range c.Sources {
		if s == names.InputSource || strings.HasPrefix(s, "aws.") {
			r.refuse("targetSources", "the router cannot publish with source %q", s)
		}
	}
	if n := len(c.statement()); n > mostStatementID {
		r.refuse("routerRegion", "%q makes the statement's name %d characters long, and AWS allows %d; is it a region such as us-east-1?", c.RouterRegion, n, mostStatementID)
	}
	if r.unknown(); len(r.wrong) > 0 {
		return TargetBusConfig{}, fmt.Errorf("%s", strings.Join(r.wrong, "\n"))
	}
	return c, nil
}

// stack names the stack: by router and bus, so that an account can let several
// routers publish to several buses.
func (c TargetBusConfig) stack() string {
	bus := c.Bus
	if len(bus) > 40 || !stackWord.MatchString(bus) {
		bus = "bus-" + hash(bus) // a stack's name has letters, digits and hyphens alone
	}
	return c.Environment.Name(names.TargetBusStack) + "-" + c.RouterAccount + "-" + c.RouterRegion + "-" + bus
}

// statement names the statement in the bus's policy, by router.
func (c TargetBusConfig) statement() string {
	return c.Environment.Name(names.TargetBusStatement) + "-" + c.RouterAccount + "-" + c.RouterRegion
}

// mostStatementID is how long the name of a bus policy's statement may be.
const mostStatementID = 64

// NewTargetBusStack lets the router's role, and nobody else of its account, put
// events of these sources on a bus that is there already.
func NewTargetBusStack(scope constructs.Construct, c TargetBusConfig) awscdk.Stack {
	stack := awscdk.NewStack(scope, jsii.String(c.stack()), &awscdk.StackProps{
		StackName:   jsii.String(c.stack()),
		Description: jsii.String("lets eventrouter " + string(c.Environment) + " of account " + c.RouterAccount + " publish to bus " + c.Bus),
	})
	role := "arn:" + *stack.Partition() + ":iam::" + c.RouterAccount + ":role/" + c.Environment.Role(c.RouterRegion)
	bus := &InputBus{Name: c.Bus, ARN: arn(stack, "events", "event-bus", c.Bus)}
	newBusPolicy(stack, "Router", c.statement(), bus, map[string]any{
		// The account, narrowed to one role: a role named as the principal must
		// be there when the policy is made, and not be made anew.
		"Principal": map[string]any{"AWS": rootOf(*stack.Partition(), c.RouterAccount)},
		"Condition": map[string]any{
			"ArnEquals":    map[string]any{"aws:PrincipalArn": role},
			"StringEquals": map[string]any{"events:source": c.Sources},
		},
	})
	awscdk.NewCfnOutput(stack, jsii.String("BusArn"), &awscdk.CfnOutputProps{Value: bus.ARN})
	return stack
}
