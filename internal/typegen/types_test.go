package typegen_test

import (
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

// goFile returns the Go file of an event whose detail is a component Tree with
// these properties.
func goFile(t *testing.T, source, component string) string {
	t.Helper()
	d, err := schema.Read(source+"@Tree", []byte(`{"x-amazon-events-source":"`+source+`","x-amazon-events-detail-type":"Tree",
		"properties":{"detail":{"$ref":"#/definitions/Tree"}},"definitions":{"Tree":{"type":"object",`+component+`}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range plan(t, t.TempDir(), "service", []*schema.Document{d}).Changes {
		if strings.HasSuffix(c.Path, "tree_gen.go") {
			return strings.Join(strings.Fields(string(c.New)), " ")
		}
	}
	t.Fatal("no file is planned")
	return ""
}

func TestTypes(t *testing.T) {
	for _, c := range []struct{ source, component, want string }{
		// An integer may be 12345678901234567890, 1.0 or 1e2, unless its format says
		// how many bits it has.
		{"s", `"required":["n"],"properties":{"n":{"type":"integer"}}`, "N events.Number `json:\"n\"`"},
		{"s", `"required":["n"],"properties":{"n":{"type":"integer","format":"int64"}}`, "N int64 `json:\"n\"`"},
		{"s", `"required":["n"],"properties":{"n":{"type":"integer","format":"int32"}}`, "N int32 `json:\"n\"`"},
		{"s", `"required":["n"],"properties":{"n":{"type":"integer","format":"uint8"}}`, "N events.Number `json:\"n\"`"},
		{"s", `"properties":{"n":{"type":["integer","string"]}}`, "N *events.StringOrNumber `json:\"n,omitzero\"`"},
		{"s", `"properties":{"n":{"oneOf":[{"type":"number"},{"type":"string"}],"nullable":true}}`, "N events.Nullable[events.StringOrNumber] `json:\"n,omitzero\"`"},
		// AWS's members that are named so are ARNs; others may be anything.
		{"aws.x", `"required":["roleArn"],"properties":{"roleArn":{"type":"string"}}`, "RoleARN events.ARN `json:\"roleArn\"`"},
		{"s", `"required":["roleArn"],"properties":{"roleArn":{"type":"string"}}`, "RoleARN string `json:\"roleArn\"`"},
		// A type that contains itself is a pointer there, also where it is required.
		{"s", `"required":["next"],"properties":{"next":{"$ref":"#/definitions/Tree"}}`, "Next *Tree `json:\"next,omitzero\"`"},
		{"s", `"required":["all"],"properties":{"all":{"type":"array","items":{"$ref":"#/definitions/Tree"}}}`, "All []Tree `json:\"all\"`"},
		{"s", `"properties":{"by":{"type":"object","additionalProperties":{"$ref":"#/definitions/Tree"}}}`, "By map[string]Tree `json:\"by,omitzero\"`"},
		// The names of fields and methods that every type has are taken.
		{"s", `"required":["unknown"],"properties":{"unknown":{"type":"string"}}`, "Unknown2 string `json:\"unknown\"`"},
		{"s", `"required":["marshalJSON"],"properties":{"marshalJSON":{"type":"string"}}`, "MarshalJSON2 string `json:\"marshalJSON\"`"},
	} {
		if got := goFile(t, c.source, c.component); !strings.Contains(got, c.want) {
			t.Errorf("%s:\n%s\nlacks %s", c.component, got, c.want)
		}
	}
}
