package awsevents_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/internal/typegen"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

// TestSourcesGiveTheSameType: an API document in either format and the service
// specification give one kind the same Go type, but for what only one of them
// declares: a format, or the resource that a member names.
func TestSourcesGiveTheSameType(t *testing.T) {
	fromSpec := make(map[string]*schema.Document)
	for _, d := range spec(t).Events() {
		fromSpec[d.Source+"\n"+d.DetailType] = d
	}
	compared := 0
	for _, name := range []string{"aws.ec2@EC2InstanceStateChangeNotification", "aws.s3@AWSAPICallViaCloudTrail", "aws.codecommit@CodeCommitPullRequestStateChange"} {
		api := document(t, name, name+".json")
		sources := map[string]*schema.Document{"API": api}
		// The other documents are of older versions than the specification.
		if api.Source == "aws.ec2" {
			if sources["specification"] = fromSpec[api.Source+"\n"+api.DetailType]; sources["specification"] == nil {
				t.Fatalf("the specification lacks %s", name)
			}
		}
		draft4 := filepath.Join("../testdata/registry", name+".JSONSchemaDraft4.json")
		if _, err := os.Stat(draft4); err == nil {
			sources["draft 4"] = document(t, name, name+".JSONSchemaDraft4.json")
		}
		want := goText(t, api)
		if !strings.Contains(want, "struct {") {
			t.Fatalf("%s is no struct:\n%s", name, want)
		}
		for source, d := range sources {
			if got := goText(t, d); got != want {
				t.Errorf("%s: %s gives\n%s\nthe API\n%s", name, source, got, want)
			}
			compared++
		}
	}
	if compared != 6 {
		t.Errorf("%d types were compared, want 6", compared)
	}
}

// TestSpecificationAsAPIDocuments: each kind of the specification, written as the
// registry exports it in OpenAPI and in draft 4, gives the same Go type.
func TestSpecificationAsAPIDocuments(t *testing.T) {
	for _, d := range spec(t).Events() {
		openAPI, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		want := goText(t, d)
		for format, text := range map[string][]byte{"OpenAPI": openAPI, "draft 4": draft4(t, openAPI)} {
			read, err := schema.Read(d.Name, text)
			if err != nil {
				t.Fatalf("%s as %s: %v", d.Name, format, err)
			}
			if got := goText(t, read); got != want {
				t.Errorf("%s as %s gives\n%s\nthe specification\n%s", d.Name, format, got, want)
			}
		}
	}
}

// draft4 writes an OpenAPI document as JSONSchemaDraft4.
func draft4(t *testing.T, openAPI []byte) []byte {
	t.Helper()
	var in struct {
		Components struct {
			Schemas map[string]jsontext.Value `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(openAPI, &in); err != nil {
		t.Fatal(err)
	}
	var root map[string]jsontext.Value
	if err := json.Unmarshal(in.Components.Schemas["AWSEvent"], &root); err != nil {
		t.Fatal(err)
	}
	delete(in.Components.Schemas, "AWSEvent")
	definitions, err := json.Marshal(in.Components.Schemas)
	if err != nil {
		t.Fatal(err)
	}
	root["definitions"] = definitions
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.ReplaceAll(string(text), "#/components/schemas/", "#/definitions/"))
}

func document(t *testing.T, name, file string) *schema.Document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../testdata/registry", file))
	if err != nil {
		t.Fatal(err)
	}
	d, err := schema.Read(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// goText is the Go file of a document without formats and resources.
func goText(t *testing.T, d *schema.Document) string {
	t.Helper()
	copied := *d
	copied.Components = make(map[string]*schema.Type)
	for name, c := range d.Components {
		copied.Components[name] = bare(c)
	}
	copied.Detail = bare(d.Detail)
	plan, err := typegen.NewPlan(t.TempDir(), "service", []*schema.Document{&copied})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range plan.Changes {
		if !strings.HasSuffix(c.Path, "registry_gen.go") {
			return string(c.New)
		}
	}
	t.Fatalf("no file for %s", d.Name)
	return ""
}

func bare(t *schema.Type) *schema.Type {
	if t == nil {
		return nil
	}
	copied := *t
	copied.Format, copied.Resource = "", ""
	copied.Items, copied.Additional = bare(t.Items), bare(t.Additional)
	copied.Properties = make(map[string]*schema.Type)
	for name, p := range t.Properties {
		copied.Properties[name] = bare(p)
	}
	return &copied
}
