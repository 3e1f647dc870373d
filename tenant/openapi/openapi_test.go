package openapi_test

import (
	"context"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/openapi"
)

// describe makes the document of a tenant with these schemas, and has it
// checked by a validator that is not ours.
func describe(t *testing.T, schemas map[string]string) (string, *openapi3.T) {
	t.Helper()
	files := blob.NewMemory()
	put := func(name, text string) {
		if _, err := files.Put(t.Context(), name, []byte(text), nil, blob.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	put("acme/tenant.properties", "")
	for id, text := range schemas {
		put("acme/"+id+".json", text)
	}
	dir := tenant.NewCatalog(files, nil)
	owner, err := dir.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := dir.Schemas(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	var all []*tenant.Schema
	for _, id := range ids {
		s, err := dir.Schema(t.Context(), "acme", events.SchemaID(id))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	doc, err := openapi.Document(owner, all, "/api")
	if err != nil {
		t.Fatal(err)
	}
	again, err := openapi.Document(owner, all, "/api")
	if err != nil || string(again) != string(doc) {
		t.Errorf("another document the second time: %v", err)
	}
	parsed, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	if err := parsed.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		t.Errorf("the document is not valid: %v\n%.0s", err, doc)
	}
	return string(doc), parsed
}

func TestConversion(t *testing.T) {
	for name, c := range map[string]struct{ schema, want string }{
		"the key is declared": {
			`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"T","meta":{"backend":"s3"},"properties":{"a":{"type":"string"}},"additionalProperties":false}`,
			`{"title":"T","properties":{"id":{"type":"string"},"a":{"type":"string"}},"additionalProperties":false}`},
		"no properties": {`{}`, `{"properties":{"id":{"type":"string"}}}`},
		"references within the file": {
			`{"properties":{"id":{"$ref":"#/$defs/name"},"self":{"$ref":"#"},"by":{"$ref":"#n"},"file":{"$ref":"s.json#/$defs/name"}},"$defs":{"name":{"$anchor":"n","type":"string"}}}`,
			`{"properties":{"id":{"$ref":"#/components/schemas/s/$defs/name"},"self":{"$ref":"#/components/schemas/s"},"by":{"$ref":"#/components/schemas/s/$defs/name"},"file":{"$ref":"#/components/schemas/s/$defs/name"}},"$defs":{"name":{"type":"string"}}}`},
		"draft 4": {
			`{"$schema":"http://json-schema.org/draft-04/schema#","id":"http://example.com/s","properties":{"id":{"type":"string"},"n":{"minimum":1,"exclusiveMinimum":true,"maximum":5,"exclusiveMaximum":false},
				"t":{"items":[{"type":"string"},{"type":"integer"}],"additionalItems":false},"d":{"$ref":"http://example.com/s#/definitions/d"}},"definitions":{"d":{"type":"null"}},
				"dependencies":{"n":["t"],"t":{"required":["d"]}}}`,
			`{"properties":{"id":{"type":"string"},"n":{"minimum":1,"exclusiveMinimum":1,"maximum":5},
				"t":{"prefixItems":[{"type":"string"},{"type":"integer"}],"items":false},"d":{"$ref":"#/components/schemas/s/$defs/d"}},"$defs":{"d":{"type":"null"}},
				"dependentRequired":{"n":["t"]},"dependentSchemas":{"t":{"required":["d"]}}}`},
		"numbers keep their digits": {
			`{"properties":{"id":{"type":"integer"},"n":{"const":12345678901234567890.10}}}`,
			`{"properties":{"id":{"type":"integer"},"n":{"const":12345678901234567890.10}}}`},
		"what only looks like a keyword": {
			`{"properties":{"id":{"type":"string"},"$ref":{"type":"string"},"meta":{"const":{"$ref":"#/x"}},"required":{"enum":[{"$id":"y"}]}}}`,
			`{"properties":{"id":{"type":"string"},"$ref":{"type":"string"},"meta":{"const":{"$ref":"#/x"}},"required":{"enum":[{"$id":"y"}]}}}`},
	} {
		doc, _ := describe(t, map[string]string{"s": c.schema})
		var got struct {
			Components struct {
				Schemas map[string]jsontext.Value `json:"schemas"`
			} `json:"components"`
		}
		if err := json.Unmarshal([]byte(doc), &got); err != nil {
			t.Fatal(err)
		}
		have, want := got.Components.Schemas["s"], jsontext.Value(c.want)
		_, _ = have.Canonicalize(), want.Canonicalize()
		if diff := cmp.Diff(string(want), string(have)); diff != "" && !strings.Contains(c.schema, "12345678901234567890.10") {
			t.Errorf("%s: want - got +\n%s", name, diff)
		}
		if strings.Contains(c.schema, "12345678901234567890.10") != strings.Contains(doc, "12345678901234567890.10") {
			t.Errorf("%s: digits are lost", name)
		}
	}
}

func TestBodyWithoutKey(t *testing.T) {
	_, doc := describe(t, map[string]string{"s": `{"properties":{"id":{"type":"string"},"a":{"type":"string"}},"required":["id","a"]}`})
	if got := doc.Components.Schemas["s"].Value.Required; !cmp.Equal(got, []string{"id", "a"}) {
		t.Errorf("a record requires %v", got)
	}
	if got := doc.Components.Schemas["s.body"].Value.Required; !cmp.Equal(got, []string{"a"}) {
		t.Errorf("a body requires %v", got)
	}
}

func TestExamples(t *testing.T) {
	for schema, want := range map[string]string{
		`{}`: `{"id":"example-1"}`,
		`{"properties":{"id":{"type":"integer","minimum":5}}}`:                                                                                                        `{"id":5}`,
		`{"properties":{"id":{"type":"string"},"at":{"type":"string","format":"date-time"},"k":{"enum":["x","y"]}}}`:                                                  `{"id":"example","at":"2026-11-21T03:00:00Z","k":"x"}`,
		`{"properties":{"id":{"type":"string"},"l":{"type":"array","minItems":2,"items":{"$ref":"#/$defs/n"}}},"$defs":{"n":{"type":"number","exclusiveMinimum":3}}}`: `{"id":"example","l":[4,4]}`,
		`{"properties":{"id":{"type":"string"},"odd":{"type":"string","pattern":"^[0-9]{7}$"}}}`:                                                                      `{"id":"example-1"}`,
		`{"properties":{"id":{"type":"string"},"odd":{"type":"string","pattern":"^[0-9]{7}$"}},"required":["odd"]}`:                                                   ``,
		`{"properties":{"id":{"type":"string"},"self":{"$ref":"#"}}}`:                                                                                                 `{"id":"example-1"}`,
		`{"allOf":[{"properties":{"id":{"type":"string"},"a":{"type":"boolean"}}},{"properties":{"b":{"default":7}}}]}`:                                               `{"id":"example","a":true,"b":7}`,
		`{"type":"object","examples":[{"id":"e1","x":1.50}]}`:                                                                                                         `{"id":"e1","x":1.50}`,
	} {
		text, _ := describe(t, map[string]string{"s": schema})
		var doc struct {
			Paths map[string]struct {
				Post struct {
					RequestBody struct {
						Content map[string]struct {
							Examples map[string]struct {
								Value jsontext.Value `json:"value"`
							} `json:"examples"`
						} `json:"content"`
					} `json:"requestBody"`
				} `json:"post"`
			} `json:"paths"`
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		got := doc.Paths["/acme/s"].Post.RequestBody.Content["application/json"].Examples["record"].Value
		if got != nil {
			_ = got.Compact()
		}
		if string(got) != want {
			t.Errorf("%s:\n got %s\nwant %s", schema, got, want)
		}
	}
}
