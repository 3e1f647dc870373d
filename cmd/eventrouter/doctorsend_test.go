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
