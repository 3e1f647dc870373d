package awstest

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestDynamoDBIsStartedOnce(t *testing.T) {
	url := DynamoDB(t)
	if again := DynamoDB(t); again != url {
		t.Errorf("second call returns %s, first %s", again, url)
	}
	tables, err := dynamodb.NewFromConfig(Config(url)).ListTables(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(tables.TableNames) != 0 {
		t.Errorf("a new DynamoDB Local has tables %v", tables.TableNames)
	}
}

func TestMotoServesEventBridge(t *testing.T) {
	buses, err := eventbridge.NewFromConfig(Config(Moto(t))).ListEventBuses(t.Context(), &eventbridge.ListEventBusesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(buses.EventBuses) != 1 || aws.ToString(buses.EventBuses[0].Name) != "default" {
		t.Errorf("buses %v, want only default", buses.EventBuses)
	}
}

func TestEachTestHasItsOwnS3(t *testing.T) {
	url := S3(t)
	client := s3.NewFromConfig(Config(url))
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("acme")}); err != nil {
		t.Fatal(err)
	}
	other := s3.NewFromConfig(Config(S3(t)))
	buckets, err := other.ListBuckets(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(buckets.Buckets) != 0 {
		t.Errorf("another S3 shows buckets %v", buckets.Buckets)
	}
}

func TestStoppedProcessHasEnded(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		missing(t, "there is no python3", "apt-get install python3")
	}
	proc := launch("python", "http", func(port int) *exec.Cmd {
		return exec.Command(python, "-m", "http.server", "--bind", "127.0.0.1", "--directory", t.TempDir(), strconv.Itoa(port))
	})
	if proc.err != nil {
		t.Fatal(proc.err)
	}
	proc.stop()
	if _, err := http.Get(proc.url); err == nil {
		t.Errorf("%s still responds", proc.url)
	}
	if _, err := os.Stat(proc.log.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log file remains: %v", err)
	}
}

func TestProcessThatEndsReportsItsOutput(t *testing.T) {
	proc := launch("sh", "http", func(int) *exec.Cmd { return exec.Command("sh", "-c", "echo no luck today; exit 3") })
	if !errors.Is(proc.err, errEnded) || !strings.Contains(proc.err.Error(), "no luck today") {
		t.Errorf("error %v, want the end of the process's output", proc.err)
	}
}

// A recorder is a testing.TB that records failure and skip instead of ending the
// test.
type recorder struct {
	testing.TB
	failed, skipped string
}

func (v *recorder) Helper()                        {}
func (v *recorder) Fatalf(format string, a ...any) { v.failed = fmt.Sprintf(format, a...) }
func (v *recorder) Skipf(format string, a ...any)  { v.skipped = fmt.Sprintf(format, a...) }

func TestMissingTool(t *testing.T) {
	t.Setenv(requireVariable, "")
	skipped := &recorder{TB: t}
	missing(skipped, "there is no java", "apt-get install java")
	if skipped.failed != "" || skipped.skipped != "there is no java; install it: apt-get install java" {
		t.Errorf("not required: %+v", skipped)
	}

	t.Setenv(requireVariable, "1")
	failed := &recorder{TB: t}
	missing(failed, "there is no java", "apt-get install java")
	if failed.skipped != "" || !strings.Contains(failed.failed, "AWSTEST_REQUIRE=1") || !strings.Contains(failed.failed, "apt-get install java") {
		t.Errorf("required: %+v", failed)
	}
}
