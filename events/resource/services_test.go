package resource_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/blockforger/eventrouter/events"
	acmevents "github.com/blockforger/eventrouter/events/aws/acm"
	cloudwatchevents "github.com/blockforger/eventrouter/events/aws/cloudwatch"
	codebuildevents "github.com/blockforger/eventrouter/events/aws/codebuild"
	ecrevents "github.com/blockforger/eventrouter/events/aws/ecr"
	ssmevents "github.com/blockforger/eventrouter/events/aws/ssm"
	statesevents "github.com/blockforger/eventrouter/events/aws/states"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/resource/acm"
	"github.com/blockforger/eventrouter/events/resource/cloudwatch"
	"github.com/blockforger/eventrouter/events/resource/codebuild"
	"github.com/blockforger/eventrouter/events/resource/ecr"
	"github.com/blockforger/eventrouter/events/resource/ssm"
	"github.com/blockforger/eventrouter/events/resource/states"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

// event is an event of the account and region that tests expect.
func event[T any](detail T, resources ...string) *typed.Event[T] {
	return &typed.Event[T]{Envelope: events.Envelope{Account: "111122223333", Region: "eu-west-1", Resources: resources}, Detail: detail}
}

const (
	executionARN   = "arn:aws:states:eu-west-1:111122223333:execution:m:x"
	certificateARN = "arn:aws:acm:eu-west-1:111122223333:certificate/c"
)

// TestServices: each service's resource is read with a client for the event's
// account and region. Each case is a call that returns what identifies what was
// found.
func TestServices(t *testing.T) {
	const awsJSON = "Content-Type: application/x-amz-json-1.1"
	for name, c := range map[string]struct {
		read    func(configure resource.Configure) (string, error)
		unnamed func() error
		answer  string // of the service
		want    string
		empty   string // an answer without the resource; "" where there is none
		gone    string // the error code of a resource that is not there; "" where there is none
	}{
		"ecr": {
			read: func(f resource.Configure) (string, error) {
				i, err := ecr.Image(t.Context(), resource.NewClients(f, ecr.New), event(ecrevents.ImageAction{RepositoryName: "team/app", ImageTag: aws.String("v1")}))
				return aws.ToString(i.ImageDigest), err
			},
			unnamed: func() error {
				_, err := ecr.Image(t.Context(), resource.NewClients(nil, ecr.New), event(ecrevents.ImageAction{RepositoryName: "team/app"}))
				return err
			},
			answer: `{"imageDetails":[{"imageDigest":"sha256:1"}]}`, want: "sha256:1", empty: `{"imageDetails":[]}`, gone: "ImageNotFoundException",
		},
		"codebuild": {
			read: func(f resource.Configure) (string, error) {
				b, err := codebuild.Build(t.Context(), resource.NewClients(f, codebuild.New), event(codebuildevents.BuildStateChange{BuildID: "p:1"}))
				return aws.ToString(b.Id), err
			},
			unnamed: func() error {
				_, err := codebuild.Build(t.Context(), resource.NewClients(nil, codebuild.New), event(codebuildevents.BuildStateChange{}))
				return err
			},
			answer: `{"builds":[{"id":"p:1"}]}`, want: "p:1", empty: `{"builds":[],"buildsNotFound":["p:1"]}`,
		},
		"ssm": {
			read: func(f resource.Configure) (string, error) {
				p, err := ssm.Parameter(t.Context(), resource.NewClients(f, ssm.New), event(ssmevents.ParameterStoreChange{Name: "/a/b"}), false)
				return aws.ToString(p.Value), err
			},
			unnamed: func() error {
				_, err := ssm.Parameter(t.Context(), resource.NewClients(nil, ssm.New), event(ssmevents.ParameterStoreChange{}), false)
				return err
			},
			answer: `{"Parameter":{"Name":"/a/b","Value":"v"}}`, want: "v", empty: `{}`, gone: "ParameterNotFound",
		},
		"acm": {
			read: func(f resource.Configure) (string, error) {
				d, err := acm.Certificate(t.Context(), resource.NewClients(f, acm.New), event(acmevents.CertificateApproachingExpiration{}, "arn:aws:s3:::other", certificateARN))
				return aws.ToString(d.CertificateArn), err
			},
			unnamed: func() error {
				_, err := acm.Certificate(t.Context(), resource.NewClients(nil, acm.New), event(acmevents.CertificateApproachingExpiration{}, "arn:aws:s3:::other"))
				return err
			},
			answer: `{"Certificate":{"CertificateArn":"` + certificateARN + `"}}`, want: certificateARN, empty: `{}`, gone: "ResourceNotFoundException",
		},
		"states": {
			read: func(f resource.Configure) (string, error) {
				x, err := states.Execution(t.Context(), resource.NewClients(f, states.New), event(statesevents.StepFunctionsExecutionStatusChange{ExecutionARN: executionARN}))
				if err != nil {
					return "", err
				}
				return string(x.Status), nil
			},
			unnamed: func() error {
				_, err := states.Execution(t.Context(), resource.NewClients(nil, states.New), event(statesevents.StepFunctionsExecutionStatusChange{}))
				return err
			},
			answer: `{"status":"RUNNING"}`, want: "RUNNING", gone: "ExecutionDoesNotExist",
		},
	} {
		var seen []string
		got, err := c.read(answering(t, 200, awsJSON, c.answer, &seen))
		check(t, name, err, found, seen, "111122223333 eu-west-1")
		if got != c.want {
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
		if err := c.unnamed(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: an event that names nothing: %v, want Invalid", name, err)
		}
		for what, a := range map[string]struct {
			status int
			body   string
			skip   bool
			code   fault.Code
		}{
			"an empty answer": {200, c.empty, c.empty == "", fault.NotFound}, "not found": {400, `{"__type":"` + c.gone + `"}`, c.gone == "", fault.NotFound},
			"not allowed": {400, `{"__type":"AccessDeniedException"}`, false, fault.Denied}, "a failure": {500, `{}`, false, fault.Unavailable},
		} {
			if a.skip {
				continue
			}
			seen = nil
			_, err := c.read(answering(t, a.status, awsJSON, a.body, &seen))
			if !fault.Is(err, a.code) || strings.Contains(err.Error(), "%!") {
				t.Errorf("%s, %s: %v, want %v", name, what, err, a.code)
			}
		}
	}
}

// TestAlarm: CloudWatch speaks another protocol, and has two kinds of alarms.
func TestAlarm(t *testing.T) {
	e := event(cloudwatchevents.AlarmStateChange{AlarmName: "a"})
	// CBOR: a map of the member to an array of one map.
	const alarm = "\x81\xa1\x69AlarmName\x61a"
	for body, code := range map[string]fault.Code{"\xa1\x6cMetricAlarms" + alarm: found, "\xa1\x6fCompositeAlarms" + alarm: found, "\xa0": fault.NotFound} {
		var seen []string
		metric, composite, err := cloudwatch.Alarm(t.Context(), resource.NewClients(answering(t, 200, "smithy-protocol: rpc-v2-cbor", body, &seen), cloudwatch.New), e)
		check(t, body, err, code, seen, "111122223333 eu-west-1")
		if err == nil && (metric == nil) == (composite == nil) {
			t.Errorf("%s: found %v and %v, want one", body, metric, composite)
		}
	}
	if _, _, err := cloudwatch.Alarm(t.Context(), resource.NewClients(nil, cloudwatch.New), event(cloudwatchevents.AlarmStateChange{})); !fault.Is(err, fault.Invalid) {
		t.Errorf("an event that names nothing: %v, want Invalid", err)
	}
}
