package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// serve rejects functions that cannot be run before it listens.
func TestFunctionFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flags []string
		code  int
		want  string
	}{
		{[]string{"--function", "ProcessOrder"}, 2, `"ProcessOrder" must have the form NAME=PROGRAM or NAME=URL, for example ProcessOrder=./bootstrap or ProcessOrder=http://127.0.0.1:9000/events`},
		{[]string{"--function", "ProcessOrder="}, 2, `"ProcessOrder=" must have the form NAME=PROGRAM`},
		{[]string{"--function", "=./x"}, 2, `the function name "" must have 1 to 64 letters, digits, - or _`},
		{[]string{"--function", "a b=./x"}, 2, `the function name "a b" must have 1 to 64 letters, digits, - or _`},
		{[]string{"--function", strings.Repeat("x", 65) + "=./x"}, 2, "must have 1 to 64 letters, digits, - or _"},
		{[]string{"--function", "eventrouter-local=./x"}, 2, "the function name eventrouter-local is that of a function of the router"},
		{[]string{"--function", "f=" + filepath.Join(dir, "none")}, 1, "--function: function f: the program " + filepath.Join(dir, "none") + " does not exist"},
		{[]string{"--function", "f=" + dir}, 1, "--function: function f: " + dir + " is a folder; give the program in it, such as " + filepath.Join(dir, "bootstrap")},
		{[]string{"--function", "f=" + plain}, 1, "--function: function f: the program " + plain + " is not executable; run: chmod +x " + plain},
		{[]string{"--function", "f=http://example.com/x"}, 1, `--function: function f: the URL "http://example.com/x" must name this machine: localhost or a loopback address; an example is http://127.0.0.1:9000/events`},
		{[]string{"--function", "f=https://127.0.0.1/x"}, 1, `the URL "https://127.0.0.1/x" must begin with http://`},
		{[]string{"--function", "f=http://127.0.0.1:1/", "--function", "f=http://127.0.0.1:2/"}, 1, "--function: there are two functions f"},
	} {
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"), "--schemas", sampleSchemas}, c.flags...)
		code, _, errOut := runCLI(t, "", args...)
		if code != c.code || !strings.Contains(errOut, c.want) {
			t.Errorf("%q: %d %s\nwant %d %s", c.flags, code, errOut, c.code, c.want)
		}
	}
}

// A program and a web server are functions like the router: they are listed, are
// targets of rules, have log groups and can be invoked.
func TestOwnFunctions(t *testing.T) {
	t.Parallel()
	require(t, "python3", "python3 is missing", "python3", "--version")
	events := make(chan string, 10)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events <- string(body)
		_, _ = io.WriteString(w, `{"ok": true}`)
	}))
	defer web.Close()
	srv, _ := serveWith(t, sampleSchemas, &awsFlags{Function: []ownFunction{
		{"ProcessOrder", "../../examples/function/python/bootstrap"}, {"Hook", web.URL + "/events"},
	}})
	ctx, l := t.Context(), srv.local
	if names := l.Functions.Names(); !slices.Contains(names, "ProcessOrder") || !slices.Contains(names, "Hook") {
		t.Fatal(names)
	}
	if _, err := l.EventBridge.PutRule(ctx, &eventbridge.PutRuleInput{Name: "orders", EventPattern: `{"source":["till"]}`}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: "orders", Targets: []delivery.Target{
		{Id: "1", Arn: "arn:aws:lambda:us-east-1:000000000000:function:ProcessOrder"}, {Id: "2", Arn: "arn:aws:lambda:us-east-1:000000000000:function:Hook"},
	}}); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := runCLI(t, srv.url, "put-events", "--no-wait", "--entries", `{"Source": "till", "DetailType": "paid", "Detail": "{\"total\": 7}"}`)
	if code != 0 {
		t.Fatal(code, out, errOut)
	}
	select {
	case event := <-events:
		if !strings.Contains(event, `"detail":{"total":7}`) {
			t.Error(event)
		}
	case <-time.After(30 * time.Second):
		t.Error("the web server got no event")
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		_, out, _ = runCLI(t, srv.url, "logs", "ProcessOrder")
		if strings.Contains(out, "order of 7, ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log of ProcessOrder is %q", out)
		}
		time.Sleep(20 * time.Millisecond)
	}
	answer, failed, err := l.Functions.Invoke(ctx, "ProcessOrder", "id", []byte(`{"detail": {"total": -1}}`))
	if err != nil || !failed || string(answer) != `{"errorMessage":"the total is negative","errorType":"ValueError"}` {
		t.Errorf("%s %v %v", answer, failed, err)
	}
}
