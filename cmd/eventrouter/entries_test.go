package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/blockforger/eventrouter/internal/names"
)

// entriesSession is what an operator types about entries (R34). B is a bus of
// the account's own that does not exist when the session begins. It uses a POSIX
// shell and coreutils alone.
const entriesSession = `
er() { "$EVENTROUTER" "$@"; }
column() { tail -n +2 | tr -s ' ' | cut -d ' ' -f "$1"; }
states() { er entries list "$@" | column 2 | sort | uniq -c | tr -s ' \n' ' '; }

echo "held: $(states --bus $B)"
er entries list --bus $B --output json | { n=0; while IFS= read -r line; do
	case $line in *'"error": "EventBusNotFound"'*) n=$((n + 1));; esac; done; echo $n; }

echo "default: $(states --bus $D)"
ID=$(er entries list --bus $D | column 1 | head -n 1)
echo "one: $(er entries retry --id $ID)"
echo "by bus: $(er entries retry --bus $D --state published)"
echo "by time, before any: $(er entries retry --until 2020-01-01T00:00:00Z)"
echo "by time: $(er entries retry --since 2020-01-01T00:00:00Z --state published)"
echo "by tenant, none: $(er entries retry --tenant petstore)"
echo "pending: $(states --state pending)"
er entries retry || echo "all: refused"
er entries drop --bus default || echo "no ARN: refused"
`

func TestEntriesSession(t *testing.T) {
	own := "arn:aws:events:" + names.LocalRegion + ":" + names.LocalAccount + ":event-bus/"
	schemas := t.TempDir()
	if err := os.CopyFS(schemas, os.DirFS(sampleSchemas)); err != nil {
		t.Fatal(err)
	}
	properties := "eventbridge-input=true\neventbridge-output=[{},{\"eventbridge_arn\":\"" + own + "orders\",\"source\":\"shop\"}]\n"
	if err := os.WriteFile(filepath.Join(schemas, "evented", "tenant.properties"), []byte(properties), 0o600); err != nil {
		t.Fatal(err)
	}
	srv, log := serveHere(t, schemas)
	key := makeKey(t, srv.url, "evented").Key
	send := func(id string) {
		t.Helper()
		results := make([]entryResult, 1)
		if err := putEntries(t.Context(), srv.url, []putEntry{inputEntry(key, "POST", `{"id":"`+id+`","numeric":1}`, "")}, results, once); err != nil || results[0].Error != "" {
			t.Fatal(err, results)
		}
	}
	counted := func(want string, args ...string) {
		t.Helper()
		eventually(t, want, func() bool {
			_, list, _ := runCLI(t, srv.url, append([]string{"entries", "list"}, args...)...)
			return strings.Count(list, "\n")-1 == len(strings.Fields(want))
		})
	}
	// The log names the missing bus, and already the first entry for it waits.
	eventually(t, "the log names the bus", func() bool {
		return strings.Contains(log.String(), `level=WARN msg="event bus does not exist; entries for it stay pending" bus=`+own+`orders`)
	})
	send("first")
	counted("first", "--state", "pending", "--bus", own+"orders")
	if code, out, errOut := runCLI(t, srv.url, "doctor", "--schemas", schemas); code == 0 ||
		!strings.Contains(out, own+"orders does not exist") || !strings.Contains(out, "aws events create-event-bus --name orders") {
		t.Error(code, out, errOut)
	}
	// So does the first entry of a tenant that was added since.
	if err := os.CopyFS(filepath.Join(schemas, "late"), os.DirFS(filepath.Join(sampleSchemas, "evented"))); err != nil {
		t.Fatal(err)
	}
	late := "eventbridge-input=true\neventbridge-output=[{\"eventbridge_arn\":\"" + own + "late\"}]\n"
	if err := os.WriteFile(filepath.Join(schemas, "late", "tenant.properties"), []byte(late), 0o600); err != nil {
		t.Fatal(err)
	}
	entry := inputEntry(makeKey(t, srv.url, "late").Key, "POST", `{"id":"late","numeric":1}`, "")
	entry.Detail = detail(strings.Replace(string(entry.Detail), `"tenant":"evented"`, `"tenant":"late"`, 1))
	results := make([]entryResult, 1)
	if err := putEntries(t.Context(), srv.url, []putEntry{entry}, results, once); err != nil || results[0].Error != "" {
		t.Fatal(err, results)
	}
	counted("late", "--state", "pending", "--bus", own+"late")
	if code, out, errOut := runCLI(t, srv.url, "entries", "drop", "--bus", own+"late"); code != 0 || !strings.Contains(out, "1 entries") {
		t.Error(code, out, errOut)
	}
	if err := os.RemoveAll(filepath.Join(schemas, "late")); err != nil {
		t.Fatal(err)
	}
	drained, err := srv.app.Relay.Run(t.Context(), 0)
	if err != nil || len(drained.MissingBuses) != 1 || drained.Pending != 1 {
		t.Fatalf("%+v, %v", drained, err)
	}
	send("held")
	send("held-too")
	counted("first held held-too", "--state", "published", "--bus", own+"default")
	counted("first held held-too", "--state", "pending", "--bus", own+"orders")

	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-eu", "-c", entriesSession)
	cmd.Env = append(os.Environ(), asCommand+"=1", "EVENTROUTER="+executable, "EVENTROUTER_ENDPOINT_URL="+srv.url, "B="+own+"orders", "D="+own+"default")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v:\n%s%s", err, stdout.String(), stderr.String())
	}
	want := `held:  3 pending 
3
default:  3 published 
one: retry: 1 entries
by bus: retry: 2 entries
by time, before any: retry: 0 entries
by time: retry: 0 entries
by tenant, none: retry: 0 entries
pending:  6 pending 
all: refused
no ARN: refused
`
	if stdout.String() != want {
		t.Errorf("the session printed\n%s\nwant\n%s\n%s", stdout.String(), want, stderr.String())
	}

	// The relay publishes only the retried entries again.
	if drained, err = srv.app.Relay.Run(t.Context(), 0); err != nil || drained.Published != 3 || drained.Pending != 3 {
		t.Errorf("%+v, %v", drained, err)
	}
	counted("first held held-too", "--state", "published")

	if code, out, errOut := runCLI(t, srv.url, "entries", "drop", "--id", idOf(t, srv.url, own+"orders")); code != 0 || !strings.Contains(out, "1 entries") {
		t.Error(out, errOut)
	}
	if _, out, _ := runCLI(t, srv.url, "entries", "drop", "--tenant", "evented", "--state", "published"); !strings.Contains(out, "0 entries") {
		t.Errorf("what is published was dropped: %s", out)
	}
	counted("dropped", "--state", "dropped", "--bus", own+"orders")
	counted("two left", "--state", "pending", "--since", time.Now().UTC().Add(-time.Hour).Format(time.RFC3339))

	// Once the bus exists, nothing is wrong with it.
	client := eventbridge.New(eventbridge.Options{BaseEndpoint: &srv.url, Region: names.LocalRegion, Credentials: localCredentials})
	if _, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String("orders")}); err != nil {
		t.Fatal(err)
	}
	if _, out, errOut := runCLI(t, srv.url, "doctor", "--schemas", schemas); !strings.Contains(out, "output buses   1 of this server, none missing") {
		t.Error(out, errOut)
	}
}

// idOf is the output id of the first entry for a bus.
func idOf(t *testing.T, endpoint, bus string) string {
	t.Helper()
	_, list, _ := runCLI(t, endpoint, "entries", "list", "--bus", bus)
	lines := strings.Split(list, "\n")
	if len(lines) < 2 {
		t.Fatal(list)
	}
	return strings.Fields(lines[1])[0]
}
