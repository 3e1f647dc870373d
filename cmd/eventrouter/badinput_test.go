package main

import (
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
)

// Tests of bad input. Every message says what is wrong, where, and what would be right;
// no message holds text of Go or its libraries, an API key, or a name of a document that
// its schema does not declare. CANARY is such a name.

// goText matches what only a program in Go prints.
var goText = regexp.MustCompile(`\bjson: (cannot|unable|unknown|invalid)|jsontext|cannot unmarshal|\bGo (value|string|struct|int|main|type)|\bmain\.|\bstrconv|parsing "|parsing time|2006-01|invalid syntax|EOF|protocol scheme|dial tcp|listen tcp|lookup |\bopen \S+:|\bstat \S+:|panic|goroutine|<nil>|%!|kong|map\[|&\{|\w+\.\(\*|error parsing regexp`)

// checkMessage checks a message of bad input.
func checkMessage(t *testing.T, name, got, want string, secrets ...string) {
	t.Helper()
	if want == "" || !strings.Contains(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", name, strings.TrimSpace(got), want)
	}
	if found := goText.FindString(got); found != "" {
		t.Errorf("%s: the message has text of Go, %q:\n%s", name, found, got)
	}
	for _, secret := range append(secrets, "CANARY") {
		if secret != "" && strings.Contains(got, secret) {
			t.Errorf("%s: the message holds %q:\n%s", name, secret, got)
		}
	}
}

// TestBadInputIsCovered checks the number of cases.
func TestBadInputIsCovered(t *testing.T) {
	if n := len(badSchemas) + len(badProperties) + len(badDetails) + len(badCalls) + len(badCommands); n < 150 {
		t.Errorf("%d cases of bad input, want at least 150", n)
	}
}

// badSchemas are files of a schema, and what lint reports.
var badSchemas = []struct{ text, want string }{
	{``, `1:1: error: document is empty`},
	{`{`, `1:2: error: schema is not valid JSON: the text ends too early`},
	{`[]`, `1:1: error: schema must be an object, { … }`},
	{`"text"`, `1:1: error: schema must be an object, { … }`},
	{`{"a":1,"a":2}`, `1:8: error: schema repeats a name in one object`},
	{"\xff", `1:1: error: byte 0xFF is not valid UTF-8; save the file as UTF-8`},
	{`{"type":"objekt"}`, `1:2: error: schema does not compile: "/type" must be one of "string", "integer", "number", "boolean", "array", "object", "null"`},
	{`{"type":[]}`, `1:2: error: schema does not compile: "/type" must have at least 1 item, not 0`},
	{`{"type":["string","string"]}`, `1:2: error: the schema accepts no payload: a payload is an object`},
	{`{"properties":[]}`, `1:2: error: schema does not compile: "/properties" must be an object, not an array`},
	{`{"properties":{"a":1}}`, `1:16: error: schema does not compile: "/properties/a" must be an object or a boolean, not a number`},
	{`{"required":"a"}`, `1:2: error: schema does not compile: "/required" must be an array of names, not a string`},
	{`{"required":["a","a"]}`, `1:18: error: schema does not compile: "/required/1" repeats the name "a"`},
	{`{"required":[1]}`, `1:14: error: schema does not compile: "/required/0" must be a string, not a number`},
	{`{"minLength":-1}`, `1:2: error: schema does not compile: "/minLength" must be at least 0`},
	{`{"minLength":"1"}`, `1:2: error: schema does not compile: "/minLength" must be an integer, not a string`},
	{`{"minLength":1.5}`, `1:2: error: schema does not compile: "/minLength" must be an integer, not a number`},
	{`{"maximum":"9"}`, `1:2: error: schema does not compile: "/maximum" must be a number, not a string`},
	{`{"multipleOf":0}`, `1:2: error: schema does not compile: "/multipleOf" must be more than 0`},
	{`{"enum":{}}`, `1:2: error: schema does not compile: "/enum" must be an array, not an object`},
	{`{"pattern":"("}`, `1:2: error: schema does not compile: "/pattern" must be a valid regex: it has a ( without a )`},
	{`{"pattern":"[a"}`, `1:2: error: schema does not compile: "/pattern" must be a valid regex: it has a [ without a ]`},
	{`{"pattern":"(?=a)"}`, `1:2: error: schema does not compile: "/pattern" must be a supported regex: it uses lookahead, (?=…) or (?!…), which RE2, the engine that checks patterns in linear time, does not have; write each condition as a pattern of its own in allOf, or under not`},
	{`{"pattern":"(?<!a)b"}`, `1:2: error: schema does not compile: "/pattern" must be a supported regex: it uses lookbehind, (?<=…) or (?<!…), which RE2, the engine that checks patterns in linear time, does not have; write each condition as a pattern of its own in allOf, or under not`},
	{`{"pattern":"(a)\\1"}`, `1:2: error: schema does not compile: "/pattern" must be a supported regex: it uses a back-reference, which RE2, the engine that checks patterns in linear time, does not have; write out the alternatives`},
	{`{"pattern":"(?i)a"}`, `1:2: error: schema does not compile: "/pattern" must be a valid regex: it has a group (? … that ECMA-262 does not define`},
	{`{"pattern":"a{2,1}"}`, `1:2: error: schema does not compile: "/pattern" must be a valid regex: it has a quantifier whose bounds are out of order`},
	{`{"pattern":"a{1001}"}`, `1:2: error: schema does not compile: "/pattern" must be a supported regex: it repeats an expression more than 1000 times`},
	{`{"$ref":"#/$defs/a"}`, `1:2: error: schema does not compile: "/$ref" refers to "#/$defs/a": there is nothing at that place`},
	{`{"$ref":"other.json"}`, `1:2: error: schema does not compile: "/$ref" refers to "other.json": only references within the file, and to the drafts of JSON Schema, are followed; put what is referred to under $defs`},
	{`{"$ref":"#"}`, `1:1: error: schema does not compile: "" refers to itself without end: no value can be checked`},
	{`{"$schema":"http://example.com/a"}`, `1:2: error: schema does not compile: "/$schema" refers to "http://example.com/a": only references within the file, and to the drafts of JSON Schema, are followed; put what is referred to under $defs`},
	{`{"anyOf":[]}`, `1:2: error: schema does not compile: "/anyOf" must have at least 1 item, not 0`},
	{`{"items":[{}]}`, `1:2: error: schema does not compile: "/items" must be an object or a boolean, not an array`},
	{`{"meta":1}`, `1:2: error: meta must be an object, { … }`},
	{`{"meta":{"key":1}}`, `1:16: error: meta.key must be the name of a property, 1 to 256 bytes without control characters`},
	{`{"meta":{"key":""}}`, `1:16: error: meta.key must be the name of a property, 1 to 256 bytes without control characters`},
	{`{"meta":{"backend":"redis"}}`, `1:20: error: meta.backend: backend "redis" is unknown; known are dynamodb, s3 and csv`},
	{`{"meta":{"backend":1}}`, `1:20: error: meta.backend must be dynamodb, s3 or csv`},
	{`{"meta":{"logKey":"yes"}}`, `1:19: error: meta.logKey must be true or false`},
	{`{"meta":{"eventbridge-output":{}}}`, `1:31: error: meta.eventbridge-output must be a JSON array of output rules, [ … ]`},
	{`{"meta":{"logkey":true}}`, `1:10: warning: unknown member "logkey" of meta (did you mean "logKey"?)`},
	{`{"meta":{"key":"skuu"},"properties":{"sku":{"type":"string"}}}`, `1:16: error: meta.key names "skuu", which the schema does not declare (did you mean "sku"?); declare it in properties as string or integer`},
	{`{"properties":{"id":{"type":"boolean"}}}`, `1:16: error: key field "id" cannot hold a key; declare it as string or integer, or name another field in meta.key`},
	{`{"properties":{"id":{"type":["string","integer"]}}}`, `1:16: error: key field "id" may be both a string and a number; declare it as one of string and integer`},
	{`{"properties":{"a":{"minLenght":1}}}`, `1:21: warning: unknown keyword "minLenght" (did you mean "minLength"?): it has no effect`},
	{`{"properties":{"a":{"format":"emial"}}}`, `1:21: warning: unknown format "emial" (did you mean "email"?): it is not checked`},
	{`{"required":["b"],"additionalProperties":false}`, `1:14: error: the schema accepts no payload: "b" is required, but additionalProperties is false and it is not declared in properties`},
	{`{"type":"array"}`, `1:2: error: the schema accepts no payload: a payload is an object`},
	{`{"allOf":[false]}`, `1:11: error: the schema accepts no payload: a payload is an object`},
}

func TestBadSchemas(t *testing.T) {
	for _, c := range badSchemas {
		files := blob.NewMemory()
		for name, text := range map[string]string{"acme/tenant.properties": "", "acme/pet.json": c.text} {
			if _, err := files.Put(t.Context(), name, []byte(text), nil, blob.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		found, err := tenant.Lint(t.Context(), files, nil)
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %v, %v", c.text, found, err)
			continue
		}
		checkMessage(t, c.text, found[0].String(), c.want)
	}
}

// badProperties are files tenant.properties, and what lint reports.
var badProperties = []struct{ text, want string }{
	{"eventbridge-input=maybe", `1:19: error: eventbridge-input must be true or false, not "maybe"`},
	{"eventbridge-input=", `1:19: error: eventbridge-input must be true or false, not ""`},
	{"eventbridge-inptu=true", `1:1: warning: unknown property "eventbridge-inptu" (did you mean "eventbridge-input"?)`},
	{"eventbridge-input=true\neventbridge-input=true", `2:1: error: property "eventbridge-input" occurs twice, on line 1 and on line 2; keep one of them`},
	{"token-limit-monthly=0", `1:21: error: token-limit-monthly must be a whole number of tokens, 1 or more, not "0"`},
	{"token-limit-monthly=1e6", `1:21: error: token-limit-monthly must be a whole number of tokens, 1 or more, not "1e6"`},
	{"rate-limit-per-second=-1", `1:23: error: rate-limit-per-second must be a number of requests above 0, such as 20 or 0.5, not "-1"`},
	{"rate-limit-per-second=many", `1:23: error: rate-limit-per-second must be a number of requests above 0, such as 20 or 0.5, not "many"`},
	{"payload-max-bytes=9999999999", `1:19: error: payload-max-bytes must be a whole number of bytes, 1 to 1048576, not "9999999999"`},
	{"cors-origins=app.example.com", `1:14: error: cors-origins must be * or origins such as https://app.example.com, separated by commas, not "app.example.com"`},
	{"cors-origins=https://app.example.com/path", `1:14: error: cors-origins must be * or origins such as https://app.example.com, separated by commas, not "https://app.example.com/path"`},
	{"eventbridge-results=bus", `1:21: error: eventbridge-results: "bus" is not the ARN of an event bus: want arn:aws:events:REGION:ACCOUNT:event-bus/NAME`},
	{"eventbridge-output={}", `1:20: error: eventbridge-output must be a JSON array of output rules, [ … ], not "{}"`},
	{"eventbridge-output=yes", `1:20: error: eventbridge-output must be a JSON array of output rules, [ … ], not "yes"`},
	{"eventbridge-output=[", `1:20: error: '[' is never closed; it opened here, on line 1`},
	{"eventbridge-output=[{]", `1:22: error: ']' does not close the '{' of line 1, column 21`},
	{"eventbridge-output=[{\"source\" 1}]", `1:31: error: eventbridge-output is not valid JSON: invalid character '1' after object name (expecting ':')`},
	{"eventbridge-output=[1]", `1:21: error: an output rule must be an object, { … }`},
	{"eventbridge-output=[{\"sorce\":\"a\"}]", `1:22: error: an output rule has no field "sorce" (did you mean "source"?); known are eventbridge_arn, source, detail_type, operations, schema_names, payload, metadata`},
	{"eventbridge-output=[{\"source\":1}]", `1:31: error: source must be a string`},
	{"eventbridge-output=[{\"source\":\"aws.s3\"}]", `1:31: error: source "aws.s3" begins with aws., which belongs to AWS; choose another`},
	{"eventbridge-output=[{\"source\":\"blockforger-input\"}]", `1:31: error: source "blockforger-input" is that of input events, so that the output would be taken as input; choose another`},
	{"eventbridge-output=[{\"operations\":[\"GET\"]}]", `1:36: error: operation "GET" is unknown; known are POST, PUT, PATCH and DELETE`},
	{"eventbridge-output=[{\"operations\":\"PUT\"}]", `1:35: error: operations must be an array of strings`},
	{"eventbridge-output=[{\"schema_names\":[\"pets\"]}]", `1:21: warning: the rule names schema "pets", which the tenant does not have (did you mean "pet"?)`},
	{"eventbridge-output=[{\"schema_names\":[\"pet.json\"]}]", `1:38: warning: schema name "pet.json" ends with .json; write "pet"`},
	{"eventbridge-output=[{\"eventbridge_arn\":\"default\"}]", `1:40: error: eventbridge_arn: "default" is not the ARN of an event bus: want arn:aws:events:REGION:ACCOUNT:event-bus/NAME`},
	{"eventbridge-output=[{\"payload\":\"all\"}]", `1:32: error: payload must be "request" or "record", not "all"`},
	{"eventbridge-output=[{\"metadata\":1}]", `1:33: error: metadata must be true or false`},
	{"eventbridge-output=[{\"detail_type\":\"\"}]", `1:36: error: detail_type must have 1 to 128 characters; leave it out for {schema_id}.{operation}`},
	{"eventbridge-output=[{\"detail_type\":\"{schema}.{operation}.{schema_id}\"}]", `1:36: warning: detail_type has an unknown placeholder "{schema}" (did you mean "{schema_id}"?), which stays as it is`},
	{"eventbridge-output=[{},{}]", `1:24: warning: the rule never publishes an event: for every change, an earlier rule publishes one with the same bus, source and detail-type; see line 1`},
	{"a\\u00zz=1", `1:2: error: \u must be followed by four hexadecimal digits`},
	{"eventbridge-output=[{\"source\":\"a\",\"source\":\"b\"}]", `1:35: error: eventbridge-output repeats a name in one object`},
}

func TestBadProperties(t *testing.T) {
	for _, c := range badProperties {
		files := blob.NewMemory()
		for name, text := range map[string]string{"acme/tenant.properties": c.text, "acme/pet.json": "{}"} {
			if _, err := files.Put(t.Context(), name, []byte(text), nil, blob.Condition{}); err != nil {
				t.Fatal(err)
			}
		}
		found, err := tenant.Lint(t.Context(), files, nil)
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %v, %v", c.text, found, err)
			continue
		}
		checkMessage(t, c.text, found[0].String(), c.want)
	}
}

const badInputSchema = `{"properties":{"id":{"type":"string"},"name":{"type":"string","minLength":2,"maxLength":5,"pattern":"^[A-Z]"},"age":{"type":"integer","minimum":0,"maximum":9,"multipleOf":3},
	"mail":{"format":"email"},"tags":{"type":"array","items":{"type":"string"},"maxItems":2,"uniqueItems":true},"kind":{"enum":["cat","dog"]},"at":{"properties":{"x":{"type":"number"}},"required":["x"]}},
	"required":["name"],"additionalProperties":false}`

// badDetails are details of input events without tenant and api_key; the detail-type is
// pet.POST.
var badDetails = []struct{ detail, want string }{
	{`{"rootSchema":"pet"}`, `/detail/payload: must be an object; /detail/payload must be an object`},
	{`{"rootSchema":"pet","payload":[]}`, `/detail/payload: must be an object; /detail/payload must be an object`},
	{`{"rootSchema":"pet","payload":{"name":1}}`, `payload breaks its schema; /name must be a string, not a number`},
	{`{"rootSchema":"pet","payload":{}}`, `payload breaks its schema; /name is required`},
	{`{"rootSchema":"pet","payload":{"name":"A"}}`, `payload breaks its schema; /name must have at least 2 characters, not 1`},
	{`{"rootSchema":"pet","payload":{"name":"ABCDEF"}}`, `payload breaks its schema; /name must have at most 5 characters, not 6`},
	{`{"rootSchema":"pet","payload":{"name":"abc"}}`, `payload breaks its schema; /name must match the pattern ^[A-Z]`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","age":1.5}}`, `payload breaks its schema; /age must be an integer, not a number`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","age":-3}}`, `payload breaks its schema; /age must be at least 0`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","age":12}}`, `payload breaks its schema; /age must be at most 9`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","age":4}}`, `payload breaks its schema; /age must be a multiple of 3`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","mail":"rex"}}`, `payload breaks its schema; /mail must be a valid email, for example name@example.com`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","tags":["a","b","c"]}}`, `payload breaks its schema; /tags must have at most 2 items, not 3`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","tags":["a","a"]}}`, `payload breaks its schema; /tags must not repeat an item, as items 0 and 1 do`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","tags":[1]}}`, `payload breaks its schema; /tags/0 must be a string, not a number`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","kind":"fish"}}`, `payload breaks its schema; /kind must be one of "cat", "dog"`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","at":{}}}`, `payload breaks its schema; /at/x is required`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","CANARY":1}}`, `payload breaks its schema; /* is not a property of the schema`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","id":7}}`, `key must be a string; /id key must be a string`},
	{`{"rootSchema":"pet","payload":{"name":"Rex","id":""}}`, `key is empty; /id key is empty`},
	{`{"rootSchema":"dog","payload":{}}`, `/detail-type: must be dog.POST as the detail says (operation is absent, which means POST); /detail-type must be dog.POST as the detail says (operation is absent, which means POST)`},
	{`{"rootSchema":"a/b","payload":{}}`, `/detail/rootSchema: must be 1 to 64 letters, digits, _ and -, the first a letter or digit; /detail/rootSchema must be 1 to 64 letters, digits, _ and -, the first a letter or digit`},
	{`{"rootSchema":1,"payload":{}}`, `detail: "/rootSchema" must be a string, not a number; /detail/rootSchema must be a string, not a number`},
	{`{"payload":{}}`, `/detail/rootSchema: is required and must be a string; /detail/rootSchema is required and must be a string`},
	{`{"rootSchema":"pet","operation":"GET","payload":{}}`, `/detail/operation: must be POST, PUT, PATCH or DELETE; /detail/operation must be POST, PUT, PATCH or DELETE`},
	{`{"rootSchema":"pet","operation":"PUT","payload":{}}`, `/detail-type: must be pet.PUT as the detail says; /detail-type must be pet.PUT as the detail says`},
	{`{"rootSchema":"pet","idempotency_key":"","payload":{}}`, `/detail/idempotency_key: must have 1 to 128 characters, not 0; /detail/idempotency_key must have 1 to 128 characters, not 0`},
	{`{"rootSchema":"pet","idempotency_key":1,"payload":{}}`, `detail: "/idempotency_key" must be a string, not a number; /detail/idempotency_key must be a string, not a number`},
	{`{"rootSchema":"pet","api_key":"CANARY","payload":{}}`, `the API key is missing or not valid`},
	{`{"rootSchema":"pet","api_key":1,"payload":{}}`, `the API key is missing or not valid`},
	{`{"rootSchema":"pet","metadata":1,"payload":{}}`, `/detail/metadata: must be an object; /detail/metadata must be an object`},
	{`{"rootSchema":"pet","metadata":{"hops":"a"},"payload":{}}`, `metadata: "/hops" must be an integer, not a string; /detail/metadata/hops must be an integer, not a string`},
	{`{"rootSchema":"pet","metadata":{"hops":9},"payload":{}}`, `the event has passed 9 routers, the limit: it is in a loop`},
	{`{"rootSchema":"pet","tenant":"","payload":{}}`, `/detail/tenant: must be 1 to 64 letters, digits, _ and -, the first a letter or digit; /detail/tenant must be 1 to 64 letters, digits, _ and -, the first a letter or digit`},
	{`{"rootSchema":"pet","tenant":"nobody","payload":{}}`, `the API key is missing or not valid`},
}

func TestBadEvents(t *testing.T) {
	files := blob.NewMemory()
	for name, text := range map[string]string{"acme/tenant.properties": "eventbridge-input=true", "acme/pet.json": badInputSchema} {
		if _, err := files.Put(t.Context(), name, []byte(text), nil, blob.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	h, err := newTestFixture(t.Context(), files, "acme")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range badDetails {
		step := tenantStep{}
		if err := json.Unmarshal([]byte(`{"event":{"detail-type":"pet.POST","detail":`+c.detail+`},"expect":{}}`), &step); err != nil {
			t.Fatal(err)
		}
		envelope, err := h.envelope(step.Event, i)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = h.router.Event(t.Context(), &envelope, "")
		text := fault.MessageOf(err)
		for _, v := range fault.ViolationsOf(err) {
			text += "; " + strings.ReplaceAll(v.Pointer, "CANARY", "*") + " " + v.Message
		}
		checkMessage(t, c.detail, text, c.want, h.key.Reveal())
	}
}

// badCalls are calls of the REST API with a valid API key, unless the header is another.
var badCalls = []struct{ method, path, header, body, want string }{
	{"POST", "/acme/pet", "", `{"name":"Rex","CANARY":1}`, `"detail":"payload breaks its schema"`},
	{"GET", "/acme", "", "", `"detail":"this path does not exist; it must be /{tenant}/{schema} or /{tenant}/{schema}/{key}"`},
	{"GET", "/acme/pet/a/b", "", "", `"detail":"this path does not exist; it must be /{tenant}/{schema} or /{tenant}/{schema}/{key}"`},
	{"GET", "/acme/pet", "x-api-key: ", "", `"detail":"the header x-api-key is missing: it must hold an API key of the tenant"`},
	{"GET", "/acme/pet", "x-api-key: CANARY", "", `"detail":"the API key is missing or not valid"`},
	{"GET", "/nobody/pet", "", "", `"detail":"the API key is missing or not valid"`},
	{"GET", "/acme/dog", "", "", `"detail":"schema \"dog\" does not exist"`},
	{"GET", "/acme/pet/none", "", "", `"detail":"there is no record with this key"`},
	{"GET", "/acme/pet?limit=0", "", "", `"detail":"limit must be 1 to 1000"`},
	{"GET", "/acme/pet?limit=x", "", "", `"detail":"limit must be 1 to 1000"`},
	{"GET", "/acme/pet?cursor=x", "", "", `"detail":"cursor is not from this list; start again without it"`},
	{"GET", "/acme/pet?order=up", "", "", `"detail":"the query has an unknown parameter; valid here are: limit, cursor"`},
	{"GET", "/acme/_usage?month=11", "", "", `"detail":"month must have the form YYYY-MM, for example 2026-11"`},
	{"POST", "/acme/pet", "content-type: text/plain", "{}", `"detail":"the body must be of type application/json, as Content-Type says"`},
	{"POST", "/acme/pet", "", "", `"detail":"the body must be of type application/json, as Content-Type says"`},
	{"POST", "/acme/pet", "", "{", `"detail":"the body is not valid JSON at byte 1"`},
	{"POST", "/acme/pet", "", "[]", `"detail":"the body must be a JSON object"`},
	{"POST", "/acme/pet", "", `{"name":1}`, `"detail":"payload breaks its schema"`},
	{"POST", "/acme/pet", "", `{"name":"Rex","name":"Max"}`, `"detail":"the body repeats a name at byte 14"`},
	{"POST", "/acme/pet", "", `{"name":"Rex","id":7}`, `"detail":"key must be a string"`},
	{"PUT", "/acme/pet/rex", "", `{"id":"max","name":"Rex"}`, `"detail":"/id: is not the key that the path names"`},
	{"PUT", "/acme/pet/rex", "if-match: abc", `{"name":"Rex"}`, `"detail":"If-Match must be * or a list of entity tags, for example \"6b1f\""`},
	{"PUT", "/acme/pet/rex", `if-match: "abc"`, `{"name":"Rex"}`, `"detail":"there is no record with this key"`},
	{"PATCH", "/acme/pet/none", "content-type: application/merge-patch+json", `{"name":"Rex"}`, `"detail":"there is no record with this key"`},
	{"DELETE", "/acme/pet/none", "", "", `"detail":"there is no record with this key"`},
	{"DELETE", "/acme/pet/none", "", "{}", `"detail":"a DELETE has no body: the path names the record"`},
	{"DELETE", "/acme/pet", "", "", `"detail":"this path does not support the method; Allow lists the methods that it supports"`},
	{"POST", "/acme/pet/rex", "", `{"name":"Rex"}`, `"detail":"this path does not support the method; Allow lists the methods that it supports"`},
	{"POST", "/acme/pet", "idempotency-key: ", `{"name":"Rex"}`, `"detail":"Idempotency-Key must be one value of 1 to 128 characters, without quotes, commas and backslashes"`},
	{"GET", "/acme/pet", "accept: text/html", "", `"detail":"responses are of type application/json, which Accept does not allow"`},
	{"GET", "/acme/pet/%FF", "", "", `"detail":"the path has a %XX escape that is not part of UTF-8"`},
	{"POST", "/acme/pet", "content-encoding: gzip", `{"name":"Rex"}`, `"detail":"the body must be sent without a content encoding"`},
}

func TestBadCalls(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "acme", "tenant.properties"), "")
	write(t, filepath.Join(dir, "acme", "pet.json"), badInputSchema)
	srv, _ := serveHere(t, dir)
	key := makeKey(t, srv.url, "acme").Key
	for _, c := range badCalls {
		name, value, _ := strings.Cut(c.header, ": ")
		_, body := callWith(t, c.method, srv.url+"/api"+c.path, key, c.body, name, value)
		// The pointer of a violation is for the caller, who sent the name.
		checkMessage(t, c.method+" "+c.path, strings.ReplaceAll(body, `"pointer":"/CANARY"`, ""), c.want, key)
	}
	// The log shows neither the names nor the keys.
	eventually(t, "the log has a line for each call", func() bool {
		_, lines, _ := runCLI(t, srv.url, "logs", function, "--output", "json")
		return strings.Count(lines, `\"outcome\"`) >= len(badCalls)-1 // one is rejected before the function
	})
	_, lines, _ := runCLI(t, srv.url, "logs", function, "--output", "json")
	checkMessage(t, "log", lines, "is not a property of the schema", key)
}

// callWith makes a REST call with one header more.
func callWith(t *testing.T, method, url, key, body, name, value string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-api-key", key)
	req.Header.Set("content-type", "application/json")
	if body == "" {
		req.Header.Del("content-type")
	}
	if name != "" {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// badCommands are command lines; {server} is the URL of a server, {dir} a folder with
// the files of files.
var badCommands = []struct{ line, want string }{
	{"foo", `eventrouter: there is no command "foo"; valid are serve, demo, put-events, trigger, keys, records, usage, logs, dead-letters, entries, tenant, events, listen, types, pattern, replay, doctor, help, completion, man`},
	{"keys", `eventrouter: a command is missing; valid are create, list, rotate, revoke, export, import`},
	{"keys foo", `eventrouter: there is no command "foo"; valid are create, list, rotate, revoke, export, import`},
	{"keys list", `eventrouter: missing flags: --tenant=TENANT`},
	{"keys list --tenan acme", `eventrouter: unknown flag --tenan, did you mean "--tenant"?`},
	{"keys list --tenant", `eventrouter: --tenant: the value is missing`},
	{"keys list --tenant a/b", `eventrouter: tenant id "a/b" has '/' at byte 1; allowed are letters, digits, and after the first also _ and -`},
	{"keys list --tenant amce", `eventrouter: tenant amce does not exist: there is no file amce/tenant.properties; tenants that exist: acme`},
	{"keys create --tenant acme --permission all", `eventrouter: permission "all" is unknown; known are backend_calls and read_only`},
	{"keys create --tenant acme --expires-in 3days", `eventrouter: --expires-in: must be a duration such as 90s, 24h or 30d, not "3days"`},
	{"keys create --tenant acme --expires-in -1h", `eventrouter: --expires-in: the value is missing; if it begins with -, write --expires-in="-1h"`},
	{"keys create --tenant amce", `eventrouter: tenant amce does not exist: there is no file amce/tenant.properties; tenants that exist: acme`},
	{"keys revoke", `eventrouter: the argument <key-id> is missing`},
	{"keys revoke x", `eventrouter: key x does not exist`},
	{"keys rotate x --overlap tomorrow", `eventrouter: --overlap: must be a duration such as 90s, 24h or 30d, not "tomorrow"`},
	{"keys import {dir}/none.json", `eventrouter: {dir}/none.json: does not exist`},
	{"keys import {dir}/broken.json", `eventrouter: {dir}/broken.json is not the output of keys export: unknown member "name"`},
	{"keys import {dir}/list.json", `eventrouter: {dir}/list.json is not the output of keys export: must be an object, not an array`},
	{"keys import {dir}", `eventrouter: {dir}: is a folder, not a file`},
	{"records list --tenant acme --schema pet --limit x", `eventrouter: --limit: must be a whole number, not "x"`},
	{"records list --tenant acme --schema pet --limit=-1", `eventrouter: --limit must be positive`},
	{"records list --tenant acme --schema dog", `eventrouter: schema dog of tenant acme does not exist: there is no file acme/dog.json; schemas that exist: pet`},
	{"records get --tenant acme --schema pet none", `eventrouter: record acme/pet/none does not exist`},
	{"records get --tenant acme --schema pet", `eventrouter: the argument <key> is missing`},
	{"usage --tenant acme --month november", `eventrouter: --month must have the form YYYY-MM, for example 2026-11, not "november"`},
	{"usage --tenant amce", `eventrouter: tenant amce does not exist: there is no file amce/tenant.properties; tenants that exist: acme`},
	{"usage", `eventrouter: missing flags: --tenant=TENANT`},
	{"entries list --since yesterday", `eventrouter: --since: must be a time such as 2026-11-21T03:00:00Z, a day such as 2026-11-21, or a duration before now such as 1h, not "yesterday"`},
	{"entries list --state sent", `eventrouter: --state must be one of pending, published, failed, dropped, not "sent"`},
	{"entries list --bus default", `eventrouter: "default" is not the ARN of an event bus: want arn:aws:events:REGION:ACCOUNT:event-bus/NAME`},
	{"entries retry", `eventrouter: name the entries by --id, --state, --tenant, --bus, --since or --until`},
	{"entries drop --tenant amce", `eventrouter: tenant amce does not exist: there is no file amce/tenant.properties; tenants that exist: acme`},
	{"put-events", `eventrouter: missing flags: --entries=ENTRIES`},
	{"put-events --entries {", `eventrouter: --entries must be an array of entries with Source, DetailType and Detail: line 1, column 3: invalid character ']' at start of value`},
	{"put-events --entries [1]", `eventrouter: --entries must be an array of entries with Source, DetailType and Detail: /0: must be an object, not a number`},
	{"put-events --entries []", `eventrouter: --entries: no entries`},
	{"put-events --entries file://{dir}/none.json", `eventrouter: --entries: {dir}/none.json: does not exist`},
	{`put-events --entries {"Sourc":"a"}`, `eventrouter: --entries must be an array of entries with Source, DetailType and Detail: /0: unknown member "Sourc" (did you mean "Source"?)`},
	{`put-events --entries {"Source":1}`, `eventrouter: --entries must be an array of entries with Source, DetailType and Detail: /0/Source: must be a string, not a number`},
	{`put-events --entries {"Source":"a","DetailType":"b","Detail":{},"Time":"now"}`, `eventrouter: entry 0: Time "now" is not in the form of RFC 3339, for example 2026-01-02T03:04:05Z`},
	{"keys list --tenant acme --endpoint-url foo", `eventrouter: --endpoint-url must be a URL such as http://127.0.0.1:4010, not "foo"`},
	{"keys list --tenant acme --endpoint-url http://127.0.0.1:1", "eventrouter: no server responds at http://127.0.0.1:1: start one with `eventrouter serve`, or name another with --endpoint-url"},
	{"keys list --tenant acme --endpoint-url ftp://x", `eventrouter: --endpoint-url must be a URL such as http://127.0.0.1:4010, not "ftp://x"`},
	{"keys list --tenant acme --output xml", `eventrouter: --output must be one of text, json, not "xml"`},
	{"tenant init a/b --schemas {dir} --schema x --input yes", `eventrouter: tenant id "a/b" has '/' at byte 1; allowed are letters, digits, and after the first also _ and -`},
	{"tenant init acme --schemas {dir} --schema x --input maybe", `eventrouter: --input must be one of yes, no, not "maybe"`},
	{"tenant lint {dir}/none", `eventrouter: {dir}/none: does not exist`},
	{"tenant lint {dir}/broken.json", `eventrouter: {dir}/broken.json is not a folder`},
	{"tenant lint {dir} --format xml", `eventrouter: --format must be one of text, github, not "xml"`},
	{"tenant lint {dir} --output-buses {", `eventrouter: --default-bus: "" is not the ARN of an event bus: want arn:aws:events:REGION:ACCOUNT:event-bus/NAME`},
	{"tenant lint {dir} --default-bus x", `eventrouter: --default-bus: "x" is not the ARN of an event bus: want arn:aws:events:REGION:ACCOUNT:event-bus/NAME`},
	{"tenant test {dir}/none", `eventrouter: {dir}/none does not exist`},
	{"tenant add-schema {dir}/acme x --from {dir}/none.json", `eventrouter: {dir}/none.json: does not exist`},
	{"tenant add-schema {dir}/acme x --from {dir}/broken.json", `eventrouter: {dir}/broken.json is not JSON: line 2, column 11: invalid character 'x' at start of value`},
	{"tenant add-schema {dir} x --from {dir}/list.json", "eventrouter: {dir} has no tenant.properties; create a tenant with `eventrouter tenant init`"},
	{"tenant push {dir}", `eventrouter: missing flags: --bucket=BUCKET or --to=TO`},
	{"tenant migrate --tenant acme --schema pet --backend redis", `eventrouter: --backend must be one of dynamodb, s3, csv, not "redis"`},
	{"tenant purge --tenant a/b", `eventrouter: tenant id "a/b" has '/' at byte 1; allowed are letters, digits, and after the first also _ and -`},
	{"tenant export --tenant acme --out {dir}/broken.json", `eventrouter: --out: {dir}/broken.json: file exists`},
	{"events trace", `eventrouter: the argument <id> is missing`},
	{"events tail --pattern {", `eventrouter: Event pattern is not valid. Reason: Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)"{"; line: 1, column: 1]) (line 1, column 2)`},
	{"pattern test --pattern { --event {}", `eventrouter: Event pattern is not valid. Reason: Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)"{"; line: 1, column: 1]) (line 1, column 2)`},
	{`pattern test --pattern {"a":[1]} --event {`, `eventrouter: --event: event is not valid at line 1, column 2: Unexpected end-of-input: expected close marker for Object`},
	{"pattern test --pattern file://{dir}/none.json --event {}", `eventrouter: --pattern: {dir}/none.json: does not exist`},
	{"replay --archive a --since x", `eventrouter: --since: must be a time such as 2026-11-21T03:00:00Z, a day such as 2026-11-21, or a duration before now such as 1h, not "x"`},
	{"replay --since 1h", `eventrouter: missing flags: --archive=ARCHIVE`},
	{"serve --listen x --data {dir}/data --schemas {dir}", `eventrouter: --listen must be HOST:PORT, for example 127.0.0.1:4010, not "x"`},
	{"serve --listen 127.0.0.1:99999 --data {dir}/data --schemas {dir}", `eventrouter: --listen 127.0.0.1:99999: invalid port; a port is a number from 0 to 65535`},
	{"serve --schemas {dir}/none --data {dir}/data --listen 127.0.0.1:0", `eventrouter: --schemas: {dir}/none: does not exist`},
	{"serve --chaos fail=200%", `eventrouter: --chaos: fail=200%: want a share such as 1% or 0.01, or for delay a time such as 50ms`},
	{"serve --chaos pain=1", `eventrouter: --chaos: unknown chaos "pain"; known are duplicates, delay and fail`},
	{"serve --max-data-bytes lots", `eventrouter: --max-data-bytes: "lots" is not a size such as 1048576, 512MiB or 2GiB`},
	{"serve --http-targets x", `eventrouter: serve: --http-targets: "x" must have the form HOST:PORT, for example 127.0.0.1:8080`},
	{"serve --template {dir}/broken.json --data {dir}/data --schemas {dir} --listen 127.0.0.1:0", `eventrouter: --template {dir}/broken.json: this is no CloudFormation template in JSON: line 2, column 11: invalid character 'x' at start of value`},
	{"types export ../x", `eventrouter: service "../x" must be 1 to 64 letters, digits, _ and -, such as ec2; name others with --schema-name-prefix`},
	{"types decode {dir}/none.json", `eventrouter: <files> ...: {dir}/none.json: does not exist`},
	{"types decode {dir}/broken.json", `eventrouter: 1 of 1 files could not be read to the end, and 0 of 0 events could not be decoded`},
	{"types from-example {dir}/list.json", `eventrouter: {dir}/list.json: payload is no event: it has neither source nor detail-type, and is no array, SQS batch or record of a failed invocation`},
	{"types publish --tenant acme", `eventrouter: missing flags: --registry=REGISTRY`},
	{"completion tcsh", `eventrouter: <shell> must be one of bash, zsh, fish, not "tcsh"`},
	{"help foo", `eventrouter: there is no command "foo"; valid are serve, demo, put-events, trigger, keys, records, usage, logs, dead-letters, entries, tenant, events, listen, types, pattern, replay, doctor, help, completion, man`},
	{"logs nothing", `eventrouter: function "nothing" does not exist here`},
	{"dead-letters retry x", `eventrouter: dead letter "x" does not exist`},
	{"doctor --aws --environment a/b", `eventrouter: --environment: environment "a/b" must be 1 to 20 of a-z, 0-9 and -, a letter first`},
	{"put-events --aws --entries {}", `eventrouter: no region is set; set the region of the deployment, for example: export AWS_REGION=us-east-1`},
	{"demo --schemas {dir}/none", `eventrouter: --schemas: {dir}/none: does not exist`},
	{"--version=maybe", `eventrouter: --version takes no value; "maybe" is not valid`},
}

func TestBadCommands(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "acme", "tenant.properties"), "")
	write(t, filepath.Join(dir, "acme", "pet.json"), badInputSchema)
	write(t, filepath.Join(dir, "broken.json"), "{\n  \"name\": x")
	write(t, filepath.Join(dir, "list.json"), "[1]")
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "EVENTROUTER_ENDPOINT_URL"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	srv, _ := serveHere(t, dir)
	for _, c := range badCommands {
		var args []string
		for _, word := range strings.Fields(c.line) {
			args = append(args, strings.NewReplacer("{dir}", dir).Replace(word))
		}
		if !strings.Contains(c.line, "--endpoint-url") && len(args) > 0 {
			t.Setenv("EVENTROUTER_ENDPOINT_URL", srv.url)
		}
		code, out, errOut := runCLI(t, "", args...)
		if code == 0 {
			t.Errorf("%s: exit code 0\n%s", c.line, out)
		}
		text := strings.ReplaceAll(strings.ReplaceAll(out+errOut, dir, "{dir}"), srv.url, "{server}")
		checkMessage(t, c.line, text, c.want)
	}
}
