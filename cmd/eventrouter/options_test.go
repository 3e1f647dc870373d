package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/delivery"
)

func TestServeFlags(t *testing.T) {
	t.Parallel()
	parse := func(args ...string) (c serveCommand, err error) {
		parser, err := kong.New(&c)
		if err == nil {
			_, err = parser.Parse(args)
		}
		return c, err
	}
	c, err := parse("--chaos", "duplicates=1%,delay=50ms,fail=0.5%", "--http-targets", "127.0.0.1:80,[::1]:8080", "--enforce-permissions", "--max-data-bytes", "2MiB")
	if err != nil {
		t.Fatal(err)
	}
	o := c.options(nil)
	if o.Chaos != (delivery.Chaos{Duplicates: 0.01, Delay: 50 * time.Millisecond, Fail: 0.005}) || len(o.HTTPTargets) != 2 ||
		!o.EnforcePermissions || o.MaxDataBytes != 2<<20 {
		t.Errorf("%+v", o)
	}
	for _, good := range []string{"--chaos=duplicates=1", "--chaos=fail=0.25,delay=0s", "--max-data-bytes=1", "--max-data-bytes=3GiB"} {
		if _, err := parse(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"--chaos=", "--chaos=duplicates", "--chaos=fail=2", "--chaos=fail=101%", "--chaos=fail=-1%", "--chaos=fail=NaN", "--chaos=delay=5",
		"--chaos=delay=-1s", "--chaos=loss=1%", "--http-targets=127.0.0.1", "--http-targets=host:", "--max-data-bytes=0", "--max-data-bytes=-1",
		"--max-data-bytes=many", "--max-data-bytes=1TiB"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	var out, errOut bytes.Buffer
	if code := run(t.Context(), []string{"serve", "--chaos", "loss=1%"}, strings.NewReader(""), &out, &errOut); code != 2 ||
		!strings.Contains(errOut.String(), `unknown chaos "loss"; known are duplicates, delay and fail`) {
		t.Errorf("%d %s", code, errOut.String())
	}
}

// TestServeUnderChaos: every delivery twice, some of them late or after failures,
// permissions enforced: and yet one effect, one bill and one output event.
func TestServeUnderChaos(t *testing.T) {
	t.Parallel()
	srv, _ := serveWith(t, sampleSchemas, &awsFlags{EnforcePermissions: true,
		Chaos: chaosFlag{Duplicates: 1, Fail: 0.1, Delay: 20 * time.Millisecond}})
	key := makeKey(t, srv.url, "evented").Key
	var entries []putEntry
	for range 10 {
		entries = append(entries, inputEntry(key, "POST", `{"numeric":1}`, ""))
	}
	var trace string
	for _, id := range send(t, srv, entries...) {
		eventually(t, "both deliveries have come", func() bool {
			_, trace, _ = runCLI(t, srv.url, "events", "trace", id)
			return strings.Count(trace, "logged     eventrouter-local") == 2 && strings.Contains(trace, "logged     eventbridge-test-local")
		})
		if strings.Count(trace, "\n  effect     POST ") != 1 || strings.Count(trace, "bill       10 tokens") != 1 || strings.Count(trace, "\n  output     ") != 1 ||
			strings.Count(trace, "event "+id) != 1 || strings.Count(trace, "blockforger-output\n") != 1 {
			t.Errorf("the trace:\n%s", trace)
		}
	}
	usage, err := srv.admin.Usage(t.Context(), "evented", time.Now().UTC().Format("2006-01"))
	if err != nil || usage.Tokens != 100 {
		t.Errorf("%+v, %v", usage, err)
	}
}

// TestServeTemplate: what would be deployed is what runs.
func TestServeTemplate(t *testing.T) {
	t.Parallel()
	srv, _ := serveWith(t, sampleSchemas, &awsFlags{EnforcePermissions: true, Template: "../../infra/testdata/golden/EventRouter-dev.template.json"})
	id := send(t, srv, inputEntry(makeKey(t, srv.url, "evented").Key, "POST", `{"numeric":1}`, ""))[0]
	eventually(t, "the event's whole way", func() bool {
		_, trace, _ := runCLI(t, srv.url, "events", "trace", id)
		return strings.Contains(trace, "delivered  to eventrouter-dev by eventrouter-input-dev") && strings.Count(trace, "effect     POST ") == 1 &&
			strings.Contains(trace, "delivered  to eventbridge-test-dev by eventrouter-test-dev")
	})

	for _, bad := range []string{"nowhere.json", "serve.go"} {
		_, err := openServer("127.0.0.1:0", t.TempDir(), sampleSchemas, (&awsFlags{Template: bad}).options(slog.New(slog.DiscardHandler)))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "--template "+bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
