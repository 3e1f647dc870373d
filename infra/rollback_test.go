package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeAWS is the AWS CLI with two functions: `router` has versions 1 to 7, of which the
// newest has the deployed code. It writes its calls to a file.
const fakeAWS = `#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
*list-versions-by-function*relay*) ;;
*list-versions-by-function*) printf '10\tnow\n9\tolder\n3\ta\n4\tb\n5\tc\n8\td\n7\te\n' ;;
*get-function-configuration*) echo now ;;
*publish-version*) echo 10 ;;
*"get-function "*) echo "file://$FILE" ;;
esac
`

func rollback(t *testing.T, args ...string) (calls, out string, err error) {
	dir := t.TempDir()
	for name, text := range map[string]string{"aws": fakeAWS, "code.zip": "zip"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("./rollback.sh", args...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CALLS="+filepath.Join(dir, "calls"), "FILE="+filepath.Join(dir, "code.zip"))
	text, err := cmd.CombinedOutput()
	log, _ := os.ReadFile(filepath.Join(dir, "calls"))
	return string(log), string(text), err
}

// TestRollback checks that the newest version with other code is deployed, and that a
// function without one is an error.
func TestRollback(t *testing.T) {
	calls, out, err := rollback(t, "back", "prod")
	if err == nil || !strings.Contains(out, "eventrouter-prod: the code of version 9 is deployed") ||
		!strings.Contains(out, "eventrouter-relay-prod: no version with other code is kept") {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(calls, "get-function --function-name eventrouter-prod --qualifier 9") || !strings.Contains(calls, "update-function-code --function-name eventrouter-prod --zip-file fileb://") ||
		strings.Contains(calls, "update-function-code --function-name eventrouter-relay-prod") {
		t.Errorf("calls:\n%s", calls)
	}
}

// TestKeepingVersions checks that a deployment publishes the code before it, and that
// only five versions are kept.
func TestKeepingVersions(t *testing.T) {
	calls, out, err := rollback(t, "save", "prod")
	if err != nil || strings.Count(calls, "publish-version") != 2 {
		t.Errorf("%v\n%s\n%s", err, out, calls)
	}
	for version, deleted := range map[string]bool{"3": true, "4": true, "5": false, "7": false, "10": false} {
		if got := strings.Contains(calls, "delete-function --function-name eventrouter-prod --qualifier "+version+"\n"); got != deleted {
			t.Errorf("version %s deleted: %v", version, got)
		}
	}
	for _, args := range [][]string{nil, {"undo", "prod"}, {"back"}, {"back", "Prod"}, {"back", "prod; rm"}} {
		if calls, out, err := rollback(t, args...); err == nil || calls != "" || !strings.Contains(out, "usage: ") {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}
