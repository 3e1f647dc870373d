package resource_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/blockforger/eventrouter/events"
	awsevents "github.com/blockforger/eventrouter/events/aws"
	pipelineevents "github.com/blockforger/eventrouter/events/aws/codepipeline"
	ec2events "github.com/blockforger/eventrouter/events/aws/ec2"
	ecsevents "github.com/blockforger/eventrouter/events/aws/ecs"
	s3events "github.com/blockforger/eventrouter/events/aws/s3"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/resource/codepipeline"
	"github.com/blockforger/eventrouter/events/resource/ec2"
	"github.com/blockforger/eventrouter/events/resource/ecs"
	"github.com/blockforger/eventrouter/events/resource/router"
	"github.com/blockforger/eventrouter/events/resource/s3"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

// sample decodes a real event to its type.
func sample[T any](t *testing.T, file string) *typed.Event[T] {
	t.Helper()
	data, err := os.ReadFile("../aws/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.DecodeEnvelope(data)
	if err != nil {
		t.Fatal(err)
	}
	event, err := awsevents.Registry().Decode(e)
	if err != nil {
		t.Fatal(err)
	}
	typed, ok := typed.As[T](event)
	if !ok {
		t.Fatalf("%s is %T", file, event)
	}
	return typed
}

// answering is a service on this machine that gives one answer, and the
// configuration for it; seen collects account, region and path of what is asked.
func answering(t *testing.T, status int, header, body string, seen *[]string) resource.Configure {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = append(*seen, r.URL.Path)
		name, value, _ := strings.Cut(header, ": ")
		w.Header().Set(name, value)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return func(_ context.Context, p resource.Place) (aws.Config, error) {
		*seen = append(*seen, p.Account+" "+p.Region)
		return aws.Config{Region: p.Region, BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
	}
}

func check(t *testing.T, what string, err error, code fault.Code, seen []string, place string) {
	t.Helper()
	if err != nil && fault.CodeOf(err) != code || err == nil && code != fault.Internal {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
	if len(seen) < 2 || seen[0] != place {
		t.Errorf("%s: asked %q, want %q first", what, seen, place)
	}
}

const found = fault.Internal // no fault is expected

func TestInstance(t *testing.T) {
	e := sample[ec2events.InstanceStateChangeNotification](t, "aws.ec2@EC2InstanceStateChangeNotification-8.json")
	if _, err := ec2.Instance(t.Context(), resource.NewClients(nil, ec2.New), e); !fault.Is(err, fault.Invalid) {
		t.Errorf("the sample names no instance-id: %v", err)
	}
	e.Detail.InstanceID = "i-1"
	const answer = `<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><instanceType>t3.nano</instanceType></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`
	const gone = `<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>x</Message></Error></Errors></Response>`
	for _, c := range []struct {
		status int
		body   string
		code   fault.Code
	}{{200, answer, found}, {400, gone, fault.NotFound}, {200, `<DescribeInstancesResponse/>`, fault.NotFound}, {500, "", fault.Unavailable}} {
		var seen []string
		i, err := ec2.Instance(t.Context(), resource.NewClients(answering(t, c.status, "Content-Type: text/xml", c.body, &seen), ec2.New), e)
		check(t, "instance", err, c.code, seen, "111122223333 us-west-1")
		if err == nil && i.InstanceType != "t3.nano" {
			t.Errorf("instance %+v", i)
		}
	}
}

func TestHead(t *testing.T) {
	e := sample[s3events.ObjectCreated](t, "aws.s3@ObjectCreated-3.json")
	for status, code := range map[int]fault.Code{200: found, 404: fault.NotFound, 403: fault.Denied} {
		var seen []string
		head, err := s3.CreatedHead(t.Context(), resource.NewClients(answering(t, status, "ETag: \"abc\"", "", &seen), s3.New), e)
		check(t, "head", err, code, seen, "123456789012 eu-west-1")
		if err == nil && aws.ToString(head.ETag) != `"abc"` {
			t.Errorf("head %+v", head)
		}
		if !strings.HasSuffix(seen[len(seen)-1], "/IMG_m7fzo3.jpg") {
			t.Errorf("asked %q", seen)
		}
	}
}

func TestContainerInstance(t *testing.T) {
	e := sample[ecsevents.ContainerInstanceStateChange](t, "aws.ecs@ECSContainerInstanceStateChange-2.json")
	var seen []string
	configure := answering(t, 200, "Content-Type: application/x-amz-json-1.1",
		`{"containerInstances":[{"containerInstanceArn":"`+string(e.Detail.ContainerInstanceARN)+`","status":"ACTIVE"}]}`, &seen)
	i, err := ecs.ContainerInstance(t.Context(), resource.NewClients(configure, ecs.New), e)
	check(t, "container instance", err, found, seen, "111122223333 us-east-1")
	if aws.ToString(i.Status) != "ACTIVE" {
		t.Errorf("container instance %+v", i)
	}
	seen = nil
	configure = answering(t, 200, "Content-Type: application/x-amz-json-1.1", `{"failures":[{"reason":"MISSING"}]}`, &seen)
	_, err = ecs.ContainerInstance(t.Context(), resource.NewClients(configure, ecs.New), e)
	check(t, "missing container instance", err, fault.NotFound, seen, "111122223333 us-east-1")
}

func TestExecution(t *testing.T) {
	e := sample[pipelineevents.PipelineExecutionStateChange](t, "aws.codepipeline@CodePipelinePipelineExecutionStateChange-3.json")
	var seen []string
	configure := answering(t, 200, "Content-Type: application/x-amz-json-1.1", `{"pipelineExecution":{"status":"InProgress"}}`, &seen)
	x, err := codepipeline.Execution(t.Context(), resource.NewClients(configure, codepipeline.New), e)
	check(t, "execution", err, found, seen, "123456789012 us-east-1")
	if err == nil && x.Status != "InProgress" {
		t.Errorf("execution %+v", x)
	}
	stage := sample[pipelineevents.StageExecutionStateChange](t, "aws.codepipeline@CodePipelineStageExecutionStateChange-3.json")
	seen = nil
	configure = answering(t, 400, "X-Amzn-ErrorType: PipelineExecutionNotFoundException", `{}`, &seen)
	_, err = codepipeline.StageExecution(t.Context(), resource.NewClients(configure, codepipeline.New), stage)
	check(t, "missing execution", err, fault.NotFound, seen, "123456789012 us-east-1")
}

func TestRecord(t *testing.T) {
	var path, key string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, key = r.URL.EscapedPath(), r.Header.Get("x-api-key")
		w.Header().Set("ETag", `"stamp"`)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"id":"a/b","price":12345678901234567890.10}`))
	}))
	defer server.Close()
	e := &typed.Event[typed.RawOutputDetail]{Detail: typed.RawOutputDetail{Tenant: "acme", RootSchema: "pet"}}
	e.Envelope.Resources = []string{"arn:other", "/acme/pet/a%2Fb"}
	api := &router.API{URL: server.URL, Key: "s3cret"}
	record, err := router.Fetch(t.Context(), api, e)
	if err != nil || path != "/acme/pet/a%2Fb" || key != "s3cret" || record.ETag != `"stamp"` || !strings.Contains(string(record.Data), "890.10") {
		t.Errorf("asked %s, found %+v, %v", path, record, err)
	}
	for s, code := range map[int]fault.Code{404: fault.NotFound, 401: fault.Unauthenticated, 403: fault.Denied, 503: fault.Unavailable} {
		status = s
		if _, err := router.Fetch(t.Context(), api, e); fault.CodeOf(err) != code || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("status %d: %v, want %v", s, err, code)
		}
	}
	e.Envelope.Resources = []string{"/acme/other/x", "/acme/pet/%zz", "/acme/pet/"}
	if _, err := router.Fetch(t.Context(), api, e); !fault.Is(err, fault.Invalid) {
		t.Errorf("no record is named: %v", err)
	}
}

func TestClients(t *testing.T) {
	configured := 0
	clients := resource.NewClients(func(_ context.Context, p resource.Place) (aws.Config, error) {
		configured++
		return aws.Config{Region: p.Region}, nil
	}, func(cfg aws.Config) string { return cfg.Region })
	e := events.Envelope{Account: "111122223333", Region: "eu-west-1"}
	for range 3 {
		if c, err := clients.For(t.Context(), &e); err != nil || c != "eu-west-1" {
			t.Errorf("%q, %v", c, err)
		}
	}
	if configured != 1 {
		t.Errorf("configured %d times", configured)
	}
	for _, e := range []events.Envelope{{}, {Account: "1", Region: "eu-west-1"}, {Account: "111122223333", Region: "evil.example/"}} {
		if _, err := clients.For(t.Context(), &e); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v, want Invalid", e, err)
		}
	}
	mine := resource.NewClients(resource.SameAccount(aws.Config{}, "999999999999"), func(aws.Config) int { return 0 })
	if _, err := mine.For(t.Context(), &e); !fault.Is(err, fault.Denied) {
		t.Errorf("another account's event: %v, want Denied", err)
	}
	for region, want := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		if got := (resource.Place{Region: region}).Partition(); got != want {
			t.Errorf("%s is in %s, want %s", region, got, want)
		}
	}
}
