package awstest

import (
	"os"
	"path/filepath"
	"testing"
)

// ServiceSpec returns the path of AWS's service specification in the npm package
// that package.json pins.
func ServiceSpec(t testing.TB) string {
	t.Helper()
	root, err := repositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "node_modules/@aws-cdk/aws-service-spec/db.json.gz")
	if _, err := os.Stat(file); err != nil {
		missing(t, "the service specification is not in "+filepath.Join(root, "node_modules"), "cd "+root+" && npm ci")
	}
	return file
}
