package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestNewTenant: what init and add-schema write is clean, passes its own test,
// and is not written over.
func TestNewTenant(t *testing.T) {
	dir := t.TempDir()
	code, out, errOut := runCLIWithInput(t, "", "orders\n\n", "tenant", "init", "acme", "--dir", dir)
	if code != 0 || strings.Count(errOut, "?") != 2 || strings.Count(out, "wrote ") != 3 {
		t.Fatalf("%d\n%s\n%s", code, out, errOut)
	}
	samples := `{"sku":"a1","size":1.5,"on":"2026-11-21","tags":["x"],"in":{"w":1}}
		{"sku":"b2","size":2,"on":"2026-11-22","tags":[],"in":{"w":2,"h":null}} [{"sku":"c3","size":null,"on":"2026-11-23","tags":["y","z"],"in":{"w":3}}]`
	samplesFile := filepath.Join(t.TempDir(), "samples.json")
	write(t, samplesFile, samples)
	code, out, errOut = runCLIWithInput(t, "", "", "tenant", "add-schema", filepath.Join(dir, "acme"), "items", "--from", samplesFile, "--key", "sku", "--closed")
	if code != 0 {
		t.Fatalf("%d\n%s\n%s", code, out, errOut)
	}
	made, err := os.ReadFile(filepath.Join(dir, "acme", "items.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"key": "sku"`, `"format": "date"`, `"number"`, `"null"`, `"required": [`, `"additionalProperties": false`} {
		if !strings.Contains(string(made), want) {
			t.Errorf("%s is missing in\n%s", want, made)
		}
	}
	at := -1
	for _, name := range []string{`"sku": {`, `"size": {`, `"on": {`, `"tags": {`, `"in": {`, `"w": {`} { // as in the samples
		if i := strings.Index(string(made), name); i < at {
			t.Errorf("%s is out of order in\n%s", name, made)
		} else {
			at = i
		}
	}
	if code, out, errOut = runCLIWithInput(t, "", "", "tenant", "lint", dir); code != 0 || !strings.Contains(out, "no problems found") {
		t.Errorf("lint: %d\n%s\n%s", code, out, errOut)
	}
	if code, out, errOut = runCLIWithInput(t, "", "", "tenant", "test", filepath.Join(dir, "acme")); code != 0 || !strings.Contains(out, "ok ") {
		t.Errorf("test: %d\n%s\n%s", code, out, errOut)
	}
	for _, again := range [][]string{
		{"tenant", "init", "acme", "--dir", dir, "--schema", "x", "--input", "yes"},
		{"tenant", "add-schema", filepath.Join(dir, "acme"), "items", "--from", samplesFile, "--key", "sku"},
	} {
		if code, _, errOut := runCLIWithInput(t, "", "", again...); code != 1 || !strings.Contains(errOut, "already exists") {
			t.Errorf("%v: %d %s", again, code, errOut)
		}
	}
}

func TestBadTenantCommands(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "acme", "tenant.properties"), "eventbridge-input=true\n")
	for name, c := range map[string]struct {
		in   string
		args []string
		want string
	}{
		"a bad tenant id":    {"", []string{"init", "../x", "--dir", dir}, "tenant id"},
		"a bad schema id":    {"a b\n", []string{"init", "x", "--dir", dir}, "schema id"},
		"a bad answer":       {"a\nmaybe\n", []string{"init", "x", "--dir", dir}, "yes or no"},
		"no tenant":          {"{}", []string{"add-schema", dir, "x", "--from", "-"}, "no tenant.properties"},
		"no samples":         {"", []string{"add-schema", filepath.Join(dir, "acme"), "x", "--from", "-"}, "no samples"},
		"no JSON":            {"{", []string{"add-schema", filepath.Join(dir, "acme"), "x", "--from", "-"}, "is not JSON"},
		"no object":          {"[1]", []string{"add-schema", filepath.Join(dir, "acme"), "x", "--from", "-"}, "sample 1 is not an object"},
		"an unusable key":    {`{"id":true}`, []string{"add-schema", filepath.Join(dir, "acme"), "x", "--from", "-"}, "--key"},
		"a key of two kinds": {`{"id":1.5}{"id":1}`, []string{"add-schema", filepath.Join(dir, "acme"), "x", "--from", "-"}, "--key"},
		"no tests":           {"", []string{"test", dir}, "tests/*.json"},
		"no folder":          {"", []string{"test", filepath.Join(dir, "none")}, "does not exist"},
	} {
		code, out, errOut := runCLIWithInput(t, "", c.in, append([]string{"tenant"}, c.args...)...)
		if code != 1 || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: %d %s %s, want %q", name, code, out, errOut, c.want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "acme", "*.json")); len(left) > 0 || err != nil {
		t.Errorf("something was written: %v %v", left, err)
	}
}

func TestSampleTenantsPassTheirTests(t *testing.T) {
	code, out, errOut := runCLIWithInput(t, "", "", "tenant", "test", sampleSchemas)
	if code != 0 || strings.Count(out, "ok ") != 2 {
		t.Errorf("%d\n%s\n%s", code, out, errOut)
	}
}

// TestTenantTestFails: every kind of expectation can fail, and says how.
func TestTenantTestFails(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "acme", "tenant.properties"), "eventbridge-input=true\neventbridge-output=[{}]\n")
	write(t, filepath.Join(dir, "acme", "pet.json"), `{"properties":{"id":{"type":"string"}},"required":["name"]}`)
	event := `{"detail-type":"pet.POST","detail":{"rootSchema":"pet","payload":{"id":"rex","name":"Rex"}}}`
	for expect, want := range map[string]string{
		`{"status":200}`:                         "status is 201, expected 200",
		`{"tokens":0}`:                           "10 tokens are billed, expected 0",
		`{"errors":["/name"]}`:                   `errors are at [], expected at ["/name"]`,
		`{"record":{"id":"rex"}}`:                `the record is {"id":"rex","name":"Rex"}, expected {"id":"rex"}`,
		`{"record":null}`:                        `the record is {"id":"rex","name":"Rex"}, expected null`,
		`{"outputs":[]}`:                         `1 events are published (["pet.POST"]), expected 0`,
		`{"outputs":[{"source":"x"}]}`:           `output 1: source is "blockforger-output", expected "x"`,
		`{"outputs":[{"bus":"x"}]}`:              `output 1: bus is "arn:aws:events:us-east-1:000000000000:event-bus/default", expected "x"`,
		`{"outputs":[{"payload":{"id":"rex"}}]}`: `output 1: payload is {"id":"rex","name":"Rex"}, expected {"id":"rex"}`,
		`{"outputs":[{"detail":{}}]}`:            `output 1: detail is {"tenant":"acme"`,
	} {
		write(t, filepath.Join(dir, "acme", "tests", "t.json"), `{"steps":[{"event":`+event+`,"expect":`+expect+`}]}`)
		code, out, errOut := runCLIWithInput(t, "", "", "tenant", "test", dir)
		if code != 1 || !strings.Contains(out, "FAIL") || !strings.Contains(out, "step 1: "+want) || errOut != "" {
			t.Errorf("%s: %d\n%s\n%s", expect, code, out, errOut)
		}
	}
	for text, want := range map[string]string{
		`{`:                                    "is not a test",
		`{"steps":[]}`:                         "has no steps",
		`{"step":[]}`:                          "is not a test",
		`{"steps":[{"event":{"time":7}}]}`:     "step 1: event",
		`{"steps":[{"event":{},"expct":{}}]}`:  "is not a test",
		`{"steps":[{"event":{},"expect":[]}]}`: "is not a test",
	} {
		write(t, filepath.Join(dir, "acme", "tests", "t.json"), text)
		if code, out, errOut := runCLIWithInput(t, "", "", "tenant", "test", dir); code != 1 || !strings.Contains(errOut, want) {
			t.Errorf("%s: %d %s %s", text, code, out, errOut)
		}
	}
	write(t, filepath.Join(dir, "acme", "tests", "t.json"), `{"steps":[{"event":`+event+`,"expect":{}}]}`)
	write(t, filepath.Join(dir, "acme", "tenant.properties"), "eventbridge-output=[")
	if code, _, errOut := runCLIWithInput(t, "", "", "tenant", "test", dir); code != 1 || !strings.Contains(errOut, "tenant.properties:1:") {
		t.Errorf("a malformed tenant: %d %s", code, errOut)
	}
}

func TestLintWithAllowList(t *testing.T) {
	dir := t.TempDir()
	const far = "arn:aws:events:eu-west-1:123456789012:event-bus/far"
	write(t, filepath.Join(dir, "acme", "tenant.properties"), `eventbridge-output=[{"eventbridge_arn":"`+far+`"}]`)
	own := []string{"tenant", "lint", dir, "--default-bus", "arn:aws:events:us-east-1:111122223333:event-bus/default"}
	if code, out, _ := runCLIWithInput(t, "", "", own...); code != 1 || !strings.Contains(out, "switched off") {
		t.Errorf("%d %s", code, out)
	}
	if code, out, errOut := runCLIWithInput(t, "", "", append(own, "--output-buses", `["`+far+`"]`)...); code != 0 {
		t.Errorf("%d %s %s", code, out, errOut)
	}
	if code, _, errOut := runCLIWithInput(t, "", "", append(own, "--output-buses", `[`)...); code != 1 || !strings.Contains(errOut, "--output-buses") {
		t.Errorf("%d %s", code, errOut)
	}
}

func TestLintFormats(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "acme", "tenant.properties"), "eventbridge-inptu=true\n")
	write(t, filepath.Join(dir, "acme", "pet,100%.json"), "{}")
	write(t, filepath.Join(dir, "acme", "dog.json"), `{"properties":{"a":{"minLenght":1}}}`)
	dog, properties := filepath.Join(dir, "acme", "dog.json"), filepath.Join(dir, "acme", "tenant.properties")
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{nil, 1, []string{dog + `:1:21: warning: unknown keyword "minLenght" (did you mean "minLength"?): it has no effect`,
			properties + `:1:1: warning: unknown property "eventbridge-inptu" (did you mean "eventbridge-input"?)`}},
		{[]string{"--strict"}, 1, []string{properties + `:1:1: error: unknown property "eventbridge-inptu" (did you mean "eventbridge-input"?)`}},
		{[]string{"--format", "github"}, 1, []string{
			"::warning file=" + dog + `,line=1,col=21::unknown keyword "minLenght" (did you mean "minLength"?): it has no effect`,
			"::error file=" + filepath.Join(dir, "acme", "pet%2C100%25.json") + `,line=1,col=1::schema id "pet,100%25" has ',' at byte 3`}},
	} {
		code, out, errOut := runCLI(t, "", append([]string{"tenant", "lint", dir}, c.args...)...)
		if code != c.code {
			t.Errorf("lint %q: exit code %d, %s%s", c.args, code, out, errOut)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("lint %q does not print\n%s\nbut\n%s", c.args, want, out)
			}
		}
	}
	// With warnings alone the exit code is 0, except with --strict.
	if err := os.Remove(filepath.Join(dir, "acme", "pet,100%.json")); err != nil {
		t.Fatal(err)
	}
	for code, flags := range [][]string{nil, {"--strict"}} {
		if got, out, errOut := runCLI(t, "", append([]string{"tenant", "lint", dir}, flags...)...); got != code {
			t.Errorf("lint %q: exit code %d, want %d\n%s%s", flags, got, code, out, errOut)
		}
	}
}
