package deploylocal

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/internal/names"
)

// notRun are commands of doc/operations.md that cannot be run against moto, by their
// first words, with the reason.
var notRun = map[string]string{
	"make deploy":               "the stack is deployed by this test already",
	"make rollback":             "moto's functions have no code to download; infra's TestRollback runs it",
	"aws dynamodb wait":         "the waiter polls every 20 seconds",
	"aws events disable-rule":   "the rules are needed; doctor's test disables one",
	"eventrouter doctor":        "doctor has a test of its own",
	"eventrouter tenant lint":   "needs the folder of the sample tenants' output buses",
	"aws sqs get-queue-url":     "part of another command",
	"aws dynamodb update-time-": "moto keeps no time to live of a restored table",
}

// operations runs the commands of doc/operations.md against the deployment.
func (d doctor) operations(t *testing.T, c *cloud, env names.Environment, bucket string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "doc/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	preamble := "set -euo pipefail\naws() { command aws \"$@\" --endpoint-url '" + c.url + "'; }\neventrouter() { '" + string(d) + "' \"$@\"; }\n"
	shell := func(command string) (string, error) {
		cmd := exec.Command("bash", "-c", preamble+command)
		cmd.Dir = root
		cmd.Env = append(c.environ, "AWS_ENDPOINT_URL_S3="+c.url)
		cmd.Stdin = strings.NewReader("push\n")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := shell("eventrouter keys create --tenant acme --aws --environment " + string(env) + " --output json")
	var created struct{ KeyID string }
	if err != nil || json.Unmarshal([]byte(out), &created) != nil {
		t.Fatalf("keys create: %v\n%s", err, out)
	}
	now := time.Now().UTC()
	fill := strings.NewReplacer(
		"eventrouter-ENV", "eventrouter-"+string(env), "archive/eventrouter-input-ENV", "archive/eventrouter-input-"+string(env),
		"ENV", string(env), "REGION", region, "ACCOUNT", account, "EVENT_ID", "3f6f5d2e", "KEY_ID", created.KeyID, "TENANT", "acme", "BUCKET", bucket,
		"--restore-date-time T", "--restore-date-time "+now.Format(time.RFC3339),
		"2026-11-21T00:00:00Z", now.Add(-time.Hour).Format(time.RFC3339), "2026-11-21T06:00:00Z", now.Format(time.RFC3339),
	)
	ran, blocks := 0, regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$").FindAllStringSubmatch(string(text), -1)
	for _, block := range blocks {
		for _, command := range strings.Split(strings.ReplaceAll(block[1], "\\\n", " "), "\n") {
			command = strings.TrimSpace(command)
			if command == "" || strings.HasPrefix(command, "#") {
				continue
			}
			if reason := reasonNotToRun(command); reason != "" {
				t.Logf("not run: %s: %s", command, reason)
				continue
			}
			ran++
			if out, err := shell(fill.Replace(command)); err != nil {
				t.Errorf("doc/operations.md: %s: %v\n%s", fill.Replace(command), err, out)
			}
		}
	}
	if len(blocks) < 10 || ran < 12 {
		t.Errorf("%d blocks with %d commands that were run", len(blocks), ran)
	}
	t.Logf("%d commands of doc/operations.md were run", ran)
}

func reasonNotToRun(command string) string {
	for prefix, reason := range notRun {
		if strings.HasPrefix(command, prefix) {
			return reason
		}
	}
	return ""
}
