// Package awstest starts stand-ins of AWS for tests: other people's
// implementations of its APIs, not mocks of ours.
//
//	func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }
//
//	func TestCommit(t *testing.T) {
//		db := dynamodb.NewFromConfig(awstest.Config(awstest.DynamoDB(t)))
//		...
//	}
//
// A stand-in is started by the first test that asks for it, is shared by all
// tests of the binary, and ends with it. Its port is picked by the kernel. All
// are reached over loopback; DynamoDB Local alone cannot be told to listen
// there only. Tests that share one keep apart by the names of their tables,
// buckets and queues.
//
// A tool that is not installed skips the test, with the command that installs
// it. AWSTEST_REQUIRE=1 makes that a failure: nothing is skipped unseen in CI.
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

// Config configures a client of the stand-in at url, with credentials that no
// real service knows. It reads neither environment nor files.
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
// Linux ends them without it too, however the binary dies.
func Main(m *testing.M) int {
	code := m.Run()
	processes.stop()
	return code
}

// missing skips the test for want of a tool, or fails it where tools are required.
func missing(t testing.TB, why, install string) {
	t.Helper()
	if os.Getenv(requireVariable) == "1" {
		t.Fatalf("%s=1, but %s; install it: %s", requireVariable, why, install)
	} else {
		t.Skipf("%s; install it: %s", why, install)
	}
}
