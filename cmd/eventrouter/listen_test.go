package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/local/eventbridge"
)

// temporaries returns the names of the rules and queues that listen has left.
func temporaries(t *testing.T, srv *server) (names []string) {
	t.Helper()
	rules, err := srv.local.EventBridge.ListRules(t.Context(), &eventbridge.ListRulesInput{NamePrefix: "eventrouter-listen-"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.Rules {
		names = append(names, "rule "+r.Name)
	}
	status, out := runAWS(t, srv, "AmazonSQS.ListQueues", `{"QueueNamePrefix": "eventrouter-listen-"}`)
	if status != http.StatusOK {
		t.Fatal(status, out)
	}
	for _, url := range regexp.MustCompile(`eventrouter-listen-\w+`).FindAllString(out, -1) {
		names = append(names, "queue "+url)
	}
	return names
}

// runAWS calls an operation of a JSON service of the server.
func runAWS(t *testing.T, srv *server, target, input string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.url, strings.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", target)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// listen forwards matching events, prints status and duration, and removes its rule and
// queue when it is interrupted.
func TestListen(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 10)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies <- string(b)
		if strings.Contains(string(b), `"bad"`) {
			http.Error(w, "no", http.StatusTeapot)
		}
	}))
	defer web.Close()
	srv, _ := serveHere(t, sampleSchemas)
	for _, asJSON := range []bool{false, true} {
		ctx, interrupt := context.WithCancel(t.Context())
		var out, errs syncBuffer
		ended := make(chan int, 1)
		args := []string{"listen", "--forward", web.URL + "/events", "--pattern", `{"source":["till"]}`, "--endpoint-url", srv.url}
		if asJSON {
			args = append(args, "--output", "json")
		}
		go func() { ended <- run(ctx, args, bytes.NewReader(nil), &out, &errs) }()
		await(t, "the temporary rule with its target", func() bool {
			names := temporaries(t, srv)
			if len(names) == 0 || !strings.HasPrefix(names[0], "rule ") {
				return false
			}
			targets, err := srv.local.EventBridge.ListTargetsByRule(t.Context(), &eventbridge.ListTargetsByRuleInput{Rule: strings.TrimPrefix(names[0], "rule ")})
			return err == nil && len(targets.Targets) == 1
		})
		for _, detail := range []string{`{\"n\":1}`, `{\"n\":\"bad\"}`} {
			if code, o, e := runCLI(t, srv.url, "put-events", "--no-wait", "--entries", `[{"Source":"till","DetailType":"paid","Detail":"`+detail+`"},{"Source":"other","DetailType":"x","Detail":"{}"}]`); code != 0 {
				t.Fatal(code, o, e)
			}
		}
		for range 2 {
			select {
			case body := <-bodies:
				if !strings.Contains(body, `"source":"till"`) {
					t.Error(body)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("no event was forwarded\n%s%s", out.String(), errs.String())
			}
		}
		want := []string{`\d\d:\d\d:\d\d 200 \d+ ms  paid [0-9a-f-]{36}\n`, `\d\d:\d\d:\d\d 418 \d+ ms  paid [0-9a-f-]{36}\n`, `forwarding events of the bus default to ` + web.URL + `/events`}
		if asJSON {
			want = []string{`"status": 200`, `"status": 418`, `"detailType": "paid"`}
		}
		for _, line := range want {
			await(t, line, func() bool { return regexp.MustCompile(line).MatchString(out.String()) })
		}
		interrupt()
		if code := <-ended; code != 0 || errs.String() != "" {
			t.Errorf("exit code %d: %s", code, errs.String())
		}
		if left := temporaries(t, srv); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	}
}

// await waits until a condition holds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestListenRejects(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, sampleSchemas)
	const good = "http://127.0.0.1:3000/events"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "--forward"},
		{[]string{"--forward", "https://127.0.0.1/"}, 1, `--forward: the URL "https://127.0.0.1/" must begin with http://; an example is http://127.0.0.1:9000/events`},
		{[]string{"--forward", "http://example.com/"}, 1, "must name this machine: localhost or a loopback address"},
		{[]string{"--forward", "3000"}, 1, `must begin with http://`},
		{[]string{"--forward", "http://127.0.0.1:0/"}, 1, "has no valid port"},
		{[]string{"--forward", good, "--pattern", "{"}, 1, "--pattern: "},
		{[]string{"--forward", good, "--pattern", `{"source": "a"}`}, 1, "--pattern: "},
		{[]string{"--forward", good, "--pattern", "file:///none.json"}, 1, "/none.json"},
		{[]string{"--forward", good, "--bus", "absent"}, 1, "cannot be created on the bus absent: Event bus absent does not exist. (ResourceNotFoundException)"},
	} {
		code, _, errOut := runCLI(t, srv.url, append([]string{"listen"}, c.args...)...)
		if code != c.code || !strings.Contains(errOut, c.want) {
			t.Errorf("%q: %d %s\nwant %d %s", c.args, code, errOut, c.code, c.want)
		}
	}
	if left := temporaries(t, srv); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	code, _, errOut := runCLI(t, "http://127.0.0.1:1", "listen", "--forward", good)
	if code != 1 || !strings.Contains(errOut, "cannot be created: the endpoint does not respond") {
		t.Error(code, errOut)
	}
}

// With --aws the calls go where the AWS configuration says, here to a server.
func TestListenOnAWS(t *testing.T) {
	srv, _ := serveHere(t, sampleSchemas)
	t.Setenv("AWS_ENDPOINT_URL", srv.url)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, errs syncBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"listen", "--aws", "--forward", "http://127.0.0.1:1/"}, bytes.NewReader(nil), &out, &errs)
	}()
	await(t, "the temporary rule and queue", func() bool {
		select {
		case code := <-ended:
			t.Fatalf("exit code %d: %s", code, errs.String())
		default:
		}
		return strings.Contains(out.String(), "forwarding")
	})
	if names := temporaries(t, srv); len(names) != 2 {
		t.Error(names)
	}
	interrupt()
	if code := <-ended; code != 0 || errs.String() != "" {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	if left := temporaries(t, srv); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
