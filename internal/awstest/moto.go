package awstest

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// motoServer runs moto in one thread: its backends are not safe for concurrent use.
const motoServer = `
import os, sys
os.environ["MOTO_PORT"] = sys.argv[1]
from werkzeug.serving import run_simple
from moto.server import DomainDispatcherApplication, create_backend_app
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
`

// Moto returns the URL of moto, which stands in for EventBridge, SQS and most
// other services. AWSTEST_MOTO_URL is the URL of a running one.
func Moto(t testing.TB) string {
	t.Helper()
	if url := os.Getenv("AWSTEST_MOTO_URL"); url != "" {
		return url
	}
	const install = "pip install 'moto[server]==5.2.1'"
	python, err := exec.LookPath("python3")
	if err != nil {
		missing(t, "there is no python3 to run moto", "apt-get install python3 python3-pip && "+install)
	}
	url, err := processes.url("moto", func(port int) *exec.Cmd {
		return exec.Command(python, "-c", motoServer, strconv.Itoa(port))
	})
	switch {
	case errors.Is(err, errEnded):
		missing(t, "moto does not run ("+err.Error()+")", install)
	case err != nil:
		t.Fatalf("moto: %v", err)
	}
	return url
}
