package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReload: a saved file is in force within a second, and the server says so, or
// what is wrong with it.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := tenantFolder(t, "eventbridge-output=[{}]\n")
	var out syncBuffer
	side := (&awsFlags{}).options(quiet())
	side.print = func(line string) { _, _ = out.Write([]byte(line + "\n")) }
	srv, err := openServer("127.0.0.1:0", t.TempDir(), dir, side)
	if err != nil {
		t.Fatal(err)
	}
	runServer(t, srv)
	key := makeKey(t, srv.url, "acme").Key
	send := func(payload string) string {
		_, out, errOut := runCLI(t, srv.url, "put-events", "--force", "--entries", entryText(key, "POST", payload))
		return out + errOut
	}
	schema, properties := filepath.Join(dir, "acme", "products.json"), filepath.Join(dir, "acme", "tenant.properties")
	if got := send(`{"id":"1","price":"high"}`); !strings.HasPrefix(got, "rejected 400  /price: must be a number, not a string") {
		t.Fatal(got)
	}
	// The watch begins when the server runs; until then nothing is reported.
	for i := 0; !strings.Contains(out.String(), "reloaded acme: 1 schema, 1 rule\n"); i++ {
		if i > 600 {
			t.Fatalf("no report: %s", out.String())
		}
		writeFile(t, properties, "eventbridge-input=true\n"+strings.Repeat("#", i)+"\neventbridge-output=[{}]\n")
		time.Sleep(100 * time.Millisecond)
	}

	fastest := time.Hour
	for i, price := range []string{"string", "number", "string", "number", "string"} { // the machine may be busy for a moment
		writeFile(t, schema, `{"type":"object","properties":{"id":{"type":"string"},"price":{"type":"`+price+`"}},"required":["price"]}`)
		saved := time.Now()
		payload := `{"id":"` + string(rune('a'+i)) + `","price":` + map[string]string{"string": `"high"`, "number": `1`}[price] + `}`
		eventually(t, "the new schema is in force", func() bool { return strings.HasPrefix(send(payload), "created ") })
		fastest = min(fastest, time.Since(saved))
	}
	if fastest > time.Second {
		t.Errorf("a change was in force after %v", fastest)
	}

	writeFile(t, schema, "{\n  \"type\": \"object\",\n  \"required\": \"price\"\n}\n")
	where := relativePath(schema) + ":3:3: error: "
	eventually(t, "the diagnostic", func() bool { return strings.Contains(out.String(), where) })
	before := strings.Count(out.String(), "reloaded acme")
	if got := send(`{"id":"z","price":"still"}`); !strings.HasPrefix(got, "created ") || !strings.Contains(out.String(), "; the last good version stays active") {
		t.Errorf("with a broken file: %s\n%s", got, out.String())
	}
	writeFile(t, schema, `{"type":"object"}`)
	writeFile(t, filepath.Join(dir, "acme", "orders.json"), `{"type":"object"}`)
	writeFile(t, properties, "eventbridge-input=true\neventbridge-output=[{},{\"source\":\"acme.shop\"}]\n")
	eventually(t, "both files are reported", func() bool { return strings.Contains(out.String(), "reloaded acme: 2 schemas, 2 rules\n") })
	if n := strings.Count(out.String(), where); n != 1 || before == 0 {
		t.Errorf("the diagnostic was printed %d times:\n%s", n, out.String())
	}
	eventually(t, "the test function gets the new source", func() bool {
		_, rules, _ := runCLI(t, srv.url, "put-events", "--dry-run", "--entries", `{"Source":"acme.shop","DetailType":"x","Detail":{}}`)
		return strings.Contains(rules, "matches eventrouter-test-local -> "+testFunction)
	})

	writeFile(t, filepath.Join(dir, "rival", "tenant.properties"), "eventbridge-input=true\n")
	eventually(t, "a new tenant", func() bool { return strings.Contains(out.String(), "reloaded rival: 0 schemas, 0 rules\n") })
	if err := os.RemoveAll(filepath.Join(dir, "rival")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a removed tenant", func() bool {
		return strings.Contains(out.String(), "removed rival: there is no rival/tenant.properties any more\n")
	})
}

// TestTenantTestWatch: a saved test or schema is tested at once.
func TestTenantTestWatch(t *testing.T) {
	t.Parallel()
	dir := tenantFolder(t, "")
	test := filepath.Join(dir, "acme", "tests", "one.json")
	const steps = `{"steps":[{"event":{"detail-type":"products.POST","detail":{"rootSchema":"products","payload":{"id":"1","price":PRICE}}},"expect":{"status":201}}]}`
	writeFile(t, test, strings.Replace(steps, "PRICE", "1", 1))
	ctx, stop := context.WithCancel(t.Context())
	var out syncBuffer
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"tenant", "test", dir, "--watch"}, strings.NewReader(""), &out, &out)
	}()
	shows := func(what string) {
		t.Helper()
		eventually(t, what, func() bool { return strings.Contains(out.String(), what) })
	}
	shows("ok   " + test)
	shows("waiting for changes in ")
	for i := 0; !strings.Contains(out.String(), "FAIL "+test); i++ { // the watch begins a moment later
		if i > 600 {
			t.Fatalf("no report:\n%s", out.String())
		}
		writeFile(t, test, strings.Replace(steps, "PRICE", `"high`+strings.Repeat("!", i)+`"`, 1))
		time.Sleep(100 * time.Millisecond)
	}
	shows("/price")
	writeFile(t, test, "{")
	shows("one.json")
	stop()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
