package main

import (
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
)

// Function is a Lambda function with the role and the log group made for it.
type Function struct {
	name   string
	lambda awslambda.Function
	role   awsiam.Role
}

// functionProps are what the functions differ in.
type functionProps struct {
	name, role, code string
	as               awsiam.Role // the role of another function, instead of a new one
	architecture     awslambda.Architecture
	sid              string // of the log's statement, after "Log"
	description      string
	timeout          time.Duration
	memory           float64 // MB
	environment      map[string]*string
	concurrency      int
}

// newFunction makes a function that may write its log and its traces, and
// nothing else so far.
func newFunction(scope constructs.Construct, c Config, p functionProps) *Function {
	group := newLogGroup(scope, "Log", names.LogGroup(p.name), c)
	role := p.as
	if role == nil {
		role = newRole(scope, p)
	}
	allow(role, "Log"+p.sid, []*string{group.LogGroupArn()}, "logs:CreateLogStream", "logs:PutLogEvents")
	props := &awslambda.FunctionProps{
		FunctionName:  jsii.String(p.name),
		Description:   jsii.String(p.description),
		Runtime:       awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:  p.architecture,
		Handler:       jsii.String("bootstrap"),
		Code:          awslambda.Code_FromAsset(jsii.String(p.code), nil),
		Role:          role,
		MemorySize:    jsii.Number(p.memory),
		Timeout:       awscdk.Duration_Seconds(jsii.Number(p.timeout.Seconds())),
		Environment:   &p.environment,
		LogGroup:      group,
		LoggingFormat: awslambda.LoggingFormat_JSON,
		Tracing:       awslambda.Tracing_ACTIVE,
	}
	if p.concurrency > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(p.concurrency)
	}
	f := &Function{name: p.name, lambda: awslambda.NewFunction(scope, jsii.String("Function"), props), role: role}
	if p.as == nil { // the policy is there only now
		except(role, "AwsSolutions-IAM5", "Traces have no resource to name.", "Resource::*")
	}
	return f
}

// newRole makes the role of a function, which may write traces (the CDK adds
// the statement) and nothing else so far.
func newRole(scope constructs.Construct, p functionProps) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		RoleName:    jsii.String(p.role),
		Description: jsii.String("what " + p.name + " may do"),
		AssumedBy: awsiam.NewPrincipalWithConditions(service("lambda"), &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()},
		}),
	})
	return role
}

// NewRouterFunction is the router itself, with all that it may do.
func NewRouterFunction(parent constructs.Construct, c Config, code Code, backend *Backend, failures *FailureQueue) *Function {
	scope := constructs.NewConstruct(parent, jsii.String("Router"))
	f := newFunction(scope, c, functionProps{
		name: c.Environment.Name(names.Function),
		role: c.Environment.Role(*awscdk.Stack_Of(scope).Region()),
		code: code.Router, architecture: code.Architecture,
		description: "takes events of many tenants, and turns each into exactly one effect",
		timeout:     names.Timeout,
		memory:      memory,
		concurrency: c.ReservedConcurrency,
		environment: routerVariables(scope, c, backend),
	})
	backend.AllowFunction(f.role)
	allowPublishing(scope, f.role, c)
	except(f.role, "AwsSolutions-IAM5", "Tenant files, which change without a deployment, name the buses to check.",
		"Resource::arn:<AWS::Partition>:events:*:<AWS::AccountId>:event-bus/*")
	failures.Receive(scope, f)
	except(f.role, "AwsSolutions-IAM5", "Tenant files and records are many; each statement names its prefix.",
		"Resource::<"+logicalID(backend.Bucket)+".Arn>/"+names.SchemasPrefix+"*",
		"Resource::<"+logicalID(backend.Bucket)+".Arn>/"+names.DataPrefix+"*")
	return f
}

// memory is that of the router and of the relay, in MB.
const memory = 512

// routerVariables wire the router and the relay alike. The time-out is the
// router's in both: the relay leaves alone what an invocation may still do.
func routerVariables(scope constructs.Construct, c Config, backend *Backend) map[string]*string {
	stack := awscdk.Stack_Of(scope)
	return map[string]*string{
		names.EnvEnvironment:   jsii.String(string(c.Environment)),
		names.EnvTable:         backend.Table.TableName(),
		names.EnvBucket:        backend.Bucket.BucketName(),
		names.EnvSchemasPrefix: jsii.String(names.SchemasPrefix),
		names.EnvDataPrefix:    jsii.String(names.DataPrefix),
		names.EnvAccount:       stack.Account(),
		names.EnvPartition:     stack.Partition(),
		names.EnvInputBus:      jsii.String(c.InputBus.Name),
		names.EnvOutputBus:     busARN(scope, c.OutputBus.Name),
		names.EnvOutputBuses:   jsii.String(allowList(c.OutputBuses)),
		names.EnvMarkDays:      jsii.String(strconv.Itoa(c.MarkDays)),
		names.EnvTimeout:       jsii.String(strconv.Itoa(int(names.Timeout / time.Second))),
		names.EnvGC:            jsii.String(names.GC),
		names.EnvMemoryLimit:   jsii.String(names.MemoryLimit(memory)),
	}
}

func newLogGroup(scope constructs.Construct, id, name string, c Config) awslogs.LogGroup {
	group := awslogs.NewLogGroup(scope, jsii.String(id), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String(name),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	// The enumeration of ages has words for names; the resource takes the days.
	group.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(c.LogRetentionDays))
	return group
}

func logicalID(c constructs.Construct) string {
	return *awscdk.Stack_Of(c).GetLogicalId(c.Node().DefaultChild().(awscdk.CfnElement))
}

// A run of the relay that is late or fails is not worth a second try: the next
// one is a minute away, and the alarm on the relay's lag reports that none came.
var relayDelivery = delivery{retries: 0, age: 60}

// NewRelay makes the relay's function and runs it every minute. It has the
// router's role, because accounts of other buses name that one role. It reserves
// no concurrency: leases keep two runs apart.
func NewRelay(parent constructs.Construct, c Config, code Code, backend *Backend, router *Function) *Function {
	scope := constructs.NewConstruct(parent, jsii.String("Relay"))
	f := newFunction(scope, c, functionProps{
		name:        c.Environment.Name(names.RelayFunction),
		as:          router.role,
		sid:         "OfRelay",
		code:        code.Relay,
		description: "publishes what invocations of " + router.name + " left behind, and aggregates usage",
		timeout:     names.RelayTimeout,
		memory:      memory,

		architecture: code.Architecture,
		environment:  routerVariables(scope, c, backend),
	})
	// A schedule's invocation is asynchronous: these apply, not the rule's.
	awslambda.NewCfnEventInvokeConfig(scope, jsii.String("Retries"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName:             f.lambda.FunctionName(),
		Qualifier:                jsii.String("$LATEST"),
		MaximumRetryAttempts:     jsii.Number(relayDelivery.retries),
		MaximumEventAgeInSeconds: jsii.Number(relayDelivery.age),
	})
	awsevents.NewCfnRule(scope, jsii.String("Schedule"), &awsevents.CfnRuleProps{
		Name:               jsii.String(c.Environment.Name(names.RelayRule)),
		Description:        jsii.String("runs " + f.name + " every minute"),
		ScheduleExpression: jsii.String("rate(1 minute)"),
		State:              jsii.String("ENABLED"),
		Targets:            []any{target(f.lambda.FunctionArn(), relayDelivery)},
	})
	f.invokedBy("Schedule", arn(scope, "events", "rule", c.Environment.Name(names.RelayRule)))
	return f
}

// testDelivery: what the test function misses is no loss.
var testDelivery = delivery{retries: 2, age: 60 * 60}

// NewTestFunction shows what the router publishes to the default output bus: a
// rule of its own, and a function that writes each event to its log.
func NewTestFunction(parent constructs.Construct, c Config, code Code) {
	scope := constructs.NewConstruct(parent, jsii.String("TestFunction"))
	f := newFunction(scope, c, functionProps{
		name: c.Environment.Name(names.TestFunction),
		role: c.Environment.TestRole(*awscdk.Stack_Of(scope).Region()),
		code: code.Test, architecture: code.Architecture,
		description: "writes output events of eventrouter " + string(c.Environment) + " to its log, and does nothing else",
		timeout:     5 * time.Second,
		memory:      128,
		environment: map[string]*string{names.EnvEnvironment: jsii.String(string(c.Environment))},
	})
	awsevents.NewCfnRule(scope, jsii.String("Rule"), &awsevents.CfnRuleProps{
		Name:         jsii.String(c.Environment.Name(names.TestRule)),
		Description:  jsii.String("output events to " + c.Environment.Name(names.TestFunction)),
		EventBusName: jsii.String(c.OutputBus.Name),
		EventPattern: eventPattern(names.TestPattern),
		State:        jsii.String("ENABLED"),
		Targets:      []any{target(f.lambda.FunctionArn(), testDelivery)},
	})
	f.invokedBy("TestRule", ruleARN(scope, c.OutputBus.Name, c.Environment.Name(names.TestRule)))
}
