package local_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/local"
)

// aws runs the real AWS CLI against the machine; a test is skipped where there
// is none.
func (m *machine) aws(args ...string) (stdout string, err error) {
	m.t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		m.t.Skip("the AWS CLI is not on the PATH")
	}
	c := exec.Command("aws", append(args, "--endpoint-url", m.url, "--region", "us-east-1", "--output", "json")...)
	c.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_PAGER=",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_MAX_ATTEMPTS=1")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return errs.String(), err
	}
	return out.String(), nil
}

// What the CLI does with each service is tested with doc/local.md.
func TestTheAWSCLIPutsEvents(t *testing.T) {
	t.Parallel()
	box := &inbox{}
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["shop"]}`, "box")
	})
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, []byte(`[{"Source":"shop","DetailType":"d","Time":"2026-01-02T03:04:05Z","Detail":"{\"x\":1}"},
		{"Source":"aws.s3","DetailType":"d","Detail":"{}"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := m.aws("events", "put-events", "--entries", "file://"+file)
	if err != nil || !strings.Contains(out, `"FailedEntryCount": 1`) || !strings.Contains(out, "NotAuthorizedForSourceException") {
		t.Fatal(out, err)
	}
	eventually(t, "the event", func() bool { return len(box.got()) == 1 })
	if !strings.Contains(box.got()[0], `"time":"2026-01-02T03:04:05Z"`) {
		t.Error(box.got()[0])
	}
}
