// Package deploylocal deploys the stack for real, without AWS: `make
// deploy-local`. The CDK bootstraps and deploys the very app to moto; the AWS CLI
// looks at what exists; then the deployed function's own environment variables
// are given to the function's binary, and an event goes through it. So stack and
// binary agree on every name.
package deploylocal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/dynamostore"
)

// enable is the environment variable that `make deploy-local` sets: the test
// takes a minute, too long for every `go test ./...`.
const enable = "EVENTROUTER_DEPLOY_LOCAL"

// ordersBus is a bus on the allow-list; moto cannot publish to a rule whose
// target is a function, which is what the default bus has.
const ordersBus = "arn:aws:events:" + region + ":" + account + ":event-bus/orders"

func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }

func TestDeployLocal(t *testing.T) {
	if os.Getenv(enable) != "1" {
		t.Skipf("takes a minute; run: make deploy-local")
	}
	const env = names.Environment("dev")
	assembly := t.TempDir()
	var nobody *cloud
	nobody.cdk(t, "synth", "--quiet", "--output", assembly, "-c", "environment="+string(env), "-c", "outputBuses="+ordersBus)

	moto := newCloud(t, filepath.Join(assembly, env.Name(names.Stack)+".template.json"))
	moto.cdk(t, "bootstrap", "--app", assembly, "aws://"+account+"/"+region)
	moto.cdk(t, "deploy", "--app", assembly, "--method", "direct", "--require-approval", "never", env.Name(names.Stack))

	variables := look(t, moto, env)
	if err := dynamostore.New(dynamodb.NewFromConfig(awstest.Config(moto.url)), env.Name(names.Table), nil).Check(t.Context()); err != nil {
		t.Errorf("the table that the stack makes is not the one that the function needs: %v", err)
	}
	doctor := buildDoctor(t)
	doctor.finds(t, moto, "bucket", "output buses") // nobody has made them yet
	send(t, moto, variables)
	giveTenant(t.Context(), t, moto.url, variables)
	doctor.finds(t, moto)
	doctor.sends(t, moto)
	doctor.operations(t, moto, env, variables[names.EnvBucket])
	other := names.Environment("other").Name(names.InputRule)
	moto.aws(t, "events", "put-rule", "--name", other, "--event-pattern", names.InputPattern)
	doctor.finds(t, moto, "shared bus")
	moto.aws(t, "events", "delete-rule", "--name", other)
	moto.aws(t, "events", "disable-rule", "--name", env.Name(names.InputRule))
	doctor.finds(t, moto, "input rule")
}

// TestFreshCheckout: `npx cdk synth` alone works in a clone where nothing has been
// built, of what is committed.
func TestFreshCheckout(t *testing.T) {
	if os.Getenv(enable) != "1" {
		t.Skipf("takes half a minute; run: make deploy-local")
	}
	clone := filepath.Join(t.TempDir(), "clone")
	modules, err := filepath.Abs(filepath.Join(root, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("git", "clone", "--quiet", "--local", root, clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Symlink(modules, filepath.Join(clone, "node_modules")); err != nil { // npm ci
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(modules, ".bin", "cdk"), "synth", "--quiet", "--no-notices")
	cmd.Dir = clone
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cdk synth: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(clone, "cdk.out", "EventRouter-dev.template.json")); err != nil {
		t.Error(err)
	}
}

// look sees to it that moto has what the stack promises, for the CDK's command
// line prints success where moto left a resource out. It returns the function's
// environment variables.
func look(t *testing.T, c *cloud, env names.Environment) map[string]string {
	arn := func(service, name string) string {
		return "arn:aws:" + service + ":" + region + ":" + account + ":" + name
	}
	for _, check := range []struct {
		what    string
		command []string
		want    any
	}{
		{"stack", []string{"cloudformation", "describe-stacks", "--stack-name", env.Name(names.Stack), "--query", "Stacks[0].StackStatus"}, "CREATE_COMPLETE"},
		{"table", []string{"dynamodb", "describe-table", "--table-name", env.Name(names.Table), "--query", "Table.GlobalSecondaryIndexes[].IndexName"}, []any{names.Index}},
		// moto reads neither expiry nor versions from a template: infra's tests do.
		{"bucket", []string{"s3api", "list-buckets", "--query", "Buckets[?Name=='" + env.Bucket(account, region) + "'] | length(@)"}, float64(1)},
		{"input rule", []string{"events", "describe-rule", "--name", env.Name(names.InputRule), "--query", "State"}, "ENABLED"},
		{"input target", []string{"events", "list-targets-by-rule", "--rule", env.Name(names.InputRule), "--query", "Targets[].[Arn,DeadLetterConfig.Arn]"},
			[]any{[]any{arn("lambda", "function:"+env.Name(names.Function)), arn("sqs", env.Name(names.InputDLQ))}}},
		{"test target", []string{"events", "list-targets-by-rule", "--rule", env.Name(names.TestRule), "--query", "Targets[].Arn"}, []any{arn("lambda", "function:"+env.Name(names.TestFunction))}},
		{"relay's target", []string{"events", "list-targets-by-rule", "--rule", env.Name(names.RelayRule), "--query", "Targets[].Arn"}, []any{arn("lambda", "function:"+env.Name(names.RelayFunction))}},
		{"relay", []string{"events", "describe-rule", "--name", env.Name(names.RelayRule), "--query", "ScheduleExpression"}, "rate(1 minute)"},
		{"archive", []string{"events", "describe-archive", "--archive-name", env.Name(names.Archive), "--query", "RetentionDays"}, float64(30)},
		{"dead letters", []string{"sqs", "list-queues", "--query", "length(QueueUrls)"}, float64(2)},
		{"logs", []string{"logs", "describe-log-groups", "--query", "logGroups[].[logGroupName,retentionInDays] | sort_by(@, &[0])"}, []any{
			[]any{env.Name(names.APILogGroup), float64(30)}, []any{names.LogGroup(env.Name(names.TestFunction)), float64(30)}, []any{names.LogGroup(env.Name(names.Function)), float64(30)}, []any{names.LogGroup(env.Name(names.RelayFunction)), float64(30)}}},
		{"role", []string{"iam", "list-role-policies", "--role-name", env.Role(region), "--query", "length(PolicyNames)"}, float64(1)},
		{"key", []string{"kms", "list-aliases", "--query", "Aliases[?AliasName=='" + env.Name(names.KeyAlias) + "'] | length(@)"}, float64(1)},
		{"topic", []string{"sns", "list-topics", "--query", "Topics[].TopicArn"}, []any{arn("sns", env.Name(names.AlarmTopic))}},
		{"guard of the bus", []string{"ssm", "get-parameter", "--name", names.BusGuard(names.DefaultBus), "--query", "Parameter.Value"}, string(env)},
		{"dashboard", []string{"cloudwatch", "list-dashboards", "--query", "DashboardEntries[].DashboardName"}, []any{env.Name(names.Dashboard)}},
	} {
		if got := c.aws(t, check.command...); !reflect.DeepEqual(got, check.want) {
			t.Errorf("%s: aws %s\n got %v\nwant %v", check.what, strings.Join(check.command, " "), got, check.want)
		}
	}

	var got, want any
	text, _ := c.aws(t, "events", "describe-rule", "--name", env.Name(names.InputRule), "--query", "EventPattern").(string)
	if json.Unmarshal([]byte(text), &got) != nil || json.Unmarshal([]byte(names.InputPattern), &want) != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the input rule's pattern is %s, want %s", text, names.InputPattern)
	}
	for function, rule := range map[string]string{env.Name(names.Function): env.Name(names.InputRule), env.Name(names.RelayFunction): env.Name(names.RelayRule)} {
		policy, _ := c.aws(t, "lambda", "get-policy", "--function-name", function, "--query", "Policy").(string)
		if !strings.Contains(policy, arn("events", "rule/"+rule)) {
			t.Errorf("the rule %s may not invoke the function: %s", rule, policy)
		}
	}
	variables := map[string]string{}
	found, _ := c.aws(t, "lambda", "get-function-configuration", "--function-name", env.Name(names.Function), "--query", "Environment.Variables").(map[string]any)
	for name, value := range found {
		variables[name] = fmt.Sprint(value)
	}
	return variables
}

// send has the function's binary, told nothing but the deployed variables and
// where AWS is, carry out an event.
func send(t *testing.T, moto *cloud, variables map[string]string) {
	ctx := t.Context()
	database, objects := awstest.DynamoDB(t), awstest.S3(t)
	ledger := dynamostore.New(dynamodb.NewFromConfig(awstest.Config(database)), variables[names.EnvTable], nil)
	if err := ledger.CreateTable(ctx); err != nil {
		t.Fatal(err)
	}
	giveTenant(ctx, t, objects, variables)
	records := projection.New(store.New(ledger, nil), nil)
	created, err := admin.NewDirect(ledger, records, nil, nil).CreateKey(ctx, admin.NewKey{Tenant: "acme", Permissions: []apikey.Permission{apikey.BackendCalls}})
	if err != nil {
		t.Fatal(err)
	}
	queue := listen(ctx, t, moto)

	lambda := newRuntimeAPI(t, "arn:aws:lambda:"+region+":"+account+":function:eventrouter-dev")
	log := startFunction(t, variables, map[string]string{
		"AWS_LAMBDA_RUNTIME_API": lambda.address, "AWS_REGION": region, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretkey1",
		"AWS_ENDPOINT_URL_DYNAMODB": database, "AWS_ENDPOINT_URL_S3": objects, "AWS_ENDPOINT_URL_EVENTBRIDGE": moto.url,
	})
	event := fmt.Sprintf(`{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","source":"blockforger-input","detail-type":"pet.POST","account":%q,"time":%q,"region":%q,`+
		`"resources":[],"detail":{"tenant":"acme","rootSchema":"pet","api_key":%q,"payload":{"id":"rex","name":"Rex"}}}`,
		account, time.Now().UTC().Format(time.RFC3339), region, created.Key)

	for _, delivery := range []string{"the event", "its redelivery"} {
		if got := lambda.invoke(t, event); !strings.Contains(got, `"statusCode":201`) {
			t.Errorf("%s is answered with %s\nlog: %s", delivery, got, log())
		}
	}
	head, err := records.Get(ctx, store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "pet"}, Key: "rex"})
	if err != nil || !strings.Contains(string(head.Data), `"Rex"`) {
		t.Errorf("the record is %s, %v", head.Data, err)
	}
	received := receive(ctx, t, moto, queue)
	if len(received) != 1 || !strings.Contains(received[0], `"blockforger-output"`) || strings.Contains(received[0], created.Key) {
		t.Errorf("%d output events, want one for the two deliveries, without the key: %q", len(received), received)
	}
	lambda.invoke(t, `{"version":"0","id":"1","source":"aws.events","detail-type":"Scheduled Event","account":"`+account+`","time":"2026-11-21T00:00:00Z","region":"us-east-1","resources":[],"detail":{}}`)
	if lines := log(); !strings.Contains(lines, `"msg":"relay"`) || strings.Contains(lines, created.Key) {
		t.Errorf("log: %s", lines)
	}
}

// giveTenant puts a tenant's files where the function looks for them.
func giveTenant(ctx context.Context, t *testing.T, url string, variables map[string]string) {
	t.Helper()
	client := s3.NewFromConfig(awstest.Config(url), func(o *s3.Options) { o.UsePathStyle = true })
	bucket := variables[names.EnvBucket]
	if _, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket}); err != nil {
		if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"acme/tenant.properties": "eventbridge-input=true\neventbridge-output=[{\"eventbridge_arn\":\"" + ordersBus + "\"}]\n",
		"acme/pet.json":          `{"type":"object","properties":{"id":{"type":"string"},"name":{"type":"string"}},"required":["name"]}`,
	} {
		if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(variables[names.EnvSchemasPrefix] + name), Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
}

// listen makes the bus of the allow-list, with a queue that hears all of it.
func listen(ctx context.Context, t *testing.T, moto *cloud) (queueURL string) {
	t.Helper()
	bus, messages := eventbridge.NewFromConfig(awstest.Config(moto.url)), sqs.NewFromConfig(awstest.Config(moto.url))
	queue, err := messages.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("heard")})
	if err != nil {
		t.Fatal(err)
	}
	name := aws.String(string(events.BusARN(ordersBus).Name()))
	if _, err := bus.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("all"), EventBusName: name, EventPattern: aws.String(`{"account":["` + account + `"]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("all"), EventBusName: name, Targets: []ebtypes.Target{
		{Id: aws.String("queue"), Arn: aws.String("arn:aws:sqs:" + region + ":" + account + ":heard")}}}); err != nil {
		t.Fatal(err)
	}
	return *queue.QueueUrl
}

func receive(ctx context.Context, t *testing.T, moto *cloud, queueURL string) (bodies []string) {
	t.Helper()
	out, err := sqs.NewFromConfig(awstest.Config(moto.url)).ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queueURL, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range out.Messages {
		bodies = append(bodies, *m.Body)
	}
	return bodies
}

// startFunction runs lambda/bootstrap, built for this machine, with these
// variables and no others. It returns a function that reads its log.
func startFunction(t *testing.T, deployed, given map[string]string) func() string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, "./lambda/bootstrap")
	build.Dir, build.Env = root, append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "log")
	log, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Stdout, cmd.Stderr = log, log
	for _, variables := range []map[string]string{deployed, given} {
		for name, value := range variables {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	return func() string {
		text, _ := os.ReadFile(file)
		return string(text)
	}
}
