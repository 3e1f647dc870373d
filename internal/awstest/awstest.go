// Package awstest starts stand-ins of AWS for tests: independent implementations of
// its APIs, not mocks.
//
//	func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }
//
//	func TestCommit(t *testing.T) {
//		db := dynamodb.NewFromConfig(awstest.Config(awstest.DynamoDB(t)))
//		...
//	}
//
// A stand-in is started by the first test that uses it, is shared by all tests of
// the binary, and ends with it. The kernel chooses its port. All are reached over
// loopback, and all except DynamoDB Local listen on loopback only. Tests that share
// a stand-in use different names of tables, buckets and queues.
//
// If a tool is not installed, the test is skipped with the command that installs
// it. With AWSTEST_REQUIRE=1, as in CI, the test fails instead.
//
// All functions are safe for concurrent use.
package awstest

import (
	"context"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// requireVariable is the environment variable that makes a missing tool a failure.
const requireVariable = "AWSTEST_REQUIRE"

// Config configures a client of the stand-in at url, with credentials that
// no real service accepts. It reads neither environment variables nor files.
func Config(url string) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			// DynamoDB Local takes alphanumeric access key ids only.
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secretkey1", Source: "awstest"}, nil
		}),
	}
}

// Main runs the tests of a binary and ends the stand-ins that they started:
//
//	func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }
//
// On Linux the kernel ends them even if the binary is killed.
func Main(m *testing.M) int {
	code := m.Run()
	processes.stop()
	return code
}

// missing skips the test because a tool is missing, or fails it if tools are
// required.
func missing(t testing.TB, why, install string) {
	t.Helper()
	if os.Getenv(requireVariable) == "1" {
		t.Fatalf("%s=1, but %s; install it: %s", requireVariable, why, install)
	} else {
		t.Skipf("%s; install it: %s", why, install)
	}
}
