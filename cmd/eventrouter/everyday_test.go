package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEverydayWork types what doc/local.md prints, with the real AWS CLI, and
// looks for what the page says is answered.
func TestEverydayWork(t *testing.T) {
	t.Parallel()
	testEverydayWork(t, "bash")
}

// TestEverydayWorkInZsh runs the same in zsh. It is as slow, so it runs only where
// everything is required.
func TestEverydayWorkInZsh(t *testing.T) {
	if os.Getenv("AWSTEST_REQUIRE") == "" {
		t.Skip("AWSTEST_REQUIRE is not set")
	}
	t.Parallel()
	require(t, "zsh", "zsh is missing: apt-get install zsh", "zsh", "--version")
	testEverydayWork(t, "zsh")
}

func testEverydayWork(t *testing.T, shell string) {
	t.Helper()
	require(t, "aws", "the AWS CLI is missing: pip install awscli==1.45.11", "aws", "--version")
	text, err := os.ReadFile("../../doc/local.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := readmeBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 7 {
		t.Fatalf("doc/local.md has only %d blocks to test", len(blocks))
	}
	srv, _ := serveWith(t, sampleSchemas, &awsFlags{AllowCreateFunction: true, HTTPTargets: []string{"127.0.0.1:8080"}})
	key := makeKey(t, srv.url, "evented").Key
	setup := strings.ReplaceAll(blocks[0][2], "http://127.0.0.1:4010", srv.url)
	for _, block := range blocks[1:] {
		t.Run(block[1], func(t *testing.T) {
			t.Parallel()
			cmd := inShell(t, shell, setup+block[2])
			cmd.Dir = binFolder(t)
			cmd.Env = append(os.Environ(), asCommand+"=1", "EVENTROUTER_ENDPOINT_URL="+srv.url, "EVENTROUTER_KEY="+key,
				"AWS_PAGER=", "AWS_MAX_ATTEMPTS=1", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			rest := string(out)
			for _, want := range answered.FindAllStringSubmatch(block[2], -1) {
				_, after, found := strings.Cut(rest, want[1])
				if !found {
					t.Fatalf("%q is not answered, or not in its place:\n%s", want[1], out)
				}
				rest = after
			}
		})
	}
}

// answered is the output of the command before it, as the page shows it.
var answered = regexp.MustCompile(`(?m)^# => (.*)$`)

// TestEverydayWorkWithBoto does the same with boto3.
func TestEverydayWorkWithBoto(t *testing.T) {
	t.Parallel()
	require(t, "boto3", "boto3 is missing: pip install boto3==1.43.11", "python3", "-c", "import boto3")
	srv, _ := serveHere(t, sampleSchemas)
	if out, err := exec.CommandContext(t.Context(), "python3", "testdata/everyday.py", srv.url).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// require skips a test where a program is missing; with AWSTEST_REQUIRE it fails.
func require(t *testing.T, what, missing string, command ...string) {
	t.Helper()
	if exec.Command(command[0], command[1:]...).Run() == nil {
		return
	}
	if os.Getenv("AWSTEST_REQUIRE") != "" {
		t.Fatal(missing)
	}
	t.Skip(what + " is not there: " + missing)
}

// binFolder is a folder with the test binary as bin/eventrouter.
func binFolder(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "bin", "eventrouter")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestFirstStart: `serve` with a new data folder makes a key for a tenant that was
// loaded, and the commands that it suggests work. A tenant that was given and does not
// exist is an error.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	schemas := t.TempDir()
	write(t, filepath.Join(schemas, "acme", "tenant.properties"), "eventbridge-input=true\n")
	write(t, filepath.Join(schemas, "aaa", "tenant.properties"), "eventbridge-input=false\n")
	write(t, filepath.Join(schemas, "aaa", "pet.json"), `{"type":"object"}`)
	write(t, filepath.Join(schemas, "acme", "never.json"), `{"type":"object","properties":{"a":false},"required":["a"]}`)
	write(t, filepath.Join(schemas, "acme", "pet.json"), `{"type":"object","properties":{"id":{"type":"string"},"name":{"const":"Rex's \"friend\""}},"required":["name"]}`)
	srv, _ := serveHere(t, schemas)
	welcome := func(tenant string) (string, error) {
		var out bytes.Buffer
		c := &serveCommand{Schemas: schemas, DemoKey: tenant}
		err := c.printWelcome(&session{ctx: t.Context(), print: newPrinter(&out, &out, false)}, srv)
		return out.String(), err
	}
	out, err := welcome("auto")
	if err != nil || !strings.Contains(out, srv.url) || !strings.Contains(out, "A key for the tenant acme, shown this once:") || strings.Contains(out, "evented") ||
		!strings.Contains(out, "\n  eventrouter trigger acme/pet.POST\n") {
		t.Errorf("%v, it printed:\n%s", err, out)
	}
	_, script, _ := strings.Cut(out, "In another terminal:\n")
	export := regexp.MustCompile("export EVENTROUTER_KEY=.*").FindString(out)
	script = strings.Replace(script, "  eventrouter events tail --follow\n", "  eventrouter events tail\n", 1)
	cmd := exec.Command("sh", "-eu", "-c", `eventrouter() { "$SELF" "$@"; }`+"\n"+export+"\n"+script)
	cmd.Env = append(os.Environ(), asCommand+"=1", "SELF="+os.Args[0])
	if printed, err := cmd.CombinedOutput(); err != nil || strings.Count(string(printed), "created acme/pet/") < 2 {
		t.Errorf("%v: %s\n%s", err, script, printed)
	}
	empty, _ := serveHere(t, t.TempDir())
	var suggestion bytes.Buffer
	if err := (&serveCommand{Schemas: "/some/where else", DemoKey: "auto"}).printWelcome(&session{ctx: t.Context(), print: newPrinter(&suggestion, &suggestion, false)}, empty); err != nil ||
		!strings.HasSuffix(suggestion.String(), "eventrouter tenant init acme --schemas '/some/where else'\n") || strings.Contains(suggestion.String(), "keys create") {
		t.Errorf("%v, it printed:\n%s", err, suggestion.String())
	}
	if code, _, errOut := runCLI(t, "", "serve", "--schemas", "/no/such", "--data", t.TempDir()); code != 1 || !strings.Contains(errOut, "this command creates it: eventrouter tenant init acme --schemas /no/such") {
		t.Errorf("%d %s", code, errOut)
	}
	if out, err := welcome("acme"); err != nil || !strings.Contains(out, "A key for the tenant acme") {
		t.Errorf("%v, it printed:\n%s", err, out)
	}
	if _, err := welcome("amce"); err == nil || !strings.Contains(err.Error(), "tenant amce does not exist") {
		t.Errorf("%v, want that tenant amce does not exist", err)
	}
}
