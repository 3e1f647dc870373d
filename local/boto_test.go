package local_test

import (
	"os/exec"
	"testing"

	"github.com/blockforger/eventrouter/local"
)

// boto runs a script of testdata against the machine; a test is skipped where
// there is no boto3.
func (m *machine) boto(script string) {
	m.t.Helper()
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		m.t.Skip("python3 with boto3 is not on the PATH")
	}
	if out, err := exec.Command("python3", "testdata/"+script, m.url).CombinedOutput(); err != nil {
		m.t.Errorf("%s: %v\n%s", script, err, out)
	}
}

func TestBotoEvents(t *testing.T) {
	m := start(t, t.TempDir(), local.Options{}, nil)
	m.boto("events.py")
}
