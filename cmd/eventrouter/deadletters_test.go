package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/names"
)

// letters sends records of failed invocations to the failure queue.
func (h *awsFixture) letters(first, n int, condition, schema, key, payload string) {
	h.t.Helper()
	found, err := h.queues.GetQueueUrl(h.t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(h.env.Name(names.FailureQueue))})
	if err != nil {
		h.t.Fatal(err)
	}
	for i := first; i < first+n; i++ {
		body := fmt.Sprintf(`{"version":"1.0","requestContext":{"condition":%q,"approximateInvokeCount":3},"requestPayload":%s,"responsePayload":{"errorMessage":"x"}}`,
			condition, h.event(i, schema, key, payload))
		if _, err := h.queues.SendMessage(h.t.Context(), &sqs.SendMessageInput{QueueUrl: found.QueueUrl, MessageBody: &body}); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *awsFixture) event(n int, schema, key, payload string) string {
	return fmt.Sprintf(`{"version":"0","id":"letter-%d","source":"blockforger-input","detail-type":"%s.POST","account":"123456789012","time":%q,"region":"us-east-1","resources":[],`+
		`"detail":{"tenant":"acme","rootSchema":%q,"api_key":%q,"payload":%s}}`, n, schema, time.Now().UTC().Format(time.RFC3339), schema, key, fmt.Sprintf(payload, n))
}

// TestDeadLettersOnAWS lists, predicts and retries dead letters by filter.
func TestDeadLettersOnAWS(t *testing.T) {
	h := newAWSFixture(t)
	key, _ := h.run("keys", "create", "--tenant", "acme")["key"].(string)
	files := s3.NewFromConfig(awstest.Config(os.Getenv("AWS_ENDPOINT_URL_S3")), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := files.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(h.env.Bucket("123456789012", "us-east-1")), Key: aws.String("schemas/acme/priced.json"),
		Body: strings.NewReader(`{"type":"object","properties":{"id":{"type":"string"},"price":{"type":"number"}}}`)}); err != nil {
		t.Fatal(err)
	}
	for i := range 4 { // were processed before
		if _, err := h.handler.Invoke(t.Context(), []byte(h.event(i, "pet", key, `{"id":"p%d"}`))); err != nil {
			t.Fatal(err)
		}
	}
	h.letters(0, 30, "RetriesExhausted", "pet", key, `{"id":"p%d"}`)
	h.letters(100, 3, "EventAgeExceeded", "priced", key, `{"id":"x%d","price":"7"}`)
	h.letters(200, 2, "EventAgeExceeded", "priced", key, `{"id":"y%d","price":7}`)

	page := h.run("dead-letters", "list", "--limit", "20")
	if count(page["deadLetters"]) != 20 || page["more"] != true {
		t.Errorf("a page has %d of 20, more: %v", count(page["deadLetters"]), page["more"])
	}
	for _, c := range []struct {
		want  int
		flags []string
	}{
		{30, []string{"--code", "retriesexhausted", "--tenant", "acme", "--since", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}},
		{0, []string{"--since", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}},
	} {
		if got := count(h.run(append([]string{"dead-letters", "list"}, c.flags...)...)["deadLetters"]); got != c.want {
			t.Errorf("list %v: %d, want %d", c.flags, got, c.want)
		}
	}

	predicted, _ := json.Marshal(h.run("dead-letters", "retry", "--dry-run"))
	if want := `{"change":28,"rejected":{"/price: must be a number, not a string":3},"stored":4}`; string(predicted) != want {
		t.Errorf("predicted %s\nwant      %s", predicted, want)
	}
	if n := count(h.run("records", "list", "--tenant", "acme", "--schema", "pet")["records"]); n != 4 {
		t.Errorf("%d records after --dry-run, want the 4 from before", n)
	}

	if n := h.run("dead-letters", "retry", "--schema", "priced")["retried"]; n != float64(5) {
		t.Errorf("%v of the schema priced were sent again, want 5", n)
	}
	if n := count(h.run("dead-letters", "list")["deadLetters"]); n != 30 {
		t.Errorf("%d are left, want 30", n)
	}

	// An interrupted retry can be repeated.
	ctx, interrupt := context.WithCancel(t.Context())
	var invocations atomic.Int32
	h.before = func() {
		if invocations.Add(1) == 12 {
			interrupt()
		}
	}
	var out, errOut bytes.Buffer
	if code := run(ctx, []string{"dead-letters", "retry", "--parallel", "4", "--aws", "--environment", string(h.env)}, nil, &out, &errOut); code != 1 ||
		!strings.Contains(errOut.String(), "interrupted: ") || !strings.Contains(errOut.String(), "repeat the command to continue") {
		t.Errorf("interrupted: exit %d: %s%s", code, out.String(), errOut.String())
	}
	left := count(h.run("dead-letters", "list")["deadLetters"])
	if left == 0 || left == 30 {
		t.Errorf("%d are left after an interrupt, want some", left)
	}
	if n := h.run("dead-letters", "retry")["retried"]; n != float64(left) {
		t.Errorf("%v were sent again, want %d", n, left)
	}
	if n := count(h.run("records", "list", "--tenant", "acme", "--schema", "pet")["records"]); n != 30 {
		t.Errorf("%d records, want 30", n)
	}
	if tokens := h.run("usage", "--tenant", "acme")["tokens"]; tokens != float64(320) {
		t.Errorf("usage %v, want 10 tokens for each of 32 records", tokens)
	}
}

func TestDeadLetterFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"dead-letters list --limit 0", "--limit must be 1 or more, not 0"},
		{"dead-letters retry --parallel 0", "--parallel must be 1 to 100, not 0"},
		{"dead-letters list --since yesterday", "--since"},
	} {
		var out, errOut bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), nil, &out, &errOut); code == 0 || !strings.Contains(errOut.String(), c.want) {
			t.Errorf("%s: exit %d, %s; want %q", c.args, code, errOut.String(), c.want)
		}
	}
}
