package main

import (
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/dynamostore"
	"github.com/blockforger/eventrouter/tenant"
)

// deploymentFlags select a deployment on AWS instead of a server.
type deploymentFlags struct {
	AWS         bool   `name:"aws" group:"common" help:"Use a deployment on AWS, with the usual AWS credentials, instead of a server."`
	Environment string `group:"common" default:"dev" help:"With --aws: the environment of the deployment."`
	Table       string `help:"With --aws: the table, if the deployment has the context key tableName."`
}

// awsCommands are the commands that can do so.
var awsCommands = []string{"keys", "records", "usage", "logs", "dead-letters", "entries", "doctor", "put-events", "trigger", "listen"}

// choose gives the session what it needs to work on the deployment. It does no
// I/O but to find credentials and region.
func (f *deploymentFlags) configure(s *session, command string) error {
	if !f.AWS {
		if f.Table != "" {
			return fault.Errorf(fault.Invalid, "--table works only with --aws")
		}
		return nil
	}
	if word, _, _ := strings.Cut(command, " "); !slices.Contains(awsCommands, word) {
		return fault.Errorf(fault.Invalid, "%s works only with a server; the commands that accept --aws are: %s", word, strings.Join(awsCommands, ", "))
	}
	env, err := names.ParseEnvironment(f.Environment)
	if err != nil {
		return fault.Errorf(fault.Invalid, "--environment: %v", err)
	}
	cfg, err := config.LoadDefaultConfig(s.ctx)
	if err != nil {
		return fault.Errorf(fault.Invalid, "AWS configuration: %v", err)
	}
	if cfg.Region == "" {
		return fault.Errorf(fault.Invalid, "no region is set; set the region of the deployment, for example: export AWS_REGION=us-east-1")
	}
	s.deployment = &awsDeployment{env: env, table: cmp.Or(f.Table, env.Name(names.Table)), cfg: cfg}
	s.admin = s.deployment.admin()
	return nil
}

// awsDeployment is a deployment on AWS.
type awsDeployment struct {
	env   names.Environment
	table string // its name
	cfg   aws.Config

	functions *awsFunctions // set by admin
}

// admin returns an Admin that uses the deployment's table directly, without its
// function.
func (d *awsDeployment) admin() admin.Admin {
	ledger := d.ledger()
	d.functions = newAWSFunctions(d)
	d.functions.records = projection.New(store.New(ledger, nil), nil)
	direct := admin.NewDirect(ledger, d.functions.records, d.functions, nil)
	direct.Tenants = func(ctx context.Context) ([]events.TenantID, error) {
		files, err := d.catalog(ctx)
		if err != nil {
			return nil, err
		}
		return files.Tenants(ctx)
	}
	direct.Schemas = func(ctx context.Context, t events.TenantID) ([]events.SchemaID, error) {
		files, err := d.catalog(ctx)
		if err != nil {
			return nil, err
		}
		return files.Schemas(ctx, t)
	}
	return direct
}

// router returns a router over the deployment's table and tenant files, for checks:
// it publishes nothing.
func (d *awsDeployment) router(ctx context.Context) (*router.Router, error) {
	catalog, err := d.catalog(ctx)
	if err != nil {
		return nil, err
	}
	ledger := d.ledger()
	return router.New(catalog, apikey.NewAuthenticator(ledger, nil), projection.New(store.New(ledger, nil), nil), nil, nil), nil
}

// catalog returns the catalog of the files that the function reads.
func (d *awsDeployment) catalog(ctx context.Context) (*tenant.Catalog, error) {
	out, err := awslambda.NewFromConfig(d.cfg).GetFunctionConfiguration(ctx, &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String(d.env.Name(names.Function))})
	if err != nil {
		return nil, err
	}
	var variables map[string]string
	if out.Environment != nil {
		variables = out.Environment.Variables
	}
	files, err := s3blob.New(d.s3(), variables[names.EnvBucket], variables[names.EnvSchemasPrefix])
	if err != nil {
		return nil, err
	}
	return tenant.NewCatalog(files, nil), nil
}

func (d *awsDeployment) ledger() *dynamostore.Ledger {
	return dynamostore.New(dynamodb.NewFromConfig(d.cfg), d.table, nil)
}

func (d *awsDeployment) newChecks() *deploymentChecks {
	return &deploymentChecks{awsDeployment: d, bus: eventbridge.NewFromConfig(d.cfg)}
}

// checks returns the checks of a deployment, in order: earlier ones set the account
// and the function's environment, which later ones use.
func (x *deploymentChecks) checks() []check {
	return []check{
		{what: "credentials", run: x.credentials},
		{what: "clock", needs: "credentials", run: x.clock},
		{what: "function", needs: "credentials", run: x.function},
		{what: "table", needs: "credentials", run: x.table},
		{what: "bucket", needs: "credentials", run: x.bucket},
		{what: "tenant files", needs: "bucket", run: x.tenantFiles},
		{what: "input rule", needs: "credentials", run: x.inputRule},
		{what: "shared bus", needs: "input rule", run: x.sharedBus},
		{what: "target", needs: "input rule", run: x.target},
		{what: "permission", needs: "target", run: x.permission},
		{what: "relay", needs: "credentials", run: x.relay},
		{what: "dead letters", needs: "credentials", run: func(ctx context.Context) checkResult { return x.queue(ctx, x.env.Name(names.InputDLQ)) }},
		{what: "failures", needs: "credentials", run: func(ctx context.Context) checkResult { return x.queue(ctx, x.env.Name(names.FailureQueue)) }},
		{what: "output buses", needs: "function", run: x.outputBuses},
	}
}

// deploymentChecks is what one run of the doctor learns as it goes.
type deploymentChecks struct {
	*awsDeployment
	bus       *eventbridge.Client
	account   string
	variables map[string]string // the function's
	inputBus  string
	buffered  bool // the input rule's target is the queue
}

func (x *deploymentChecks) deployCommand() string {
	return "make deploy CONTEXT='-c environment=" + string(x.env) + "'"
}

func (x *deploymentChecks) credentials(ctx context.Context) checkResult {
	if _, err := x.cfg.Credentials.Retrieve(ctx); err != nil {
		return failedf("aws configure, or export AWS_PROFILE=NAME, and repeat the command", "no AWS credentials were found in the environment, the AWS files or the instance")
	}
	who, err := sts.NewFromConfig(x.cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return failedErr("aws sts get-caller-identity, and correct the credentials until it succeeds", err)
	}
	x.account = aws.ToString(who.Account)
	return passed("%s in %s", aws.ToString(who.Arn), x.cfg.Region)
}

// clock compares this machine's clock with AWS's. AWS rejects requests that are
// signed five minutes off.
func (x *deploymentChecks) clock(ctx context.Context) checkResult {
	sent := time.Now()
	out, err := sts.NewFromConfig(x.cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return failedErr("set the clock, if the error is about a signature or a time", err)
	}
	answered, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	if !ok {
		return passed("AWS returned no time")
	}
	// The time that AWS returns is truncated to the second.
	if off := answered.Sub(sent).Round(time.Second); off < -30*time.Second || off > 30*time.Second {
		return failedf("set the clock, best by NTP", "this machine's clock is %v off", off)
	}
	return passed("within 30 seconds of AWS's")
}

func (x *deploymentChecks) function(ctx context.Context) checkResult {
	out, err := awslambda.NewFromConfig(x.cfg).GetFunctionConfiguration(ctx, &awslambda.GetFunctionConfigurationInput{FunctionName: aws.String(x.env.Name(names.Function))})
	if err != nil {
		return failedErr(x.deployCommand(), err)
	}
	if out.Environment != nil {
		x.variables = out.Environment.Variables
	}
	if table := x.variables[names.EnvTable]; table != x.awsDeployment.table {
		return failedf("repeat the command with --table "+table+", or "+x.deployCommand(), "%s uses the table %q, and this command %q", x.env.Name(names.Function), table, x.awsDeployment.table)
	}
	return passed("%s", x.env.Name(names.Function))
}

func (x *deploymentChecks) table(ctx context.Context) checkResult {
	if err := x.ledger().Check(ctx); err != nil {
		return failedErr("", err) // the error names the command
	}
	return passed("%s with index %s", x.awsDeployment.table, names.Index)
}

func (x *deploymentChecks) bucket(ctx context.Context) checkResult {
	name := x.env.Bucket(x.account, x.cfg.Region)
	out, err := x.s3().ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &name, Prefix: aws.String(names.SchemasPrefix)})
	if err != nil {
		return failedErr(x.deployCommand(), err)
	}
	tenants := 0
	for _, o := range out.Contents {
		if strings.HasSuffix(aws.ToString(o.Key), "/tenant.properties") {
			tenants++
		}
	}
	if tenants == 0 {
		return failedf("eventrouter tenant push schemas --bucket "+name, "%s has no tenant files below %s", name, names.SchemasPrefix)
	}
	return passed("%s, %d tenants", name, tenants)
}

// tenantFiles checks the tenants' files with the function's allow-list.
func (x *deploymentChecks) tenantFiles(ctx context.Context) checkResult {
	name := x.env.Bucket(x.account, x.cfg.Region)
	files, err := s3blob.New(x.s3(), name, names.SchemasPrefix)
	if err != nil {
		return failedErr("", err)
	}
	buses, err := tenant.ParseAllowList(x.variables[names.EnvOutputBuses])
	if err != nil {
		return failedErr(x.deployCommand(), err)
	}
	own := events.DefaultBus(x.variables[names.EnvPartition], x.cfg.Region, x.account)
	if bus := x.variables[names.EnvOutputBus]; bus != "" {
		own = events.BusARN(bus)
	}
	return lintCheck(ctx, files, &tenant.LintOptions{DefaultBus: own, AllowBus: tenant.AllowOnly(own, buses)}, "s3://"+name+"/"+names.SchemasPrefix)
}

func (d *awsDeployment) s3() *s3.Client {
	return s3.NewFromConfig(d.cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}

// inputRule looks up the rule on the bus that is named in the function's
// environment, else on the dedicated bus and on the default bus.
func (x *deploymentChecks) inputRule(ctx context.Context) checkResult {
	var out *eventbridge.DescribeRuleOutput
	var err error
	buses := []string{x.env.Name(names.InputBus), names.DefaultBus}
	if bus := x.variables[names.EnvInputBus]; bus != "" {
		buses = []string{bus}
	}
	for _, x.inputBus = range buses {
		if out, err = x.bus.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String(x.env.Name(names.InputRule)), EventBusName: &x.inputBus}); err == nil {
			break
		}
	}
	switch {
	case err != nil:
		return failedErr(x.deployCommand(), err)
	case out.State == ebtypes.RuleStateDisabled:
		return failedf("aws events enable-rule --name "+x.env.Name(names.InputRule)+" --event-bus-name "+x.inputBus, "the rule %s is disabled: no events are received", x.env.Name(names.InputRule))
	case !sameJSON(aws.ToString(out.EventPattern), names.InputPattern):
		return failedf(x.deployCommand(), "the pattern of the rule %s is %s, want %s", x.env.Name(names.InputRule), aws.ToString(out.EventPattern), names.InputPattern)
	}
	return passed("%s on bus %s, enabled", x.env.Name(names.InputRule), x.inputBus)
}

// sharedBus looks for the input rule of another environment on the same bus. The
// stack's guard parameter prevents it, but not for older deployments and for rules
// that were created by hand.
func (x *deploymentChecks) sharedBus(ctx context.Context) checkResult {
	prefix := strings.TrimSuffix(x.env.Name(names.InputRule), string(x.env))
	rules := eventbridge.ListRulesInput{EventBusName: &x.inputBus, NamePrefix: &prefix}
	var others []string
	for {
		out, err := x.bus.ListRules(ctx, &rules)
		if err != nil {
			return failedErr(x.deployCommand(), err)
		}
		for _, r := range out.Rules {
			if name := aws.ToString(r.Name); name != x.env.Name(names.InputRule) {
				others = append(others, strings.TrimPrefix(name, prefix))
			}
		}
		if rules.NextToken = out.NextToken; rules.NextToken == nil {
			break
		}
	}
	if len(others) > 0 {
		return failedf("deploy all but one of them with inputBus=dedicated, see inputBus in doc/deploy.md",
			"the bus %s also feeds environment %s: each receives and processes the other's events", x.inputBus, strings.Join(others, ", "))
	}
	return passed("%s feeds no other environment", x.inputBus)
}

// target checks that the input rule's target is the function or, with a buffer, its
// queue.
func (x *deploymentChecks) target(ctx context.Context) checkResult {
	out, err := x.bus.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: aws.String(x.env.Name(names.InputRule)), EventBusName: &x.inputBus})
	if err != nil {
		return failedErr(x.deployCommand(), err)
	}
	want := []string{":function:" + x.env.Name(names.Function), ":" + x.env.Name(names.InputBuffer)}
	for _, t := range out.Targets {
		if slices.ContainsFunc(want, func(end string) bool { return strings.HasSuffix(aws.ToString(t.Arn), end) }) {
			if t.DeadLetterConfig == nil {
				return failedf(x.deployCommand(), "the target %s has no dead-letter queue", aws.ToString(t.Arn))
			}
			x.buffered = strings.HasSuffix(aws.ToString(t.Arn), ":"+x.env.Name(names.InputBuffer))
			return passed("%s", aws.ToString(t.Arn))
		}
	}
	return failedf(x.deployCommand(), "the rule %s has no target %s", x.env.Name(names.InputRule), x.env.Name(names.Function))
}

// permission checks that each function's policy allows its rule to invoke it.
func (x *deploymentChecks) permission(ctx context.Context) checkResult {
	input := x.env.Name(names.InputRule)
	if x.inputBus != names.DefaultBus {
		input = x.inputBus + "/" + input
	}
	var rules []string
	for _, c := range []struct{ function, rule string }{{x.env.Name(names.Function), input}, {x.env.Name(names.RelayFunction), x.env.Name(names.RelayRule)}} {
		if c.rule == input && x.buffered {
			continue // the rule sends to the queue
		}
		out, err := awslambda.NewFromConfig(x.cfg).GetPolicy(ctx, &awslambda.GetPolicyInput{FunctionName: aws.String(c.function)})
		if err != nil {
			return failedErr(x.deployCommand(), err)
		}
		if !strings.Contains(aws.ToString(out.Policy), ":rule/"+c.rule+`"`) {
			return failedf(x.deployCommand(), "the policy of the function %s has no statement with the condition aws:SourceArn rule/%s", c.function, c.rule)
		}
		rules = append(rules, "rule/"+c.rule)
	}
	return passed("%s", strings.Join(rules, ", "))
}

func (x *deploymentChecks) relay(ctx context.Context) checkResult {
	out, err := x.bus.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String(x.env.Name(names.RelayRule))})
	switch {
	case err != nil:
		return failedErr(x.deployCommand(), err)
	case out.State == ebtypes.RuleStateDisabled:
		return failedf("aws events enable-rule --name "+x.env.Name(names.RelayRule), "the rule %s is disabled: pending entries are not published", x.env.Name(names.RelayRule))
	}
	return passed("%s, %s", x.env.Name(names.RelayRule), aws.ToString(out.ScheduleExpression))
}

func (x *deploymentChecks) queue(ctx context.Context, name string) checkResult {
	client := sqs.NewFromConfig(x.cfg)
	found, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return failedErr(x.deployCommand(), err)
	}
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: found.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages},
	})
	if err != nil {
		return failedErr("", err)
	}
	if n, _ := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"]); n > 0 {
		return failedf("eventrouter dead-letters list --aws --environment "+string(x.env), "%s holds %d messages", name, n)
	}
	return passed("%s is empty", name)
}

// outputBuses checks that the buses of the deployment's own account exist. Buses of
// other accounts can only be checked by publishing.
func (x *deploymentChecks) outputBuses(ctx context.Context) checkResult {
	list, err := tenant.ParseAllowList(x.variables[names.EnvOutputBuses])
	if err != nil {
		return failedErr(x.deployCommand(), err)
	}
	own, others := 0, 0
	for _, b := range list {
		if b.ARN.Account() != x.account {
			others++
			continue
		}
		own++
		if _, err := x.busIn(b.ARN).DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: aws.String(b.ARN.Name())}); err != nil {
			return failedErr(createBus(b.ARN), err)
		}
	}
	return passed("%d of this account, all exist; %d of other accounts, which are not checked", own, others)
}

func (x *deploymentChecks) busIn(b events.BusARN) *eventbridge.Client {
	return eventbridge.NewFromConfig(x.cfg, func(o *eventbridge.Options) { o.Region = b.Region() })
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
