package servicespec_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/internal/typegen/servicespec"
)

const database = `{"idCtr":9,"schema":{
	"resource":{"type":"entities","entities":[{"$id":"1","cloudFormationType":"AWS::X::Thing"},{"$id":"2","cloudFormationType":"AWS::X::Box"}]},
	"eventTypeDefinition":{"type":"entities","entities":[
		{"$id":"10","name":"Root","properties":{
			"text":{"type":{"type":"string"},"required":true},"n":{"type":{"type":"number"}},"i":{"type":{"type":"integer"}},"b":{"type":{"type":"boolean"}},
			"list":{"type":{"type":"array","element":{"type":"ref","reference":{"$ref":"11"}}}},
			"map":{"type":{"type":"map","element":{"type":"string"}}},
			"any":{"type":{"type":"json"}},"later":{"type":{"type":"tuple"}},
			"either":{"type":{"type":"union","types":[{"type":"string"},{"type":"number"}]}},
			"several":{"type":{"type":"union","types":[{"type":"json"},{"type":"string"}]}},
			"refs":{"type":{"type":"union","types":[{"type":"ref","reference":{"$ref":"11"}},{"type":"ref","reference":{"$ref":"10"}}]}},
			"self":{"type":{"type":"ref","reference":{"$ref":"10"}}},
			"same":{"type":{"type":"ref","reference":{"$ref":"12"}}},
			"gone":{"type":{"type":"ref","reference":{"$ref":"99"}}},
			"thing-name":{"type":{"type":"string"}}}},
		{"$id":"11","name":"Item","properties":{"name":{"type":{"type":"string"}}}},
		{"$id":"12","name":"Item","properties":{"x":{"type":{"type":"string"}}}},
		{"$id":"13","name":"Twice","properties":{"a":{"type":{"type":"string"},"required":true}}},
		{"$id":"14","name":"Twice","properties":{"a":{"type":{"type":"number"},"required":true},"b":{"type":{"type":"string"}}}},
		{"$id":"15","name":"Any","properties":{}}]},
	"event":{"type":"entities","entities":[
		{"$id":"20","name":"aws.x@All","source":"aws.x","detailType":"All","rootProperty":{"$ref":"10"},
			"resourcesField":[{"resource":{"$ref":"1"},"fieldName":"thing-name","type":{"$ref":"10"}},{"resource":{"$ref":"2"},"type":{"$ref":"11"}}]},
		{"$id":"21","name":"aws.other@Twice","source":"aws.x","detailType":"Twice","rootProperty":{"$ref":"13"},"resourcesField":[]},
		{"$id":"22","name":"aws.x@Twice","source":"aws.x","detailType":"Twice","rootProperty":{"$ref":"14"},"resourcesField":[]},
		{"$id":"23","name":"aws.x@Any","source":"aws.x","detailType":"Any","rootProperty":{"$ref":"15"},"resourcesField":[]}]}}}`

// open opens a specification with a text.
func open(t *testing.T, text string) (*servicespec.Spec, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return servicespec.Open(path)
}

func TestRead(t *testing.T) {
	spec, err := open(t, database)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	byName := make(map[string]*schema.Document)
	for _, d := range spec.Events() {
		names = append(names, d.Name)
		byName[d.Name] = d
	}
	if want := []string{"aws.x@All", "aws.x@Any", "aws.x@Twice"}; !slices.Equal(names, want) {
		t.Fatalf("documents %q, want %q", names, want)
	}
	root := byName["aws.x@All"].Components["Root"]
	for member, want := range map[string]schema.Type{
		"text": {Kinds: []string{"string"}}, "n": {Kinds: []string{"number"}}, "i": {Kinds: []string{"integer"}}, "b": {Kinds: []string{"boolean"}},
		"list": {Kinds: []string{"array"}, Items: &schema.Type{Ref: "Item"}},
		"map":  {Kinds: []string{"object"}, Additional: &schema.Type{Kinds: []string{"string"}}},
		"any":  {}, "later": {}, "either": {Kinds: []string{"number", "string"}}, "several": {Choice: true}, "refs": {Choice: true},
		"self": {Ref: "Root"}, "same": {Ref: "Item2"}, "gone": {Ref: "99", Dangling: true},
		"thing-name": {Kinds: []string{"string"}, Resource: "AWS::X::Thing"},
	} {
		if got := root.Properties[member]; !got.Equal(&want) {
			t.Errorf("member %s is %+v, want %+v", member, got, want)
		}
	}
	if len(root.Required) != 1 || !root.Required["text"] {
		t.Errorf("required are %v, want text", root.Required)
	}
	if got := byName["aws.x@All"].Components["Item"].Properties["name"].Resource; got != "AWS::X::Box" {
		t.Errorf("the member that identifies a resource field's type is of %q", got)
	}
	// Of two descriptions of one kind, what fits either fits the type.
	twice := byName["aws.x@Twice"]
	merged := twice.Components[twice.Detail.Ref]
	if !merged.Properties["a"].IsStringOrNumber() || !merged.Required["a"] || merged.Required["b"] || !merged.Properties["b"].Is("string") {
		t.Errorf("a kind that occurs twice is %+v", merged)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "text": "hello", "array": "[]", "no events": `{"schema":{}}`,
		"repeated name": `{"schema":{},"schema":{}}`,
		"no source":     strings.Replace(database, `"source":"aws.x"`, `"source":""`, 1),
		"no root type":  strings.Replace(database, `"rootProperty":{"$ref":"15"}`, `"rootProperty":{"$ref":"98"}`, 1),
		"wrong type":    strings.Replace(database, `"detailType":"Any"`, `"detailType":7`, 1),
	} {
		if _, err := open(t, text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	var zip bytes.Buffer
	w := gzip.NewWriter(&zip)
	_, _ = w.Write([]byte(database))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"db.json.gz": zip.Bytes(), "plain.json": []byte(database), "cut.json.gz": zip.Bytes()[:100]} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "db.json.gz"), filepath.Join(dir, "plain.json")} {
		if spec, err := servicespec.Open(path); err != nil || len(spec.Events()) != 3 {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{filepath.Join(dir, "none"), filepath.Join(dir, "cut.json.gz")} {
		if _, err := servicespec.Open(path); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want Invalid with the path", path, err)
		}
	}
}

// TestPinned reads the specification that package.json pins.
func TestPinned(t *testing.T) {
	spec, err := servicespec.Open(awstest.ServiceSpec(t))
	if err != nil {
		t.Fatal(err)
	}
	sources, resources := make(map[string]bool), 0
	for _, d := range spec.Events() {
		sources[d.Source] = true
		marked := 0
		for _, c := range d.Components {
			for _, p := range c.Properties {
				if p.Resource != "" {
					marked++
				}
			}
		}
		if marked > 0 {
			resources++
		}
	}
	if len(spec.Events()) != 378 || len(sources) != 87 || resources != 189 {
		t.Errorf("%d kinds of %d sources, %d with a resource; want 378 of 87, 189", len(spec.Events()), len(sources), resources)
	}
}
