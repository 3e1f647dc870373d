package schema_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

func read(t *testing.T, file string) *schema.Document {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../testdata/registry", file))
	if err != nil {
		t.Fatal(err)
	}
	d, err := schema.Read(strings.TrimSuffix(file, ".json"), data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The same schema must come out of either format that a registry exports.
func TestBothFormatsAreOneModel(t *testing.T) {
	for _, name := range []string{"aws.ec2@EC2InstanceStateChangeNotification", "aws.s3@AWSAPICallViaCloudTrail"} {
		openAPI, draft4 := read(t, name+".json"), read(t, name+".JSONSchemaDraft4.json")
		draft4.Name = openAPI.Name
		if diff := cmp.Diff(openAPI, draft4); diff != "" {
			t.Errorf("%s (-OpenAPI +draft 4):\n%s", name, diff)
		}
		if !openAPI.IsEvent() {
			t.Errorf("%s describes no event", name)
		}
	}
}

func TestSourceComesFromTheDocument(t *testing.T) {
	d := read(t, "aws.partner-mongodb.com__1234567-tickets@Ticket.Created.json")
	if d.Source != "aws.partner-mongodb.com" || d.DetailType != "MongoDB Trigger for my_store.reviews" {
		t.Errorf("source %q, detail-type %q", d.Source, d.DetailType)
	}
	if !d.Detail.Dangling {
		t.Errorf("detail refers to %q, which the document does not have", d.Detail.Ref)
	}
}

func TestDocumentsWithoutAnEvent(t *testing.T) {
	d := read(t, "noname@MultipleTypes.json")
	if d.IsEvent() || len(d.Names()) != 2 {
		t.Errorf("event %v, components %q", d.IsEvent(), d.Names())
	}
}

func TestWrappedDocuments(t *testing.T) {
	const document = `{"components":{"schemas":{"A":{"type":"string"}}}}`
	for _, content := range []string{document, `"` + strings.ReplaceAll(document, `"`, `\"`) + `"`} {
		d, err := schema.Read("file", []byte(`{"SchemaName":"x@A","SchemaVersion":"7","Content":`+content+`}`))
		if err != nil || d.Name != "x@A" || d.Version != "7" || !d.Components["A"].Is("string") {
			t.Errorf("%+v, %v", d, err)
		}
	}
}

func component(t *testing.T, text string) *schema.Type {
	t.Helper()
	d, err := schema.Read("test", []byte(`{"components":{"schemas":{"A":`+text+`,"B/c":{"type":"string"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return d.Components["A"]
}

func TestTypes(t *testing.T) {
	object := func(m schema.Type) *schema.Type {
		m.Kinds = []string{"object"}
		if m.Properties == nil {
			m.Properties = map[string]*schema.Type{}
		}
		if m.Required == nil {
			m.Required = map[string]bool{}
		}
		return &m
	}
	of := func(kinds ...string) *schema.Type { return &schema.Type{Kinds: kinds} }
	for text, want := range map[string]*schema.Type{
		`{}`:                                    of(),
		`true`:                                  of(),
		`{"type":"any"}`:                        of(),
		`{"type":["string","null"]}`:            {Kinds: []string{"string"}, Nullable: true},
		`{"type":"string","nullable":true}`:     {Kinds: []string{"string"}, Nullable: true},
		`{"nullable":true,"enum":[null]}`:       {Nullable: true, Empty: true},
		`{"type":["object","string","number"]}`: of("number", "object", "string"),
		`{"type":["integer","number"],"format":"int64"}`: of("number"),
		`{"$ref":"#/components/schemas/B/c"}`:            {Ref: "B/c"},
		`{"$ref":"#/components/schemas/B~1c"}`:           {Ref: "B/c"},
		`{"$ref":"#/components/schemas/B%2Fc"}`:          {Ref: "B/c"},
		`{"$ref":"#/components/schemas/B","format":"x"}`: {Ref: "#/components/schemas/B", Dangling: true},
		`{"$ref":"other.json#/A"}`:                       {Ref: "other.json#/A", Dangling: true},
		`{"type":"array","items":[{"type":"string"}]}`:   of("array"),
		`{"type":"array","maxItems":0}`:                  {Kinds: []string{"array"}, Empty: true},
		`{"items":{}}`:                                   {Kinds: []string{"array"}, Items: of()},
		`{"additionalProperties":{"type":"string"}}`:     object(schema.Type{Additional: of("string")}),
		`{"type":"object","additionalProperties":true}`:  object(schema.Type{Additional: of()}),
		`{"type":"object","additionalProperties":false}`: object(schema.Type{}),
		`{"properties":{"a":{}},"required":["a","b"]}`: object(schema.Type{
			Properties: map[string]*schema.Type{"a": of()}, Required: map[string]bool{"a": true}}),
		`{"type":"object","required":true}`: object(schema.Type{}),
		`{"properties":{"x-amazon-open-api-schema-readOnly":{}},"required":["readOnly"]}`: object(schema.Type{
			Properties: map[string]*schema.Type{"readOnly": of()}, Required: map[string]bool{"readOnly": true}}),
		`{"oneOf":[{"type":"null"},{"type":"string"}]}`:                      {Kinds: []string{"string"}, Nullable: true},
		`{"anyOf":[{"type":"integer"},{"type":"string"}]}`:                   {Kinds: []string{"integer", "string"}},
		`{"oneOf":[{"type":"integer"},{"type":"string"},{"type":"number"}]}`: {Kinds: []string{"number", "string"}},
		`{"anyOf":[{"type":"boolean"},{"type":"string"}]}`:                   {Choice: true},
		`{"allOf":[{"$ref":"#/components/schemas/B/c"}]}`:                    {Ref: "B/c"},
	} {
		if diff := cmp.Diff(want, component(t, text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, reason string }{
		"empty":          {"", "is empty"},
		"text":           {"hello", "not a JSON object"},
		"list":           {"[]", "not a JSON object"},
		"YAML":           {"openapi: 3.0.0\ninfo:\n  title: x\n", "YAML"},
		"YAML, a mark":   {"---\nopenapi: 3.0.0\n", "YAML"},
		"cut off":        {`{"components":{`, "cannot be read"},
		"repeated":       {`{"components":{"schemas":{"A":{},"A":{}}}}`, "duplicate"},
		"bad UTF-8":      {"{\"components\":{\"schemas\":{\"\xff\":{}}}}", "UTF-8"},
		"no types":       {`{"openapi":"3.0.0"}`, "describes no type"},
		"deep":           {`{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, "deeper than 256"},
		"twice wrapped":  {`{"Content":{"Content":{}}}`, "describes no type"},
		"other versions": {`{"Content":7}`, "not a JSON object"},
		"enormous":       {`{"a":"` + strings.Repeat("x", 32<<20) + `"}`, "bytes, at most"},
	} {
		_, err := schema.Read("bad", []byte(c.text))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), `"bad"`) {
			t.Errorf("%s: %v; want Invalid, saying %q", name, err, c.reason)
		}
	}
}
