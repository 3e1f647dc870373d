package tenant

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant/diag"
)

func schemaOf(text string) (*Schema, []string) {
	s, findings := parseSchema("acme", "pet", "acme/pet.json", []byte(text), policy{defaultBus: localBus})
	return s, texts(findings)
}

func mustSchema(t testing.TB, text string) *Schema {
	t.Helper()
	s, findings := schemaOf(text)
	if s == nil || findings != nil {
		t.Fatalf("%s: %q", text, findings)
	}
	return s
}

const petSchema = `{
  "type": "object",
  "properties": {
    "id": {"type": "string"},
    "name": {"type": "string", "minLength": 2},
    "status": {"enum": ["available", "pending", "sold"]},
    "born": {"type": "string", "format": "date"},
    "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true}
  },
  "required": ["name"],
  "additionalProperties": false
}`

func TestSchemaDefaults(t *testing.T) {
	s := mustSchema(t, petSchema)
	if s.KeyField != "id" || s.IntegerKey || s.Backend != events.DynamoDB || !s.LogKey || string(s.Raw) != petSchema {
		t.Errorf("schema = %+v", s)
	}
	if diff := cmp.Diff([]string{"id", "name", "status", "born", "tags"}, s.Columns); diff != "" {
		t.Error(diff)
	}
	s = mustSchema(t, `{"meta":{"key":"n","backend":"csv","logKey":false},"allOf":[{"$ref":"#/$defs/z"}],
		"properties":{"b":{},"a":{}},"$defs":{"z":{"properties":{"y":{},"a":{},"x":{}}}}}`)
	if s.KeyField != "n" || s.Backend != events.CSV || s.LogKey || !cmp.Equal(s.Columns, []string{"n", "b", "a", "y", "x"}) {
		t.Errorf("schema = %+v", s)
	}
}

func TestValidateListsEveryViolation(t *testing.T) {
	for _, c := range []struct {
		schema, doc string
		want        []string
	}{
		{petSchema, `{"name":"Rex","status":"sold","born":"2026-02-28"}`, nil},
		{petSchema, `{"name":"R","status":"CANARY","born":"2026-02-30","colour":1,"tags":["CANARY",7,"CANARY"]}`, []string{
			"/born must be a valid date, for example 2026-11-21",
			"/colour is not a property of the schema",
			"/name must have at least 2 characters, not 1",
			`/status must be one of "available", "pending", "sold"`,
			"/tags must not repeat an item, as items 0 and 2 do",
			"/tags/1 must be a string, not a number",
		}},
		{petSchema, `{"a/b~c":1}`, []string{"/a~1b~0c is not a property of the schema", "/name is required"}},
		{petSchema, `[]`, []string{" must be an object"}},
		{petSchema, `{"id":null,"name":"Rex"}`, []string{"/id must be a string, not null"}},
		{`{"anyOf":[{"required":["a"]},{"required":["b"]}]}`, `{}`, []string{"/a is required", "/b is required"}},
		{`{"oneOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1,"b":1}`, []string{" must match exactly one of the schema's alternatives, not several"}},
		{`{"allOf":[{"required":["a"]},{"required":["a"]}]}`, `{}`, []string{"/a is required"}},
		{`{"not":{"required":["a"]}}`, `{"a":1}`, []string{" must not be what the schema excludes"}},
		{`{"properties":{"p":{"propertyNames":{"pattern":"^[a-z]+$"}},"q":{"type":"object"}}}`, `{"p":{"CANARY":1},"q":{"x":1},"r":{"x":1},"s":{"x":2}}`,
			[]string{"/p/CANARY is not an allowed property name"}},
		{`{"dependentRequired":{"a":["b","c"]}}`, `{"a":1}`, []string{`/b is required where "a" is given`, `/c is required where "a" is given`}},
		{`{"unevaluatedProperties":false,"properties":{"a":{}}}`, `{"x":1}`, []string{"/x is not allowed here"}},
		{`{"properties":{"n":{"minimum":10.50},"m":{"multipleOf":0.1},"x":{"maximum":1e30},"y":{"exclusiveMinimum":0},"z":{"exclusiveMaximum":0}}}`,
			`{"n":10.49,"m":0.15,"x":1e31,"y":0,"z":0}`, []string{
				"/m must be a multiple of 0.1", "/n must be at least 10.5",
				"/x must be at most 1000000000000000000000000000000", "/y must be more than 0", "/z must be less than 0"}},
		{`{"properties":{"s":{"pattern":"^[A-Z]+$","maxLength":3}}}`, `{"s":"canary"}`, []string{
			"/s must have at most 3 characters, not 6", "/s must match the pattern ^[A-Z]+$"}},
		{`{"properties":{"l":{"minItems":2,"contains":{"type":"string"}},"k":{"maxItems":0},"c":{"const":{"a":1}},"d":{"const":null}},"minProperties":9,"maxProperties":1}`,
			`{"l":[1],"k":[1],"c":1,"d":1}`, []string{
				" must have at least 9 properties, not 4", " must have at most 1 property, not 4",
				"/c must be a value that the schema gives", "/d must be null", "/k must have at most 0 items, not 1",
				"/l must have at least 2 items, not 1", "/l/0 must be a string, not a number"}},
		{`{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":{"type":"number","minimum":1,"exclusiveMinimum":true}}}`,
			`{"a":1}`, []string{"/a must be more than 1"}},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","dependencies":{"a":["b"]},"properties":{"e":{"format":"email"},"t":{"items":[{}],"additionalItems":false}}}`,
			`{"a":1,"e":"CANARY","t":[1,2]}`, []string{`/b is required where "a" is given`, "/e must be a valid email, for example name@example.com", "/t has 1 item too many"}},
		{`{"$schema":"https://json-schema.org/draft/2019-09/schema","properties":{"u":{"format":"uuid"}}}`, `{"u":"CANARY"}`, []string{"/u must be a valid uuid, for example 123e4567-e89b-12d3-a456-426614174000"}},
		{`{"$ref":"#/$defs/tree","$defs":{"tree":{"properties":{"below":{"$ref":"#/$defs/tree"},"n":{"type":"integer"}}}}}`,
			`{"below":{"below":{"n":"CANARY"}}}`, []string{"/below/below/n must be an integer, not a string"}},
	} {
		err := mustSchema(t, c.schema).Validate(t.Context(), jsontext.Value(c.doc))
		var got []string
		for _, v := range fault.ViolationsOf(err) {
			got = append(got, v.Pointer+" "+v.Message)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s\n%s", c.doc, diff)
		}
		if c.want == nil != (err == nil) || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", c.doc, err)
		}
		if err == nil {
			continue
		}
		// Names of members may be told, values never.
		for _, v := range fault.ViolationsOf(err) {
			if strings.Contains(strings.ToLower(v.Message+fault.MessageOf(err)), "canary") {
				t.Errorf("%s: the value is quoted: %v", c.doc, v)
			}
		}
	}
}

func TestValidateMalformed(t *testing.T) {
	s := mustSchema(t, petSchema)
	for _, doc := range []string{``, `{`, `{"name":"CANARY"`, `{"name":"a","name":"b"}`, "{\"name\":\"CANARY\xff\"}", `{"name":"Rex"} 1`} {
		err := s.Validate(t.Context(), jsontext.Value(doc))
		if !fault.Is(err, fault.Invalid) || strings.Contains(fault.MessageOf(err), "CANARY") {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

func TestValidateDepth(t *testing.T) {
	s := mustSchema(t, `{}`)
	for depth, ok := range map[int]bool{64: true, 65: false} {
		doc := `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
		if err := s.Validate(t.Context(), jsontext.Value(doc)); (err == nil) != ok {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

// Numbers keep their value, and none is so large that it stops the service.
func TestNumbersAreExactAndBounded(t *testing.T) {
	exact := mustSchema(t, `{"properties":{"n":{"const":9007199254740993},"d":{"enum":[12345678901234567890.10]}}}`)
	if err := exact.Validate(t.Context(), jsontext.Value(`{"n":9007199254740993.0,"d":12345678901234567890.1}`)); err != nil {
		t.Error(err)
	}
	if err := exact.Validate(t.Context(), jsontext.Value(`{"n":9007199254740992}`)); err == nil {
		t.Error("2^53 is taken for 2^53+1")
	}

	s := mustSchema(t, `{"properties":{"n":{"type":"integer","minimum":1},"l":{"uniqueItems":true,"items":{"multipleOf":0.01}}}}`)
	const fine = fault.Code(0)
	for doc, want := range map[string]fault.Code{
		`{"n":1e400}`:                             fine,
		`{"n":1e4000}`:                            fine,
		`{"x":1e-4000}`:                           fine,
		`{"x":1e4001}`:                            fault.TooLarge,
		`{"x":-1E-4001}`:                          fault.TooLarge,
		`{"x":1e999999999}`:                       fault.TooLarge,
		`{"x":1e99999999999999999999}`:            fault.TooLarge,
		`{"n":` + strings.Repeat("9", 39) + `}`:   fine,
		`{"x":` + strings.Repeat("9", 4001) + `}`: fault.TooLarge,
		`{"l":[` + strings.TrimSuffix(strings.Repeat("1e4000,", 140_000), ",") + `]}`:            fault.TooLarge,
		`{"l":[` + strings.TrimSuffix(strings.Repeat("1e3999,2e-4000,", 250), ",") + `]}`:        fault.Invalid,
		`{"x":[` + strings.TrimSuffix(strings.Repeat("123456789012345678,", 50_000), ",") + `]}`: fine,
	} {
		began := time.Now()
		err := s.Validate(t.Context(), jsontext.Value(doc))
		if fault.CodeOf(err) != want {
			t.Errorf("%.40s: want %v, got %.200v", doc, want, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%.40s took %v", doc, took)
		}
	}
	if _, findings := schemaOf("{\n \"minimum\": 1e999999999}"); !cmp.Equal(findings, []string{"acme/pet.json:2:2: error: must have an exponent within ±4000"}) {
		t.Errorf("%q", findings)
	}
}

// A record that takes too many steps is too large, on every machine; one whose
// check is interrupted is neither valid nor invalid.
func TestValidationIsBounded(t *testing.T) {
	s := mustSchema(t, `{"properties":{"l":{"patternProperties":{"(a|b)*c":{},"[^x]+y$":{},"z{1,500}":{}}}}}`)
	var members []string
	for i := range 40_000 {
		members = append(members, fmt.Sprintf(`"name %d":1`, i))
	}
	doc := jsontext.Value(`{"l":{` + strings.Join(members, ",") + `}}`)
	err := s.Validate(t.Context(), doc)
	const want = `payload cannot be checked: at "/properties/l", schema "pet" needs more than 10000000 steps to check this document`
	if fault.CodeOf(err) != fault.TooLarge || fault.MessageOf(err) != want {
		t.Errorf("too many steps: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, doc := range []string{`{"l":{}}`, `{"l":1,"id":7}`} {
		err := s.Validate(ctx, jsontext.Value(doc))
		if fault.CodeOf(err) != fault.Unavailable || fault.CodeOf(err).Rejection() {
			t.Errorf("%s with an ended context: %v", doc, err)
		}
	}
}

func TestManyViolationsAreCutShort(t *testing.T) {
	s := mustSchema(t, `{"properties":{"l":{"items":{"type":"string"}}}}`)
	err := s.Validate(t.Context(), jsontext.Value(`{"l":[`+strings.TrimSuffix(strings.Repeat("1,", 5000), ",")+`]}`))
	vs := fault.ViolationsOf(err)
	if len(vs) != 1000 || vs[999].Message != "has 4001 violations more" {
		t.Errorf("%d violations, last %v", len(vs), vs[len(vs)-1])
	}
}

func TestKeyField(t *testing.T) {
	for _, c := range []struct {
		schema  string
		integer bool
	}{
		{`{}`, false},
		{`{"properties":{"id":{}}}`, false},
		{`{"properties":{"id":true}}`, false},
		{`{"properties":{"id":{"type":"string"}}}`, false},
		{`{"properties":{"id":{"type":["string","null"]}}}`, false},
		{`{"properties":{"id":{"enum":["a","b"]}}}`, false},
		{`{"properties":{"id":{"type":"integer"}}}`, true},
		{`{"properties":{"id":{"const":7}}}`, true},
		{`{"properties":{"id":{"type":["integer","string"],"enum":[1,2]}}}`, true},
		{`{"properties":{"id":{"$ref":"#/$defs/key"}},"$defs":{"key":{"allOf":[{"type":"integer"}]}}}`, true},
		{`{"$ref":"#/$defs/base","$defs":{"base":{"properties":{"id":{"type":"integer"}}}}}`, true},
		{`{"allOf":[{"properties":{"id":{"type":"integer"}}}]}`, true},
		{`{"oneOf":[{"properties":{"id":{"type":"integer"}}},{"properties":{"id":{"type":"integer","minimum":1}}}]}`, true},
		{`{"properties":{"id":{"anyOf":[{"type":"integer"},{"const":3}]}}}`, true},
	} {
		if s := mustSchema(t, c.schema); s.IntegerKey != c.integer {
			t.Errorf("%s: integer = %v", c.schema, s.IntegerKey)
		}
	}
	const cannot = `error: key field "id" cannot hold a key; declare it as string or integer, or name another field in meta.key`
	for schema, want := range map[string]string{
		`{"properties":{"id":{"type":"boolean"}}}`:                                            "acme/pet.json:1:16: " + cannot,
		`{"properties":{"id":{"type":"object"}}}`:                                             "acme/pet.json:1:16: " + cannot,
		`{"properties":{"id":{"type":"array"}}}`:                                              "acme/pet.json:1:16: " + cannot,
		`{"properties":{"id":{"type":"number"}}}`:                                             "acme/pet.json:1:16: " + cannot,
		`{"properties":{"id":{"const":1.5}}}`:                                                 "acme/pet.json:1:16: " + cannot,
		`{"properties":{"id":false}}`:                                                         "acme/pet.json:1:16: " + cannot,
		`{"properties":{"id":{"type":"string"}},"allOf":[{"properties":{"id":{"const":1}}}]}`: "acme/pet.json:1:16: " + cannot,
		`{"properties":{"id":{"type":["string","integer"]}}}`:                                 `acme/pet.json:1:16: error: key field "id" may be both a string and a number; declare it as one of string and integer`,
	} {
		if s, findings := schemaOf(schema); s != nil || !cmp.Equal(findings, []string{want}) {
			t.Errorf("%s: %q", schema, findings)
		}
	}
}

// A key field that the schema does not declare counts as declared, a string.
func TestUndeclaredKeyIsAdmitted(t *testing.T) {
	for _, schema := range []string{
		`{}`,
		`{"required":["id"]}`,
		`{"maxProperties":2,"additionalProperties":{"type":"integer"}}`,
		`{"properties":{"a":{}},"additionalProperties":false,"required":["id","a"]}`,
		`{"properties":{"a":{}},"unevaluatedProperties":false}`,
		`{"$ref":"#/$defs/b","$defs":{"b":{"properties":{"a":{}},"additionalProperties":{"type":"integer"}}}}`,
		`{"allOf":[{"$ref":"#/$defs/b"}],"$defs":{"b":{"properties":{"a":{}},"additionalProperties":false}}}`,
		`{"oneOf":[{"properties":{"a":{}},"additionalProperties":false},{"required":["b"]}]}`,
		`{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/b","definitions":{"b":{"properties":{"a":{}},"additionalProperties":false}}}`,
	} {
		s := mustSchema(t, schema)
		if err := s.Validate(t.Context(), jsontext.Value(`{"id":"k","a":1}`)); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
		if !strings.HasPrefix(schema, `{"$schema`) { // in draft 7 nothing beside $ref counts; Key refuses it there
			continue
		}
		if _, _, err := s.Key(jsontext.Value(`{"id":7}`)); err == nil {
			t.Errorf("%s: an integer is taken as key", schema)
		}
	}
	if err := mustSchema(t, `{}`).Validate(t.Context(), jsontext.Value(`{"id":7}`)); err == nil {
		t.Error("an undeclared key field takes an integer")
	}
	if err := mustSchema(t, `{"additionalProperties":false}`).Validate(t.Context(), jsontext.Value(`{"id":"k","x":1}`)); err == nil {
		t.Error("a closed schema is open")
	}
}

func TestKeyOfPayload(t *testing.T) {
	text := mustSchema(t, `{}`)
	number := mustSchema(t, `{"meta":{"key":"n/r"},"properties":{"n/r":{"type":"integer"}}}`)
	for _, c := range []struct {
		s       *Schema
		payload string
		key     events.RecordKey
		present bool
		pointer string // of the fault
	}{
		{text, `{"a":{"id":"no"},"id":"ké\u00e9\n"}`, "", true, "/id"},
		{text, `{"a":{"id":"no"},"id" : "k\u00e9" }`, "ké", true, ""},
		{text, `{"a":{"id":"no"}}`, "", false, ""},
		{text, ` {} `, "", false, ""},
		{text, `{"id":""}`, "", true, "/id"},
		{text, `{"id":null}`, "", true, "/id"},
		{text, `{"id":7}`, "", true, "/id"},
		{text, `{"id":"` + strings.Repeat("é", 129) + `"}`, "", true, "/id"},
		{number, `{"n/r":-42}`, "-42", true, ""},
		{number, `{"n/r":1.0}`, "", true, "/n~1r"},
		{number, `{"n/r":1e2}`, "", true, "/n~1r"},
		{number, `{"n/r":"42"}`, "", true, "/n~1r"},
	} {
		key, present, err := c.s.Key(jsontext.Value(c.payload))
		if key != c.key || present != c.present || (err != nil) != (c.pointer != "") {
			t.Errorf("%s: %q, %v, %v", c.payload, key, present, err)
		}
		if err != nil && (!fault.Is(err, fault.Invalid) || fault.ViolationsOf(err)[0].Pointer != c.pointer) {
			t.Errorf("%s: %v", c.payload, err)
		}
	}
	for _, payload := range []string{``, `[]`, `"id"`, `null`, `{"a":1`, `{"a"}`} {
		if _, _, err := text.Key(jsontext.Value(payload)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", payload, err)
		}
	}
}

func TestKeySpan(t *testing.T) {
	s := mustSchema(t, petSchema)
	for doc, quick := range map[string]bool{
		`{"id":"p-1","name":"Rex"}`: true, ` { "name" : {"id":1} , "id" : [1,2] } `: true, `{"name":"Rex"}`: true, `{}`: true,
		`{"i\u0064":"p-1"}`: false, `{"id":1,"id":2}`: true, `{"id":1,}`: true, `{"name":1,}`: false, `{"id":`: false, `[]`: false, ``: false, "{\"id\":\"\xff\"}": false, `{"id":"\ud800"}`: false,
	} {
		at, ok := s.quickKeySpan(jsontext.Value(doc))
		want, present, err := s.decodedKeySpan(jsontext.Value(doc))
		if ok != quick || ok && (err != nil || at != want || present != (at.end > 0)) {
			t.Errorf("%s: key quickly at %v (%v), decoded at %v (present %v), %v; want quick %v", doc, at, ok, want, present, err, quick)
		}
	}
}

func TestWithKey(t *testing.T) {
	text := mustSchema(t, `{}`)
	number := mustSchema(t, `{"meta":{"key":"n"},"properties":{"n":{"type":"integer"}}}`)
	for _, c := range []struct {
		s        *Schema
		in       string
		key      events.RecordKey
		out      string
		readable bool
	}{
		{text, `{}`, `a"b`, `{"id":"a\"b"}`, true},
		{text, " {\n \"x\": 1.10 }", "k", `{"id":"k","x": 1.10 }`, true},
		{text, `{"x":1,"id":"old","y":2}`, "new", `{"x":1,"id":"new","y":2}`, true},
		{number, `{ }`, "7", `{"n":7}`, true},
	} {
		in := jsontext.Value(c.in)
		got := c.s.WithKey(in, c.key)
		if string(got) != c.out || string(in) != c.in {
			t.Errorf("%s with %s = %s", c.in, c.key, got)
		}
		if key, present, err := c.s.Key(got); key != c.key || !present || err != nil {
			t.Errorf("%s: key %s, %v, %v", got, key, present, err)
		}
	}
}

func TestFindingsOfSchemas(t *testing.T) {
	for text, want := range map[string]string{
		``:                    `1:1: error: document is empty`,
		"{\n  \"a\": 1,\n}":   `2:9: error: schema is not valid JSON: `,
		"{\"a\":1,\n\"a\":2}": `2:1: error: schema repeats a name in one object`,
		"{\"a\":\"\xff\"}":    `1:7: error: byte 0xFF is not valid UTF-8`,
		`{"title":"` + strings.Repeat("x", 256<<10) + `"}`: `1:1: error: schema has 262156 bytes, at most 262144 are read`,
		`true`:                               `1:1: error: schema must be an object`,
		`{"meta":1}`:                         `1:2: error: meta must be an object`,
		`{"meta":{"key":""}}`:                `1:16: error: meta.key must be the name of a property`,
		`{"meta":{"key":1}}`:                 `1:16: error: meta.key must be the name of a property`,
		`{"meta":{"kye":"a"}}`:               `1:10: warning: unknown member "kye" of meta (did you mean "key"?)`,
		`{"meta":{"backend":"mongo"}}`:       `1:20: error: meta.backend: backend "mongo" is unknown; known are dynamodb, s3 and csv`,
		`{"meta":{"backend":null}}`:          `1:20: error: meta.backend must be dynamodb, s3 or csv`,
		`{"meta":{"logKey":"no"}}`:           `1:19: error: meta.logKey must be true or false`,
		`{"meta":{"eventbridge-output":{}}}`: `1:31: error: meta.eventbridge-output must be a JSON array`,
		"{\"meta\":{\"eventbridge-output\":[{\n\"source\":1}]}}":   `2:10: error: source must be a string`,
		`{"meta":{"eventbridge-output":[{"schema_names":["x"]}]}}`: `1:48: warning: the rule belongs to schema "pet" and names only others, so it never matches`,
		"{\n \"type\": \"strnig\"}":                                `2:2: error: schema does not compile: "/type" must be one of "string", "integer", "number", "boolean", "array", "object", "null"`,
		"{\"properties\": {\n \"a\": {\"minLength\": -1}}}":        `2:8: error: schema does not compile: "/properties/a/minLength" must be at least 0`,
		"{\"properties\": {\n \"a\": {\"pattern\": \"(\"}}}":       `2:8: error: schema does not compile: "/properties/a/pattern" must be a valid regex: it has a ( without a )`,
		"{\"properties\": {\n \"a\": {\"pattern\": \"(?=x)\"}}}":   `2:8: error: schema does not compile: "/properties/a/pattern" must be a supported regex: it uses lookahead`,
		"{\"properties\":{\n\"a\":{\"$ref\":\"#/$defs/b\"}}}":      `2:6: error: schema does not compile: "/properties/a/$ref" refers to "#/$defs/b": there is nothing at that place`,
		"{\"properties\":{\n\"a\":{\"$ref\":\"#b\"}}}":             `2:6: error: schema does not compile: "/properties/a/$ref" refers to "#b": there is no such anchor`,
		"{\n\"$ref\":\"other.json\"}":                              `2:1: error: schema does not compile: "/$ref" refers to "other.json": only references within the file`,
		"{\n\"$ref\":\"../../etc/passwd\"}":                        `2:1: error: schema does not compile: "/$ref" refers to "../../etc/passwd": only references within the file`,
		"{\n\"$ref\":\"file:///etc/passwd\"}":                      `2:1: error: schema does not compile: "/$ref" refers to "file:///etc/passwd": only references within the file`,
		"{\n\"$ref\":\"https://example.com/a.json#/b\"}":           `2:1: error: schema does not compile: "/$ref" refers to "https://example.com/a.json#/b": only references within the file`,
		"{\n\"$schema\":\"http://example.com/draft\"}":             `2:1: error: schema does not compile: "/$schema" refers to "http://example.com/draft": only references within the file`,
	} {
		_, findings := schemaOf(text)
		if len(findings) == 0 || !strings.HasPrefix(findings[0], "acme/pet.json:"+want) {
			t.Errorf("%.200s\n got %q\nwant %s", text, findings, want)
		}
	}
}

func TestReferencesWithinTheFileAndToDrafts(t *testing.T) {
	for _, schema := range []string{
		`{"properties":{"a":{"$ref":"pet.json#/$defs/n"}},"$defs":{"n":{"type":"integer"}}}`,
		`{"$id":"https://example.com/pet","properties":{"a":{"$ref":"pet#n"}},"$defs":{"n":{"$anchor":"n","type":"integer"}}}`,
		`{"properties":{"a":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}}`,
	} {
		if err := mustSchema(t, schema).Validate(t.Context(), jsontext.Value(`{"a":"x"}`)); err == nil {
			t.Errorf("%s: takes a string", schema)
		}
	}
}

func TestByteOrderMarkAndOwnRules(t *testing.T) {
	s := mustSchema(t, "\ufeff"+`{"meta":{"eventbridge-output":[{"source":"own"},{"detail_type":"fixed","operations":["PUT"]}]}}`)
	owner, _ := parseText("eventbridge-output=[{}]")
	var got []string
	for _, out := range s.withTenant(owner).Outputs(events.Put) {
		got = append(got, fmt.Sprint(out.Source, " ", out.DetailType))
	}
	if diff := cmp.Diff([]string{"blockforger-output pet.PUT", "own pet.PUT", "blockforger-output fixed"}, got); diff != "" {
		t.Error(diff)
	}
	if s.withTenant(owner).Outputs(events.Get) != nil {
		t.Error("GET has outputs")
	}
	if len(s.outputs[0]) > 0 {
		t.Error("the schema itself has changed")
	}
}

func FuzzSchema(f *testing.F) {
	f.Add(petSchema, `{"name":"Rex"}`)
	f.Add(`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#"}},"propertyNames":{"maxLength":1}}`, `{"a":{"b":[1e5,null]}}`)
	f.Add(`{"meta":{"key":"k"},"properties":{"k":{"type":"integer"}},"unevaluatedProperties":false}`, `{"k":1}`)
	f.Fuzz(func(t *testing.T, schema, doc string) {
		if len(schema) > 2000 || len(doc) > 2000 {
			return
		}
		s, findings := parseSchema("acme", "pet", "f", []byte(schema), policy{defaultBus: localBus})
		if _, refused := diag.FirstFatal(findings); refused != (s == nil) {
			t.Fatalf("schema %v with findings %v", s, findings)
		}
		if s == nil {
			return
		}
		first, second := s.Validate(t.Context(), jsontext.Value(doc)), s.Validate(t.Context(), jsontext.Value(doc))
		if fmt.Sprint(first) != fmt.Sprint(second) {
			t.Fatalf("two answers: %v and %v", first, second)
		}
		if at, ok := s.quickKeySpan(jsontext.Value(doc)); ok {
			if want, present, err := s.decodedKeySpan(jsontext.Value(doc)); err != nil || at != want || present != (at.end > 0) {
				t.Fatalf("%s has its key quickly at %v, decoded at %v (present %v), %v", doc, at, want, present, err)
			}
		}
		if _, present, err := s.Key(jsontext.Value(doc)); err == nil && first == nil {
			with := s.WithKey(jsontext.Value(doc), "7")
			if key, _, err := s.Key(with); err != nil || key != "7" {
				t.Fatalf("%s with key: %s (present %v): %q, %v", doc, with, present, key, err)
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	s := mustSchema(b, petSchema)
	doc := jsontext.Value(`{"id":"p-1","name":"Rex","status":"available","born":"2026-01-02","tags":["good","dog"]}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Validate(b.Context(), doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKey(b *testing.B) {
	s := mustSchema(b, petSchema)
	doc := jsontext.Value(`{"name":"Rex","status":"available","id":"p-1"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Key(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mustSchema(b, petSchema)
	}
}
