package tenant_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
)

func TestLint(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"acme/tenant.properties": "eventbridge-inptu=true\neventbridge-output=[{\"source\":\"far\"},\n {\"schema_names\":[\"pets\", \"dog.json\"]}]",
		"acme/pet.json":          "{\n \"type\": 1}",
		"acme/dog.json":          "{}",
		"acme/no good.json":      "{}",
		"acme/Tenant.properties": "",
		"acme/notes.md":          "not read",
		"acme/tests/x.json":      "not read",
		"bad name/x.json":        "{}",
		"empty/pet.json":         "{}",
		"open/tenant.properties": "a=[",
		"open/pet.json":          `{"meta":{"key":1}}`,
		"README.md":              "not a folder",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := blob.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	findings, err := tenant.Lint(t.Context(), dir, &tenant.LintOptions{
		DefaultBus: events.DefaultBus("aws", "us-east-1", "000000000000"),
		AllowBus: func(_ events.TenantID, source string, _ events.BusARN) error {
			if source == "far" {
				return errors.New("not on the allow-list")
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.String())
	}
	want := []string{
		"acme/Tenant.properties:1:1: warning: file is not read; the properties of a tenant are in tenant.properties",
		`acme/no good.json:1:1: error: schema id "no good" has ' ' at byte 2; allowed are letters, digits, and after the first also _ and -`,
		`acme/pet.json:2:2: error: schema does not compile: "/type" must be one of "string", "integer", "number", "boolean", "array", "object", "null"`,
		`acme/tenant.properties:1:1: warning: unknown property "eventbridge-inptu" (did you mean "eventbridge-input"?)`,
		`acme/tenant.properties:2:21: error: the rule is switched off, bus arn:aws:events:us-east-1:000000000000:event-bus/default is not allowed for source "far": not on the allow-list`,
		`acme/tenant.properties:3:2: warning: the rule names schema "pets", which the tenant does not have (did you mean "pet"?)`,
		`acme/tenant.properties:3:27: warning: schema name "dog.json" ends with .json; write "dog"`,
		`bad name:1:1: error: tenant id "bad name" has ' ' at byte 3; allowed are letters, digits, and after the first also _ and -`,
		"empty/tenant.properties:1:1: error: folder has no tenant.properties, so it is not a tenant",
		`open/pet.json:1:16: error: meta.key must be the name of a property, 1 to 256 bytes without control characters`,
		"open/tenant.properties:1:3: error: '[' is never closed; it opened here, on line 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLintOfABucketThatCannotBeRead(t *testing.T) {
	bucket := &watched{Memory: blob.NewMemory()}
	if _, err := bucket.Put(t.Context(), "acme/tenant.properties", nil, nil, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	bucket.fail(errors.New("no route"))
	if findings, err := tenant.Lint(t.Context(), bucket, nil); err == nil {
		t.Errorf("findings = %v", findings)
	}
}
