package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
)

var readmeBlock = regexp.MustCompile("(?s)<!-- test: (\\w+) -->\n```sh\n(.*?)```")

// TestReadme runs the commands of the README against a server.
func TestReadme(t *testing.T) { eachShell(t, testReadme) }

func testReadme(t *testing.T, shellName string) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, m := range readmeBlock.FindAllStringSubmatch(string(text), -1) {
		blocks[m[1]] = m[2]
	}
	if _, err := exec.LookPath("aws"); err != nil {
		if os.Getenv("AWSTEST_REQUIRE") != "" {
			t.Fatal("the AWS CLI is missing: pip install awscli==1.45.11")
		}
		t.Log("without the AWS CLI its part of the README is left out: pip install awscli==1.45.11")
		blocks["aws"] = "true\n"
	}
	srv, _ := serveHere(t, sampleSchemas)

	// the folder of the README, with the test binary as bin/eventrouter
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "schemas"), os.DirFS(sampleSchemas)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "bin", "eventrouter")); err != nil {
		t.Fatal(err)
	}
	keyOf := events.TenantID("evented")
	shell := func(script string) string {
		t.Helper()
		cmd := inShell(t, shellName, strings.ReplaceAll(script, "http://127.0.0.1:4010", srv.url))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), asCommand+"=1", "EVENTROUTER_ENDPOINT_URL="+srv.url, "AWS_ACCESS_KEY_ID=local",
			"AWS_SECRET_ACCESS_KEY=local", "AWS_DEFAULT_REGION=us-east-1", "EVENTROUTER_KEY="+makeKey(t, srv.url, keyOf).Key)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		return string(out)
	}
	// Without a key in the environment, the block creates one.
	if out := shell(blocks["key"] + "echo \"key: ${#EVENTROUTER_KEY} $AWS_DEFAULT_REGION\"\n"); !regexp.MustCompile(`key: [1-9][0-9]+ us-east-1`).MatchString(out) {
		t.Errorf("the block of the key prints %s", out)
	}
	sent := 0
	for _, name := range []string{"aws", "eventrouter"} {
		script, ok := blocks[name]
		if !ok {
			t.Fatalf("the README has no block %q", name)
		}
		out := shell(script)
		if name == "aws" && script != "true\n" {
			sent++
			if !strings.Contains(out, `"FailedEntryCount": 0`) {
				t.Errorf("aws answered %s", out)
			}
		}
		if name == "eventrouter" {
			sent++
			if !strings.Contains(out, "created evented/evented/") || !strings.Contains(out, " · 10 tokens · published to default") {
				t.Errorf("put-events answered %s", out)
			}
		}
	}
	var out string
	eventually(t, "record, bill and output events are shown", func() bool {
		out = shell(blocks["look"])
		return strings.Count(out, `"hello"`) == 2*sent && strings.Contains(out, "no problems found")
	})
	for _, want := range []string{"REVISION", "TOKENS", "carried-out"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not shown:\n%s", want, out)
		}
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("without curl the README's REST session is left out: apt-get install curl")
	}
	keyOf = "petstore"
	// It can be repeated; both puts are replayed then.
	for i, shown := range [][]string{
		{"201 Created", "200 OK", `"operation":"PATCH"`, `"status":"pending"`, "Idempotency-Replayed: true", "204 No Content", `"tokens":60`},
		{"201 Created", "200 OK", `"operation":"PATCH"`, "Idempotency-Replayed: true", "204 No Content", `"tokens":120`},
	} {
		out = shell(blocks["rest"])
		for _, want := range shown {
			if !strings.Contains(out, want) {
				t.Errorf("run %d of the REST session does not show %s:\n%s", i+1, want, out)
			}
		}
		if n := strings.Count(out, "Idempotency-Replayed: true"); n != 1+i {
			t.Errorf("run %d of the REST session shows %d replayed responses, want %d:\n%s", i+1, n, 1+i, out)
		}
	}
}
