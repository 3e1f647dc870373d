package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

// TestTenantDevelopersDay is what the developer of a new tenant does in a day, as a script
// of the shell: create the tenant, add a schema, send an event that is rejected and read
// which field was wrong, correct it, connect an own function, replay, and check.
func TestTenantDevelopersDay(t *testing.T) {
	t.Parallel()
	require(t, "bash", "bash is missing: apt-get install bash", "bash", "--version")
	dir := binFolder(t)
	var environment []string
	script := func(text string, want ...string) string {
		t.Helper()
		cmd := inShell(t, "bash", text)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), asCommand+"=1", "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH")), environment...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s\n%s", err, text, out)
		}
		rest := string(out)
		for _, w := range want {
			_, after, found := strings.Cut(rest, w)
			if !found {
				t.Fatalf("the output of\n%s\ndoes not have %q, or not in its place:\n%s", text, w, out)
			}
			rest = after
		}
		return string(out)
	}

	// A new tenant, with a schema that is derived from samples. A misspelled keyword is found.
	script(`
		eventrouter tenant init acme --schema products --input yes
		echo '{"id":"1","total":9.5,"on":"2026-11-21"} {"id":"2","total":3,"on":"2026-11-22"}' > samples.jsonl
		eventrouter tenant add-schema schemas/acme orders --from samples.jsonl --closed
		eventrouter tenant lint
		eventrouter tenant test
		sed 's/minLength/minLenght/' schemas/acme/products.json > typo.json
		cp schemas/acme/products.json right.json
		cp typo.json schemas/acme/products.json
		eventrouter tenant lint --strict && exit 9
		cp right.json schemas/acme/products.json
		eventrouter tenant lint --strict
	`, "wrote", "accepts all 2 samples", "no problems found", "ok ", `error: unknown keyword "minLenght" (did you mean "minLength"?)`, "no problems found")

	// The server, with an own function that is a web server, and an archive.
	var calls atomic.Int32
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(body), `"detail-type":"orders.POST"`) {
			t.Errorf("the function gets %s, %v", body, err)
		}
		calls.Add(1)
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(own.Close)
	srv, _ := serveWith(t, filepath.Join(dir, "schemas"), &awsFlags{Function: []ownFunction{{"ProcessOrder", own.URL}}})
	client := newEventBridge(srv.url)
	bus := "arn:aws:events:us-east-1:000000000000:event-bus/default"
	pattern := aws.String(`{"source":["blockforger-output"],"detail-type":["orders.POST"]}`)
	if _, err := client.CreateArchive(t.Context(), &eventbridge.CreateArchiveInput{ArchiveName: aws.String("orders"), EventSourceArn: &bus, EventPattern: pattern}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("orders"), EventPattern: pattern}); err != nil {
		t.Fatal(err)
	}
	out, err := client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("orders"), Targets: []types.Target{{
		Id: aws.String("own"), Arn: aws.String("arn:aws:lambda:us-east-1:000000000000:function:ProcessOrder")}}})
	if err != nil || out.FailedEntryCount > 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	environment = append(environment, "EVENTROUTER_ENDPOINT_URL="+srv.url)

	// A rejected event names the field; the corrected one has its effect, and becomes a test.
	script(`
		export EVENTROUTER_KEY=$(eventrouter keys create --tenant acme --quiet)
		eventrouter trigger acme/orders.POST --set id=7 --set total=much --force && exit 9
		eventrouter trigger acme/orders.POST --set id=7 --set total=9 --set on=2026-11-24 --save schemas/acme/tests/order.json
		eventrouter records get --tenant acme --schema orders 7
		eventrouter usage --tenant acme
		eventrouter tenant test
	`, "rejected 400  /total: must be a number, not a string", "created acme/orders/7 · 10 tokens · published to default", `"total": 9`, "orders", "ok ")
	eventually(t, "the own function gets the order", func() bool { return calls.Load() == 1 })

	// A change of the schema takes effect while the server runs.
	environment = append(environment, "EVENTROUTER_KEY="+strings.TrimSpace(script("eventrouter keys create --tenant acme --quiet")))
	rewrite(t, filepath.Join(dir, "schemas"), "acme/orders.json", `{"type":"object","additionalProperties":false,
		"properties":{"id":{"type":"string"},"total":{"type":"number","maximum":100},"on":{"type":"string"}},"required":["total"]}`)
	eventually(t, "the new schema is active", func() bool {
		out := script(`eventrouter trigger acme/orders.POST --set id=8 --set total=500 --force 2>&1 || true`)
		return strings.Contains(out, "rejected 400  /total: ")
	})

	// Output events are forwarded to a server under development.
	var forwarded atomic.Int32
	developed := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(body), `"orders.POST"`) {
			t.Errorf("forwarded: %s, %v", body, err)
		}
		forwarded.Add(1)
	}))
	t.Cleanup(developed.Close)
	listening, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan int, 1)
	var heard syncBuffer
	go func() {
		ended <- run(listening, []string{"listen", "--endpoint-url", srv.url, "--forward", developed.URL}, strings.NewReader(""), &heard, &heard)
	}()
	eventually(t, "listen is ready", func() bool { return len(temporaries(t, srv)) > 0 })
	script(`eventrouter trigger acme/orders.POST --set id=9 --set total=5`, "created acme/orders/9")
	eventually(t, "the order is forwarded", func() bool { return forwarded.Load() == 1 && strings.Contains(heard.String(), "200") })
	interrupt()
	if code := <-ended; code != 0 || len(temporaries(t, srv)) != 0 {
		t.Errorf("listen ended with %d and left %v:\n%s", code, temporaries(t, srv), heard.String())
	}
	before := calls.Load()

	// A replay reaches the own function again; the doctor finds nothing.
	script(`
		eventrouter replay --archive orders --since 1h --rule orders
		eventrouter dead-letters list
		eventrouter doctor --schemas schemas
	`, "completed")
	eventually(t, "the own function gets the replayed orders", func() bool { return calls.Load() >= before+2 })

	// The endpoint is also found in AWS's own variable.
	environment = []string{"AWS_ENDPOINT_URL=" + srv.url}
	script(`eventrouter records get --tenant acme --schema orders 9`, `"total": 5`)
	if _, err := exec.LookPath("zsh"); err == nil { // the names of commands can be completed
		script("eventrouter completion zsh | zsh -f -n")
	}
}
