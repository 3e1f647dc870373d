package awstest

import (
	"os/exec"
	"testing"
)

// Program returns the URL of a stand-in that is a test's own: a program that
// listens on the port it is given and answers HTTP. It is started, shared and
// ended as the others are; the name tells programs apart.
func Program(t testing.TB, name string, command func(port int) *exec.Cmd) string {
	t.Helper()
	url, err := processes.url(name, command)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return url
}
