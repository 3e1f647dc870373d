package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

// newSendChecks returns the steps of doctor --send against an AWS that consists of
// one handler.
func newSendChecks(t *testing.T, handle http.HandlerFunc) *sendChecks {
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secretkey1", ""),
		RetryMaxAttempts: 1}
	d := &awsDeployment{env: "dev", cfg: cfg}
	x := &deploymentChecks{awsDeployment: d, bus: eventbridge.NewFromConfig(cfg), inputBus: "default", account: "123456789012"}
	return &sendChecks{deploymentChecks: x, every: time.Millisecond, store: store.New(memstore.New(nil), nil), run: "run", event: "event-1", began: time.Now()}
}

// TestDoctorSendOnAStandIn checks that a call that a stand-in does not support is
// not reported as a fault of the deployment, and that the steps that need its
// result are not run.
func TestDoctorSendOnAStandIn(t *testing.T) {
	c := newSendChecks(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	got := c.step(c.send)(t.Context())
	if got.Wrong != "" || !strings.Contains(got.NotChecked, "does not support PutEvents") {
		t.Errorf("input event: %+v", got)
	}
	for _, later := range []checkResult{c.step(c.effect)(t.Context()), c.step(c.deadLetter)(t.Context())} {
		if later.NotChecked != got.NotChecked || later.Wrong != "" {
			t.Errorf("a later step: %+v", later)
		}
	}
	if got := c.alarm(t.Context()); got.Wrong != "" || !strings.Contains(got.NotChecked, "does not support SetAlarmState") {
		t.Errorf("alarm: %+v", got)
	}
}

// TestDoctorSendWithoutPermission checks that other errors are findings.
func TestDoctorSendWithoutPermission(t *testing.T) {
	c := newSendChecks(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"not authorized to perform events:PutEvents"}`)
	})
	if got := c.step(c.send)(t.Context()); !strings.Contains(got.Wrong, "not authorized to perform events:PutEvents") || !strings.Contains(got.Do, "the bus default") {
		t.Errorf("input event: %+v", got)
	}
	if got := c.step(c.effect)(t.Context()); got.NotChecked != "the step input event failed" {
		t.Errorf("ledger: %+v", got)
	}
}

// TestDoctorSendWithoutEffect checks that the step reports what the function has
// logged about an event that has no effect.
func TestDoctorSendWithoutEffect(t *testing.T) {
	for line, want := range map[string]string{
		`{\"outcome\":\"rejected\",\"status\":401,\"error\":\"wrong key\"}`: "the function logged rejected 401 wrong key",
		"": "the rule has not delivered it",
	} {
		c := newSendChecks(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			if line == "" {
				_, _ = io.WriteString(w, `{"events":[]}`)
				return
			}
			fmt.Fprintf(w, `{"events":[{"message":"%s"}]}`, line)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		got := c.step(c.effect)(ctx)
		cancel()
		if !strings.Contains(got.Wrong, want) || !strings.Contains(got.Do, "event-1") {
			t.Errorf("ledger: %+v, want %q", got, want)
		}
	}
}

func TestDoctorFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"doctor --send", "--send works only with --aws"},
		{"doctor --alarm", "--alarm works only with --send"},
	} {
		var out, errOut bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), nil, &out, &errOut); code != 1 || !strings.Contains(errOut.String(), c.want) {
			t.Errorf("%s: exit %d, %s; want 1 and %q", c.args, code, errOut.String(), c.want)
		}
	}
}

// TestDoctorReportsACauseOnce checks that a server or credentials that are missing are
// one finding of one line, with the command that corrects it.
func TestDoctorReportsACauseOnce(t *testing.T) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ""} {
		t.Setenv(name, value)
	}
	for _, c := range []struct{ args, want, do string }{
		{"doctor --endpoint-url http://127.0.0.1:1 --schemas ../../schemas", "no server responds at http://127.0.0.1:1", "make run"},
		{"doctor --aws", "no AWS credentials were found", "aws configure"},
	} {
		var out, errOut bytes.Buffer
		code := run(t.Context(), strings.Fields(c.args), nil, &out, &errOut)
		text := out.String()
		if code != 1 || strings.Count(text, "wrong  ") != 1 || !strings.Contains(text, c.want) || !strings.Contains(text, c.do) || !strings.Contains(text, "not checked here: see ") {
			t.Errorf("%s: exit %d, want one finding %q\n%s%s", c.args, code, c.want, text, errOut.String())
		}
		for line := range strings.Lines(text) {
			if len(line) > 160 {
				t.Errorf("%s: a line of %d characters: %s", c.args, len(line), line)
			}
		}
	}
}

// TestDoctorChecksWhatIsServed checks that the files are those of the server's folder.
func TestDoctorChecksWhatIsServed(t *testing.T) {
	srv, _ := serveWith(t, sampleSchemas, &awsFlags{})
	for _, c := range []struct{ flags, want string }{
		{"", "no problems found in "},
		{" --schemas testdata/nothing", "set the folder with --schemas"},
		{" --schemas " + t.TempDir(), "the server serves another folder"},
	} {
		var out, errOut bytes.Buffer
		run(t.Context(), strings.Fields("doctor --endpoint-url "+srv.url+c.flags), nil, &out, &errOut)
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("doctor%s: want %q\n%s%s", c.flags, c.want, out.String(), errOut.String())
		}
	}
}
