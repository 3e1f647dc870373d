package deploylocal

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/internal/awstest"
)

const (
	account = "123456789012" // moto's
	region  = "us-east-1"
	root    = "../.."
)

// A cloud is moto with the commands that speak to it.
type cloud struct {
	url     string
	environ []string
}

// newCloud starts moto for the resource types of a template.
func newCloud(t *testing.T, template string) *cloud {
	return newNamedCloud(t, "moto for the stack", template)
}

// newNamedCloud is newCloud for one of several stacks.
func newNamedCloud(t *testing.T, name, template string) *cloud {
	url := awstest.Program(t, name, func(port int) *exec.Cmd {
		return exec.Command("python3", "testdata/motostack.py", strconv.Itoa(port), template)
	})
	// The CDK refers to assets by a host that must be a name.
	url = strings.Replace(url, "127.0.0.1", "localhost", 1)
	return &cloud{url: url, environ: append(os.Environ(),
		"AWS_ENDPOINT_URL="+url, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secretkey1", "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=",
		"CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=1", "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=1",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")}
}

// cdk runs the CDK's command line in the project's root. Without a cloud it has
// no credentials, and needs none.
func (c *cloud) cdk(t *testing.T, args ...string) {
	t.Helper()
	tool, err := filepath.Abs(filepath.Join(root, "node_modules/.bin/cdk"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, append(args, "--no-notices")...)
	cmd.Dir = root
	if c != nil {
		cmd.Env = c.environ
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cdk %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// aws runs the AWS CLI and returns what it prints, as JSON.
func (c *cloud) aws(t *testing.T, args ...string) any {
	t.Helper()
	cmd := exec.Command("aws", append(args, "--endpoint-url", c.url, "--output", "json")...)
	cmd.Env = c.environ
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, errOut.String())
	}
	var v any
	if len(bytes.TrimSpace(out)) > 0 {
		if err := json.Unmarshal(out, &v); err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return v
}
