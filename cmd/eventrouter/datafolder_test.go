package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
)

// tenantFolder writes the files of a tenant acme with a schema products.
func tenantFolder(t *testing.T, properties string) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "acme", "tenant.properties"), "eventbridge-input=true\n"+properties)
	writeFile(t, filepath.Join(dir, "acme", "products.json"), `{"type":"object","properties":{"id":{"type":"string"},"price":{"type":"number"}},"required":["price"]}`)
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const accountRules = `eventbridge-output=[{"eventbridge_arn":"arn:aws:events:us-east-1:720291373173:event-bus/default"},` +
	`{"eventbridge_arn":"arn:aws:events:us-east-1:720291373173:event-bus/default","source":"acme.shop","detail_type":"sale"}]` + "\n"

// TestAccountOfTheRules: a configuration for an account works as it is, also a rule
// with a source of its own.
func TestAccountOfTheRules(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, tenantFolder(t, accountRules))
	if srv.place != (place{"720291373173", "us-east-1"}) || !strings.HasPrefix(srv.notice, "account 720291373173 and region us-east-1 are those that all rules of the tenants name") {
		t.Fatalf("%+v %q", srv.place, srv.notice)
	}
	code, out, errOut := runCLI(t, srv.url, "put-events", "--entries", entryText(makeKey(t, srv.url, "acme").Key, "POST", `{"id":"7","price":9}`))
	if code != 0 || !strings.HasPrefix(out, "created acme/products/7 · 10 tokens · published to default  event ") {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	var logged string
	eventually(t, "both output events reach the test function", func() bool {
		_, logged, _ = runCLI(t, srv.url, "logs", testFunction)
		return strings.Contains(logged, `"detail-type":"products.POST","source":"blockforger-output","account":"720291373173"`) &&
			strings.Contains(logged, `"detail-type":"sale","source":"acme.shop","account":"720291373173"`)
	})
}

func TestPlaceIsFixed(t *testing.T) {
	t.Parallel()
	data, schemas := t.TempDir(), tenantFolder(t, accountRules)
	open := func(flags awsFlags) (place, error) {
		srv, err := openServer("127.0.0.1:0", data, schemas, flags.options(slog.New(slog.DiscardHandler)))
		if err != nil {
			return place{}, err
		}
		_ = srv.listener.Close()
		return srv.place, srv.close()
	}
	want := place{"111122223333", "eu-west-1"}
	for _, flags := range []awsFlags{{Account: "111122223333", Region: "eu-west-1"}, {}, {Account: "111122223333"}} {
		if got, err := open(flags); err != nil || got != want {
			t.Fatalf("%+v: %+v %v", flags, got, err)
		}
	}
	for _, c := range []struct {
		flags awsFlags
		want  string
	}{
		{awsFlags{Account: "720291373173"}, "--account 720291373173: the data folder " + data + " has 111122223333; use another folder with --data, or leave the flag out"},
		{awsFlags{Region: "us-east-1"}, "--region us-east-1: the data folder " + data + " has eu-west-1; use another folder"},
	} {
		if _, err := open(c.flags); !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.MessageOf(err), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	writeFile(t, filepath.Join(data, placeFile), `{"account":"1"}`)
	if _, err := open(awsFlags{}); err == nil || !strings.Contains(err.Error(), "damaged: "+filepath.Join(data, placeFile)+": it must hold ") {
		t.Error(err)
	}
	// A folder of an older version has no such file.
	if err := os.Remove(filepath.Join(data, placeFile)); err != nil {
		t.Fatal(err)
	}
	if got, err := open(awsFlags{}); err != nil || got != localPlace {
		t.Errorf("%+v %v", got, err)
	}
}

func TestPlaceFlags(t *testing.T) {
	for _, c := range []struct{ flag, value, want string }{
		{"--account", "720", `--account: "720" is not an account; it has 12 digits, for example 000000000000`},
		{"--account", "72029137317x", `--account: "72029137317x" is not an account`},
		{"--region", "Frankfurt", `--region: "Frankfurt" is not a region, for example us-east-1`},
	} {
		if code, _, errOut := runCLI(t, "", "serve", c.flag, c.value, "--data", t.TempDir()); code != 2 || !strings.Contains(errOut, c.want) {
			t.Errorf("%s %s: %d %s", c.flag, c.value, code, errOut)
		}
		t.Run(c.flag, func(t *testing.T) {
			t.Setenv("EVENTROUTER_"+strings.ToUpper(c.flag[2:]), c.value)
			if code, _, errOut := runCLI(t, "", "serve", "--data", t.TempDir()); code != 2 || !strings.Contains(errOut, c.want) {
				t.Errorf("from the environment: %d %s", code, errOut)
			}
		})
	}
}

// TestForeignBusesAreReported by the server, lint, doctor, put-events and trace.
func TestForeignBusesAreReported(t *testing.T) {
	t.Parallel()
	const foreign = "arn:aws:events:eu-west-1:720291373173:event-bus/default"
	schemas := tenantFolder(t, `eventbridge-output=[{},{"eventbridge_arn":"arn:aws:events:us-east-1:000000000000:event-bus/default"},{"eventbridge_arn":"`+foreign+`"}]`+"\n")
	srv, log := serveHere(t, schemas)
	if srv.place != localPlace {
		t.Fatalf("%+v", srv.place)
	}
	why := "bus " + foreign + " is not served: this server has account 000000000000 and region us-east-1. "
	code, out, _ := runCLI(t, "", "tenant", "lint", schemas)
	if code != 0 || strings.Count(out, why) != 1 || !strings.Contains(out, "tenant.properties:2:") || !strings.Contains(out, "--account 720291373173 --region eu-west-1 and another --data folder") {
		t.Errorf("lint: %d %s", code, out)
	}
	if _, out, _ = runCLI(t, "", "tenant", "lint", schemas, "--account", "720291373173", "--region", "eu-west-1"); strings.Contains(out, foreign) || !strings.Contains(out, "has account 720291373173 and region eu-west-1. ") {
		t.Errorf("lint of another server: %s", out)
	}
	if code, out, _ = runCLI(t, srv.url, "doctor", "--schemas", schemas); code != 1 || !strings.Contains(out, "event bus "+foreign+" is not served: the server has account 000000000000 and region us-east-1") {
		t.Errorf("doctor: %d %s", code, out)
	}
	_, out, _ = runCLI(t, srv.url, "put-events", "--entries", entryText(makeKey(t, srv.url, "acme").Key, "POST", `{"id":"7","price":9}`))
	if !strings.Contains(out, " · published to default, "+foreign+", a bus that is not served here  event ") {
		t.Errorf("put-events: %s", out)
	}
	_, out, _ = runCLI(t, srv.url, "events", "trace", strings.TrimSpace(out[strings.LastIndex(out, "  event ")+8:]))
	if !strings.Contains(out, "output     products.POST to "+foreign+", a bus that is not served here, published") {
		t.Errorf("trace: %s", out)
	}
	if !strings.Contains(log.String(), "is not served") {
		t.Errorf("the server's log: %s", log.String())
	}
	if here, err := serverPlace(context.Background(), srv.url); err != nil || here != localPlace {
		t.Errorf("%+v %v", here, err)
	}
}
