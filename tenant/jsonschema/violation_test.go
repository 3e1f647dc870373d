package jsonschema

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func violationsOf(t *testing.T, schema, doc string) []string {
	t.Helper()
	err := mustCompile(t, schema).Validate(context.Background(), []byte(doc))
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*ValidationError](err)
	if !ok {
		t.Fatalf("%s: %s: %v", schema, doc, err)
	}
	var texts []string
	for _, v := range invalid.Violations {
		texts = append(texts, fmt.Sprintf("%s %s (%s)", v.Pointer, v.Message, v.Schema))
	}
	return texts
}

func TestViolations(t *testing.T) {
	for _, c := range []struct {
		schema, doc string
		want        []string
	}{
		{`{"properties":{"a/b":{"items":{"type":["string","null"]}}},"required":["c","d"],"additionalProperties":false}`, `{"a/b":["x",null,1,true],"é~":1,"d":2}`, []string{
			"/a~1b/2 must be a string or null, not a number (/properties/a~1b/items/type)",
			"/a~1b/3 must be a string or null, not a boolean (/properties/a~1b/items/type)",
			"/c is required (/required)",
			"/d is not a property of the schema (/additionalProperties)",
			"/é~0 is not a property of the schema (/additionalProperties)",
		}},
		{`{"$defs":{"n":{"minimum":0.50,"exclusiveMaximum":1e3,"multipleOf":25e-2}},"items":{"$ref":"#/$defs/n"}}`, `[0.1,1000,0.75,999.9]`, []string{
			"/0 must be a multiple of 0.25 (/$defs/n/multipleOf)",
			"/0 must be at least 0.5 (/$defs/n/minimum)",
			"/1 must be less than 1000 (/$defs/n/exclusiveMaximum)",
			"/3 must be a multiple of 0.25 (/$defs/n/multipleOf)",
		}},
		{`{"minLength":3,"pattern":"^a","format":"date"}`, `"é"`, []string{
			" must be a valid date, for example 2026-11-21 (/format)", " must have at least 3 characters, not 1 (/minLength)", " must match the pattern ^a (/pattern)"}},
		{`{"maxLength":1}`, `"éé"`, []string{" must have at most 1 character, not 2 (/maxLength)"}},
		{`{"uniqueItems":true,"minItems":4,"prefixItems":[{"const":{"a":1}},{"enum":["x",1,null,[]]}],"items":false}`, `[1,2,1]`, []string{
			" must have at least 4 items, not 3 (/minItems)", " must not repeat an item, as items 0 and 2 do (/uniqueItems)",
			"/0 must be a value that the schema gives (/prefixItems/0/const)",
			`/1 must be one of "x", 1, null, a value that the schema gives (/prefixItems/1/enum)`,
			"/2 is not allowed here (/items)"}},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","items":[{}],"additionalItems":false,"maxItems":1}`, `[1,2,3]`, []string{
			" has 2 items too many (/additionalItems)", " must have at most 1 item, not 3 (/maxItems)"}},
		{`{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true}`, `1`, []string{" must be more than 1 (/exclusiveMinimum)"}},
		{`{"contains":{"type":"string"}}`, `[]`, []string{" must hold an item of the kind that the schema asks for (/contains)"}},
		{`{"contains":{"type":"string"}}`, `[1]`, []string{"/0 must be a string, not a number (/contains/type)"}},
		{`{"contains":{"type":"string"},"minContains":2,"maxContains":3}`, `["a"]`, []string{" must hold at least 2 items of the kind that the schema asks for (/minContains)"}},
		{`{"contains":{"type":"string"},"maxContains":1}`, `["a","b"]`, []string{" must hold at most 1 item of the kind that the schema asks for (/maxContains)"}},
		{`{"minProperties":2,"maxProperties":0}`, `{"a":1}`, []string{" must have at least 2 properties, not 1 (/minProperties)", " must have at most 0 properties, not 1 (/maxProperties)"}},
		{`{"propertyNames":{"maxLength":1}}`, `{"a":1,"bc":2}`, []string{"/bc is not an allowed property name (/propertyNames)"}},
		{`{"dependentRequired":{"a":["b"]},"dependentSchemas":{"a":{"required":["c"]}}}`, `{"a":1}`, []string{
			`/b is required where "a" is given (/dependentRequired)`, "/c is required (/dependentSchemas/a/required)"}},
		{`{"anyOf":[{"type":"string"},{"required":["a"]}]}`, `{}`, []string{" must be a string, not an object (/anyOf/0/type)", "/a is required (/anyOf/1/required)"}},
		{`{"oneOf":[{"type":"object"},{"required":["a"]}]}`, `{"a":1}`, []string{" must match exactly one of the schema's alternatives, not several (/oneOf)"}},
		{`{"not":{}}`, `1`, []string{" must not be what the schema excludes (/not)"}},
		{`{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}`, `{"a":1}`, []string{"/b is required (/then/required)"}},
		{`{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}`, `{}`, []string{"/c is required (/else/required)"}},
		{`{"properties":{"a":true},"unevaluatedProperties":false}`, `{"a":1,"b":2}`, []string{"/b is not allowed here (/unevaluatedProperties)"}},
		{`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, `{"minLength":-1}`, []string{
			"/minLength must be at least 0 (https://json-schema.org/draft/2020-12/meta/validation#/$defs/nonNegativeInteger/minimum)"}},
		{`{"enum":["` + strings.Repeat("é", 40) + `"]}`, `1`, []string{` must be one of "` + strings.Repeat("é", 30) + `"… (/enum)`}},
		{`{"const":` + strings.Repeat("1", 70) + `}`, `1`, []string{" must be " + strings.Repeat("1", 60) + "… (/const)"}},
		{`{"minimum":1e200}`, `1`, []string{" must be at least 0.1e201 (/minimum)"}},
	} {
		if diff := cmp.Diff(c.want, violationsOf(t, c.schema, c.doc)); diff != "" {
			t.Errorf("%s\n%s\n%s", c.schema, c.doc, diff)
		}
	}
}

func TestManyViolations(t *testing.T) {
	s := mustCompile(t, `{"items":{"type":"string"}}`)
	err := s.Validate(context.Background(), []byte("["+strings.Repeat("1,", 20_000)+"1]"))
	invalid, ok := errors.AsType[*ValidationError](err)
	if !ok || len(invalid.Violations) != 10_000 || invalid.More != 10_001 {
		t.Errorf("%d and %d violations", len(invalid.Violations), invalid.More)
	}
}

// What is true of a document does not depend on whether the list of violations
// is complete.
func TestExplainingRunsOutOfSteps(t *testing.T) {
	s, err := Compile([]byte(`{"items":{"type":"string"}}`), &Options{MaxSteps: 1000})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Validate(context.Background(), []byte("["+strings.Repeat("1,", 300)+"1]"))
	invalid, ok := errors.AsType[*ValidationError](err)
	if !ok || len(invalid.Violations) == 0 || len(invalid.Violations) > 100 || invalid.More == 0 {
		t.Errorf("%v", err)
	}
}

func TestDiagnostics(t *testing.T) {
	const d4, d7, d19 = `"$schema":"http://json-schema.org/draft-04/schema#",`, `"$schema":"http://json-schema.org/draft-07/schema#",`, `"$schema":"https://json-schema.org/draft/2019-09/schema",`
	for schema, want := range map[string]string{
		`[]`:                                    `"" must be an object or a boolean, not an array`,
		`{"type":"strnig"}`:                     `"/type" must be one of "string", "integer", "number", "boolean", "array", "object", "null"`,
		`{"type":[]}`:                           `"/type" must have at least 1 item, not 0`,
		`{"type":["string","string"]}`:          `"/type/1" repeats a type`,
		`{"properties":{"a":{"minLength":-1}}}`: `"/properties/a/minLength" must be at least 0`,
		`{"minItems":1.5}`:                      `"/minItems" must be an integer, not a number`,
		`{"minItems":"1"}`:                      `"/minItems" must be an integer, not a string`,
		`{"multipleOf":0}`:                      `"/multipleOf" must be more than 0`,
		`{"maximum":"1"}`:                       `"/maximum" must be a number, not a string`,
		`{"exclusiveMaximum":true}`:             `"/exclusiveMaximum" must be a number, not a boolean`,
		`{"uniqueItems":1}`:                     `"/uniqueItems" must be a boolean, not a number`,
		`{"required":"a"}`:                      `"/required" must be an array of names, not a string`,
		`{"required":["a","a"]}`:                `"/required/1" repeats the name "a"`,
		`{"required":[1]}`:                      `"/required/0" must be a string, not a number`,
		`{"properties":[]}`:                     `"/properties" must be an object, not an array`,
		`{"properties":{"a":1}}`:                `"/properties/a" must be an object or a boolean, not a number`,
		`{"items":[{}]}`:                        `"/items" must be an object or a boolean, not an array`,
		`{"allOf":{}}`:                          `"/allOf" must be an array, not an object`,
		`{"anyOf":[]}`:                          `"/anyOf" must have at least 1 item, not 0`,
		`{"enum":1}`:                            `"/enum" must be an array, not a number`,
		`{"title":1}`:                           `"/title" must be a string, not a number`,
		`{"dependentRequired":{"a":"b"}}`:       `"/dependentRequired/a" must be an array of names, not a string`,
		`{"$anchor":"1a"}`:                      `"/$anchor" must be a plain name: a letter, then letters, digits, hyphens, underscores and periods`,
		`{"$id":"#a"}`:                          `"/$id" must not have a fragment; use $anchor for a name within the schema`,
		`{"$ref":"a b"}`:                        `"/$ref" must be a valid uri-reference`,
		`{"$ref":"#/$defs/a"}`:                  `"/$ref" refers to "#/$defs/a": there is nothing at that place`,
		`{"$ref":"#a"}`:                         `"/$ref" refers to "#a": there is no such anchor`,
		`{"$ref":"other.json"}`:                 `"/$ref" refers to "other.json": ` + notLoaded,
		`{"$schema":"http://example.com/a"}`:    `"/$schema" refers to "http://example.com/a": ` + notLoaded,
		`{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}`:         `"/$defs/b/$anchor" names an anchor that another schema has: "x"`,
		`{"$defs":{"a":{"$id":"http://x/"},"b":{"$id":"http://x/"}}}`: `"/$defs/b" has the same URI as another schema: "http://x/"`,
		`{"$ref":"#"}`: `"" refers to itself without end: no value can be checked`,
		`{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}}`: `"/$defs/a" refers to itself without end: no value can be checked`,
		`{` + d19 + `"$recursiveRef":"#"}`:      `"" refers to itself without end: no value can be checked`,
		`{"pattern":"("}`:                       `"/pattern" must be a valid regex: it has a ( without a )`,
		`{"pattern":"(?=a)"}`:                   `"/pattern" must be a supported regex: it uses lookahead, (?=…) or (?!…), which RE2, the engine that checks patterns in linear time, does not have; write each condition as a pattern of its own in allOf, or under not`,
		`{"patternProperties":{"a":{},"*":{}}}`: `"/patternProperties/*" must be a valid regex: it has a * with nothing before it to repeat`,
		`{"$defs":{"a":{"pattern":"("}}}`:       `"/$defs/a/pattern" must be a valid regex: it has a ( without a )`,
		`{` + d4 + `"items":true}`:              `"/items" must be an object, not a boolean`,
		`{` + d4 + `"required":[]}`:             `"/required" must have at least 1 item, not 0`,
		`{` + d4 + `"enum":[1,1.0]}`:            `"/enum" must not repeat an item, as items 0 and 1 do`,
		`{` + d4 + `"exclusiveMaximum":true}`:   `"" has exclusiveMaximum, and so must have maximum`,
		`{` + d7 + `"items":[]}`:                `"/items" must have at least 1 item, not 0`,
		`{` + d7 + `"dependencies":{"a":1}}`:    `"/dependencies/a" must be an object or a boolean, not a number`,
	} {
		_, err := Compile([]byte(schema), nil)
		if invalid, ok := errors.AsType[*CompileError](err); !ok || err.Error() != "schema does not compile: "+want || len(invalid.Diagnostics) != 1 {
			t.Errorf("%s\n got %v\nwant %s", schema, err, want)
		}
	}
	// What nothing refers to may have references that lead nowhere, and keywords
	// of other drafts are ignored.
	for _, schema := range []string{
		`{"$defs":{"a":{"$ref":"#/nowhere"}}}`,
		`{` + d4 + `"additionalProperties":false,"additionalItems":true,"const":1,"if":1}`,
		`{` + d7 + `"$ref":"#/definitions/a","type":"string","definitions":{"a":{}},"$defs":1,"prefixItems":1}`,
		`{"additionalItems":1,"dependencies":{"a":["b"]}}`,
		`{"properties":{"a":{"$ref":"#"}}}`,
		`{"$defs":{"a":{"$id":"other","properties":{"b":{"$ref":"other"}}}},"$ref":"other"}`,
	} {
		mustCompile(t, schema)
	}
	if _, err := Compile([]byte(`{"a":1,"a":2}`), nil); err == nil || !strings.Contains(err.Error(), "duplicate") {
		t.Errorf("repeated name: %v", err)
	}
}
