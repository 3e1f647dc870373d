package awstest

import (
	"os/exec"
	"testing"
)

// Program returns the URL of a program of the test that serves HTTP on the port
// that command receives. It is started, shared and ended like the stand-ins, and
// identified by name.
func Program(t testing.TB, name string, command func(port int) *exec.Cmd) string {
	t.Helper()
	url, err := processes.url(name, command)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return url
}
