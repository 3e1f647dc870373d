package tenant_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		"acme/tests/x.json":      "not read here",
		"acme/tests/x.yaml":      "not read",
		"acme/schemas/cat.json":  "{}",
		"acme/cat.JSON":          "{}",
		"acme/.cat.json.swp":     "a copy of an editor",
		"pet.json":               "{}",
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
		`acme/cat.JSON:1:1: warning: file is not read; a schema is a JSON file whose name ends with .json`,
		`acme/no good.json:1:1: error: schema id "no good" has ' ' at byte 2; allowed are letters, digits, and after the first also _ and -`,
		`acme/pet.json:2:2: error: schema does not compile: "/type" must be one of "string", "integer", "number", "boolean", "array", "object", "null"`,
		`acme/schemas/cat.json:1:1: warning: file is not read; schemas are directly in the folder of the tenant, and its tests are in acme/tests`,
		`acme/tenant.properties:1:1: warning: unknown property "eventbridge-inptu" (did you mean "eventbridge-input"?)`,
		`acme/tenant.properties:2:21: error: the rule is switched off, bus arn:aws:events:us-east-1:000000000000:event-bus/default is not allowed for source "far": not on the allow-list`,
		`acme/tenant.properties:3:2: warning: the rule names schema "pets", which the tenant does not have (did you mean "pet"?)`,
		`acme/tenant.properties:3:27: warning: schema name "dog.json" ends with .json; write "dog"`,
		`acme/tests/x.yaml:1:1: warning: file is not read; a test is acme/tests/NAME.json`,
		`bad name:1:1: error: tenant id "bad name" has ' ' at byte 3; allowed are letters, digits, and after the first also _ and -`,
		"empty/tenant.properties:1:1: error: folder has no tenant.properties, so it is not a tenant",
		`open/pet.json:1:16: error: meta.key must be the name of a property, 1 to 256 bytes without control characters`,
		"open/tenant.properties:1:3: error: '[' is never closed; it opened here, on line 1",
		"pet.json:1:1: warning: file is not read; the files of a tenant are in a folder with the tenant's name",
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

// lintTenant returns the diagnostics of the files of a tenant acme.
func lintTenant(t *testing.T, files map[string]string) []string {
	t.Helper()
	bucket := blob.NewMemory()
	for name, text := range files {
		if _, err := bucket.Put(t.Context(), "acme/"+name, []byte(text), nil, blob.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	findings, err := tenant.Lint(t.Context(), bucket, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, f := range findings {
		got = append(got, strings.TrimPrefix(f.String(), "acme/"))
	}
	return got
}

func TestLintOfSchemas(t *testing.T) {
	const closed = ": %s is required, but additionalProperties is false and it is not declared in properties"
	for schema, want := range map[string][]string{
		`{"properties":{"name":{"type":"string","minLenght":1}}}`:                        {`1:40: warning: unknown keyword "minLenght" (did you mean "minLength"?): it has no effect`},
		`{"propertys":{"name":{}}}`:                                                      {`1:2: warning: unknown keyword "propertys" (did you mean "properties"?): it has no effect`},
		`{"properties":{"a":{"nullable":true}}}`:                                         {`1:21: warning: unknown keyword "nullable": it has no effect`},
		`{"x-owner":"sales","meta":{"logKey":true},"properties":{"minLenght":{}}}`:       {},
		`{"$defs":{"a":{"requird":[]}}}`:                                                 {`1:16: warning: unknown keyword "requird" (did you mean "required"?): it has no effect`},
		`{"properties":{"mail":{"format":"e-mail"}}}`:                                    {`1:24: warning: unknown format "e-mail" (did you mean "email"?): it is not checked`},
		`{"properties":{"mail":{"format":"idn-email"},"n":{"format":"int64"}}}`:          {},
		`{"meta":{"key":"skuu"},"properties":{"sku":{"type":"string"}}}`:                 {`1:16: error: meta.key names "skuu", which the schema does not declare (did you mean "sku"?); declare it in properties as string or integer`},
		`{"meta":{"key":"sku"},"properties":{"sku":{"type":"string"}}}`:                  {},
		`{"properties":{"name":{}},"required":["nam"],"additionalProperties":false}`:     {`1:39: error: the schema accepts no payload` + fmt.Sprintf(closed, `"nam"`) + ` (did you mean "name"?)`},
		`{"properties":{"name":{}},"required":["id"],"additionalProperties":false}`:      {},
		`{"required":["x1"],"patternProperties":{"^x":{}},"additionalProperties":false}`: {},
		`{"required":["x"]}`: {},
		`{"properties":{"a":{"required":["b"],"additionalProperties":false}}}`: {`1:33: warning: no object is valid here` + fmt.Sprintf(closed, `"b"`)},
		`{"type":"array"}`:                                {`1:2: error: the schema accepts no payload: a payload is an object`},
		`{"type":["string","null"]}`:                      {`1:2: error: the schema accepts no payload: a payload is an object`},
		`{"type":["object","null"]}`:                      {},
		`{"enum":["a"]}`:                                  {`1:2: error: the schema accepts no payload: a payload is an object`},
		`{"const":1}`:                                     {`1:2: error: the schema accepts no payload: a payload is an object`},
		`{"allOf":[false]}`:                               {`1:11: error: the schema accepts no payload: a payload is an object`},
		`{"anyOf":[{"type":"string"},{"type":"array"}]}`:  {`1:2: error: the schema accepts no payload: a payload is an object`},
		`{"anyOf":[{"type":"string"},{"type":"object"}]}`: {},
		`{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"type":"number"}}}`: {`1:47: error: the schema accepts no payload: a payload is an object`},
		`{"properties":{"a":{"pattern":"^(?!x).*$"}}}`:                     {`1:21: error: schema does not compile: "/properties/a/pattern" must be a supported regex: it uses lookahead, (?=…) or (?!…), which RE2, the engine that checks patterns in linear time, does not have; write each condition as a pattern of its own in allOf, or under not`},
	} {
		for i := range want {
			want[i] = "pet.json:" + want[i]
		}
		if diff := cmp.Diff(want, lintTenant(t, map[string]string{"tenant.properties": "", "pet.json": schema})); diff != "" {
			t.Errorf("%s: %s", schema, diff)
		}
	}
}

func TestLintListsAtMost20UnknownKeywords(t *testing.T) {
	schema := `{"a":1`
	for i := range 40 {
		schema += fmt.Sprintf(`,"k%d":1`, i)
	}
	got := lintTenant(t, map[string]string{"tenant.properties": "", "pet.json": schema + "}"})
	if len(got) != 21 || !slices.Contains(got, "pet.json:1:1: warning: schema has more than 20 unknown keywords; the others are not listed") {
		t.Errorf("%d diagnostics: %q", len(got), got)
	}
}

func TestLintOfRules(t *testing.T) {
	const (
		duplicate = "warning: the rule never publishes an event: for every change, an earlier rule publishes one with the same bus, source and detail-type; see line "
		same      = `: warning: detail_type "{operation}" is the same for several schemas; add {schema_id}, or name one schema in schema_names`
		own       = "warning: the rule never publishes an event: for every change, an earlier rule of the schema or of tenant.properties publishes one with the same bus, source and detail-type"
	)
	for _, c := range []struct {
		name  string
		rules string
		files map[string]string
		want  []string
	}{
		{"the same rule twice", "[{},\n {}]", nil, []string{"tenant.properties:2:2: " + duplicate + "1"}},
		{"covered by a wider rule", `[{},{"schema_names":["pet"],"operations":["PUT"]}]`, nil, []string{"tenant.properties:1:24: " + duplicate + "1"}},
		{"covered by two rules", `[{"operations":["PUT"]},{"operations":["POST"]},{"operations":["PUT","POST"]}]`, nil, []string{"tenant.properties:1:68: " + duplicate + "1"}},
		{"wider than an earlier rule", `[{"schema_names":["pet"]},{}]`, nil, []string{}},
		{"another source", `[{},{"source":"other"}]`, nil, []string{}},
		{"another detail-type", `[{},{"detail_type":"x.{schema_id}.{operation}"}]`, nil, []string{}},
		{"one schema", `[{"detail_type":"{operation}"}]`, nil, []string{}},
		{"two schemas", `[{"detail_type":"{operation}"}]`, map[string]string{"dog.json": "{}"}, []string{"tenant.properties:1:36" + same}},
		{"one schema named", `[{"detail_type":"{operation}","schema_names":["dog"]}]`, map[string]string{"dog.json": "{}"}, []string{}},
		{"a rule of a schema", `[{}]`, map[string]string{"pet.json": `{"meta":{"eventbridge-output":[{}]}}`}, []string{"pet.json:1:32: " + own}},
		{"a rule of a schema alone", `[{"schema_names":["dog"]}]`, map[string]string{"dog.json": "{}", "pet.json": `{"meta":{"eventbridge-output":[{}]}}`}, []string{}},
	} {
		files := map[string]string{"tenant.properties": "eventbridge-output=" + c.rules, "pet.json": "{}"}
		maps.Copy(files, c.files)
		if diff := cmp.Diff(c.want, lintTenant(t, files)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
