package lambda_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

var restFiles = map[string]string{
	"acme/tenant.properties":  "eventbridge-output=[{}]\ncors-origins=https://app.example.com, http://localhost:3000\n", // no eventbridge-input: R9 applies to events only
	"acme/pet.json":           `{"properties":{"id":{"type":"string"},"name":{"type":"string"}},"required":["name"]}`,
	"acme/count.json":         `{"meta":{"key":"n"},"properties":{"n":{"type":"integer"}}}`,
	"rival/tenant.properties": "cors-origins=*\n",
	"rival/pet.json":          `{}`,
}

// TestHTTPPayloadShapes checks the payloads of three services (R14), with and
// without base64, and that the path is unescaped exactly once.
func TestHTTPPayloadShapes(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	key := h.keys["acme"]
	body := `{"name":"Rex"}`
	for _, c := range []struct {
		name, payload, location string
	}{
		{"REST API", fmt.Sprintf(`{"resource":"/{proxy+}","path":"/acme/pet","httpMethod":"POST",
			"headers":{"Content-Type":"application/json","X-Api-Key":%q},"multiValueHeaders":{"Content-Type":["application/json"],"X-Api-Key":[%q]},
			"queryStringParameters":null,"multiValueQueryStringParameters":null,"pathParameters":{"proxy":"acme/pet"},
			"requestContext":{"requestId":"r1","stage":"dev","path":"/dev/acme/pet"},"body":%q,"isBase64Encoded":false}`, key, key, body), "/dev/acme/pet/"},
		{"HTTP API", fmt.Sprintf(`{"version":"2.0","routeKey":"$default","rawPath":"/dev/acme/pet","rawQueryString":"",
			"headers":{"content-type":"application/json","x-api-key":%q},
			"requestContext":{"requestId":"r2","stage":"dev","domainName":"abc.execute-api.us-east-1.amazonaws.com","http":{"method":"POST","path":"/dev/acme/pet"}},
			"body":%q,"isBase64Encoded":true}`, key, base64.StdEncoding.EncodeToString([]byte(body))), "/dev/acme/pet/"},
		{"HTTP API, format 1.0", fmt.Sprintf(`{"version":"1.0","path":"/acme/pet","httpMethod":"POST",
			"headers":{"content-type":"application/json","x-api-key":%q},
			"requestContext":{"requestId":"r3","stage":"$default","path":"/acme/pet"},"body":%q,"isBase64Encoded":false}`, key, body), "/acme/pet/"},
		{"function URL", fmt.Sprintf(`{"version":"2.0","routeKey":"$default","rawPath":"/acme/pet","rawQueryString":"",
			"headers":{"content-type":"application/json","x-api-key":%q},
			"requestContext":{"requestId":"r4","stage":"$default","domainName":"abc.lambda-url.us-east-1.on.aws","http":{"method":"POST","path":"/acme/pet"}},
			"body":%q,"isBase64Encoded":true}`, key, base64.StdEncoding.EncodeToString([]byte(body))), "/acme/pet/"},
	} {
		a := h.invoke(c.payload)
		if a.StatusCode != 201 || !strings.HasPrefix(a.Headers["location"], c.location) {
			t.Errorf("%s: %+v, want 201 and a location below %s", c.name, a, c.location)
		}
	}
	if got := strings.Count(h.effects("acme"), "record /acme/pet/"); got != 4 {
		t.Errorf("%d records, want 4", got)
	}

	// The key a/b%2Fc: sent as a%2Fb%252Fc, which the HTTP API unescapes.
	h.do("POST", "/acme/pet", `{"id":"a/b%2Fc","name":"Hard"}`, h.as("acme"), jsonBody)
	for name, payload := range map[string]string{
		"function URL": h.payload("GET", "/acme/pet/a%2Fb%252Fc", "", h.as("acme")),
		"REST API": fmt.Sprintf(`{"path":"/acme/pet/a%%2Fb%%252Fc","httpMethod":"GET","headers":{"x-api-key":%q},
			"requestContext":{"requestId":"r5","stage":"dev","path":"/dev/acme/pet/a%%2Fb%%252Fc"},"body":null}`, key),
		"HTTP API": fmt.Sprintf(`{"version":"2.0","rawPath":"/acme/pet/a/b%%2Fc","headers":{"x-api-key":%q},
			"requestContext":{"requestId":"r6","stage":"$default","domainName":"api.example.com","http":{"method":"GET"}}}`, key),
	} {
		if a := h.invoke(payload); a.StatusCode != 200 || !strings.Contains(a.Body, "Hard") {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestRecordOverREST creates, reads, changes and deletes one record, with
// conditions, HEAD and lists.
func TestRecordOverREST(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	made := h.do("POST", "/acme/pet", `{"id":"rex","name":"Rex"}`, h.as("acme"), jsonBody)
	etag := made.Headers["etag"]
	other := `"00ff"`
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		problem            string
	}{
		{"GET", "/acme/pet/rex", "", nil, 200, ""},
		{"HEAD", "/acme/pet/rex", "", nil, 200, ""},
		{"GET", "/acme/pet/rex", "", []string{"if-none-match: " + etag}, 304, ""},
		{"GET", "/acme/pet/rex", "", []string{"if-none-match: W/" + etag + ", " + other}, 304, ""},
		{"GET", "/acme/pet/rex", "", []string{"if-none-match: *"}, 304, ""},
		{"GET", "/acme/pet/rex", "", []string{"if-none-match: " + other}, 200, ""},
		{"GET", "/acme/pet/rex", "", []string{"if-match: " + other}, 412, "precondition-failed"},
		{"GET", "/acme/pet/rex", "", []string{"if-match: " + etag}, 200, ""},
		{"GET", "/acme/pet/tom", "", nil, 404, "not-found"},
		{"HEAD", "/acme/pet/tom", "", nil, 404, ""},
		{"POST", "/acme/pet", `{"id":"rex","name":"R"}`, []string{"if-none-match: *"}, 412, "precondition-failed"},
		{"POST", "/acme/pet", `{"id":"rex","name":"R"}`, nil, 409, "conflict"},
		{"PUT", "/acme/pet/rex", `{"name":"R"}`, []string{"if-match: " + other}, 412, "precondition-failed"},
		{"PUT", "/acme/pet/rex", `{"name":"R"}`, []string{"if-match: W/" + etag}, 412, "precondition-failed"},
		{"PUT", "/acme/pet/rex", `{"name":"R"}`, []string{"if-none-match: " + etag}, 412, "precondition-failed"},
		{"PUT", "/acme/pet/rex", `{"id":"tom","name":"R"}`, nil, 400, "invalid"},
		{"PUT", "/acme/pet/rex", `{"name":"R"}`, []string{"if-match: " + other + " , " + etag}, 200, ""},
		{"PATCH", "/acme/pet/rex", `{"name":"S"}`, []string{"if-match: " + etag}, 412, "precondition-failed"},
		{"PATCH", "/acme/pet/rex", `{"name":"S"}`, []string{"if-match: *"}, 200, ""},
		{"DELETE", "/acme/pet/rex", "", []string{"if-match: " + etag}, 412, "precondition-failed"},
		{"DELETE", "/acme/pet/rex", "", nil, 204, ""},
		{"DELETE", "/acme/pet/rex", "", nil, 404, "not-found"},
		{"GET", "/acme/count/7", "", nil, 404, "not-found"},
		{"GET", "/acme/count/07", "", nil, 400, "invalid"},
		{"GET", "/acme/count/seven", "", nil, 400, "invalid"},
		{"GET", "/acme/cat/7", "", nil, 404, "not-found"},
	} {
		headers := append([]string{h.as("acme")}, c.headers...)
		if c.body != "" {
			headers = append(headers, jsonBody)
		}
		a := h.do(c.method, c.path, c.body, headers...)
		if a.StatusCode != c.status || a.problem() != c.problem {
			t.Errorf("%s %s %v: %d %s, want %d %s", c.method, c.path, c.headers, a.StatusCode, a.Body, c.status, c.problem)
		}
		if (c.method == "HEAD" || a.StatusCode == 304 || a.StatusCode == 204) && a.Body != "" {
			t.Errorf("%s %s: a body, %q", c.method, c.path, a.Body)
		}
		if a.StatusCode == 304 && a.Headers["etag"] != etag {
			t.Errorf("304 without the ETag: %v", a.Headers)
		}
	}
	// Billed: POST, PUT, PATCH, DELETE; GET and HEAD that found something.
	usage := h.do("GET", "/acme/_usage?month=2026-11", "", h.as("acme"))
	if want := `{"tenant":"acme","month":"2026-11","tokens":110,"bySchema":{"pet":{"DELETE":10,"GET":70,"PATCH":10,"POST":10,"PUT":10}},"byDay":{"2026-11-21":110}}` + "\n"; usage.Body != want {
		t.Errorf("usage %s\nwant  %s", usage.Body, want)
	}
}

// TestConditionsArePartOfTheFingerprint checks that an idempotency key cannot be
// used again with other conditions.
func TestConditionsArePartOfTheFingerprint(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	h.do("POST", "/acme/pet", `{"id":"rex","name":"Rex"}`, h.as("acme"), jsonBody)
	put := func(once string, condition ...string) int {
		return h.do("PUT", "/acme/pet/rex", `{"name":"Max"}`, append(condition, h.as("acme"), jsonBody, "idempotency-key: "+once)...).StatusCode
	}
	conditions := [][]string{nil, {"if-match: *"}, {"if-none-match: \"00\""}, {"if-none-match: \"01\""}}
	for i, first := range conditions {
		once := fmt.Sprintf("once-%d", i)
		if got := put(once, first...); got != 200 {
			t.Fatalf("%v: %d", first, got)
		}
		for j, second := range conditions {
			if want := map[bool]int{true: 200, false: 409}[i == j]; put(once, second...) != want {
				t.Errorf("%v, then %v under the same idempotency key: want %d", first, second, want)
			}
		}
	}
}

func TestList(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	for i := range 250 {
		h.do("POST", "/acme/pet", fmt.Sprintf(`{"id":"p%03d","name":"N"}`, i), h.as("acme"), jsonBody)
	}
	type page struct {
		Records []struct{ Key, ETag string }
		Next    string
	}
	read := func(path string) (page, httpResponse) {
		a := h.do("GET", path, "", h.as("acme"))
		var p page
		if err := json.Unmarshal([]byte(a.Body), &p, json.MatchCaseInsensitiveNames(true)); err != nil || a.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, a.StatusCode, a.Body)
		}
		return p, a
	}
	var keys []string
	path, pages := "/acme/pet", 0
	for path != "" {
		p, a := read(path)
		for _, r := range p.Records {
			keys = append(keys, r.Key)
		}
		pages++
		path = ""
		if p.Next != "" {
			link, found := strings.CutSuffix(a.Headers["link"], `>; rel="next"`)
			if path = strings.TrimPrefix(link, "<"); !found || !strings.Contains(path, p.Next) {
				t.Fatalf("link %q for cursor %q", a.Headers["link"], p.Next)
			}
		}
	}
	if len(keys) != 250 || keys[0] != "p000" || keys[249] != "p249" || pages != 3 {
		t.Errorf("%d keys in %d pages", len(keys), pages)
	}
	if p, _ := read("/acme/pet?limit=250"); len(p.Records) != 250 || p.Next != "" {
		t.Errorf("a page that holds all: %d, next %q", len(p.Records), p.Next)
	}
	p, _ := read("/acme/pet?limit=1")
	for _, query := range []string{"limit=0", "limit=1001", "limit=-1", "limit=1e2", "limit=", "limit=1&limit=2", "limti=5",
		"cursor=x", "cursor=" + p.Next + "A", "cursor=" + strings.ToLower(p.Next), "cursor=" + p.Next[:len(p.Next)-1], "cursor=" + strings.Repeat("A", 4000)} {
		if a := h.do("GET", "/acme/pet?"+query, "", h.as("acme")); a.problem() != "invalid" {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.Body)
		}
	}
	for _, foreign := range []httpResponse{
		h.do("GET", "/acme/count?cursor="+p.Next, "", h.as("acme")),
		h.do("GET", "/rival/pet?cursor="+p.Next, "", h.as("rival")),
	} {
		if foreign.problem() != "invalid" {
			t.Errorf("a cursor of another list: %+v", foreign)
		}
	}
}

// TestInvalidRequests checks that each gets a problem document and has no effect.
func TestInvalidRequests(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	h.do("POST", "/acme/pet", `{"id":"rex","name":"Rex"}`, h.as("acme"), jsonBody)
	before := h.effects("acme", "rival")
	pet := `{"name":"Tom"}`
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	type call struct {
		method, path, body string
		headers            []string
		status             int
		problem            string
	}
	calls := []call{
		{"GET", "/", "", nil, 404, "not-found"},
		{"GET", "", "", nil, 404, "not-found"},
		{"GET", "acme/pet", "", nil, 404, "not-found"},
		{"GET", "/acme", "", nil, 404, "not-found"},
		{"GET", "/acme/", "", nil, 404, "not-found"},
		{"GET", "/acme/pet/", "", nil, 404, "not-found"},
		{"GET", "//acme/pet", "", nil, 404, "not-found"},
		{"GET", "/acme//rex", "", nil, 404, "not-found"},
		{"GET", "/acme/pet//rex", "", nil, 404, "not-found"},
		{"GET", "/acme/pet/rex/x", "", nil, 404, "not-found"},
		{"GET", "/%2e%2e/pet/rex", "", nil, 400, "invalid"},
		{"GET", "/../pet/rex", "", nil, 400, "invalid"},
		{"GET", "/acme/%2e%2e/rex", "", nil, 400, "invalid"},
		{"GET", "/acme/..%2Frival%2Fpet/rex", "", nil, 400, "invalid"},
		{"GET", "/acme/pet/%2e%2e", "", nil, 404, "not-found"},
		{"GET", "/acme/pet/..%2F..%2Frival%2Fpet%2Fx", "", nil, 404, "not-found"},
		{"GET", "/acme/pet/%00", "", nil, 400, "invalid"},
		{"GET", "/acme/pet/%ff", "", nil, 400, "invalid"},
		{"GET", "/acme/pet/%zz", "", nil, 400, "invalid"},
		{"GET", "/acme/pet/%2", "", nil, 400, "invalid"},
		{"GET", "/acme/pet/" + strings.Repeat("x", 257), "", nil, 400, "invalid"},
		{"GET", "/acme/pet/" + strings.Repeat("x", 9000), "", nil, 414, "uri-too-long"},
		{"GET", "/acme/pet/rex?x=1", "", nil, 400, "invalid"},
		{"BREW", "/acme/pet", "", nil, 405, "method-not-allowed"},
		{"PUT", "/acme/pet", pet, nil, 405, "method-not-allowed"},
		{"POST", "/acme/pet/rex", pet, nil, 405, "method-not-allowed"},
		{"POST", "/acme/_usage", pet, nil, 405, "method-not-allowed"},
		{"DELETE", "/acme/openapi.json", "", nil, 405, "method-not-allowed"},
		{"get", "/acme/pet", "", nil, 405, "method-not-allowed"},
		{"GET", "/acme/pet", "", []string{"accept: text/html, application/json;q=0"}, 406, "not-acceptable"},
		{"GET", "/acme/pet", "", []string{"accept: */*;q=0"}, 406, "not-acceptable"},
		{"POST", "/acme/pet", pet, []string{"content-type: text/plain"}, 415, "unsupported-media-type"},
		{"POST", "/acme/pet", pet, []string{"content-type: application/merge-patch+json"}, 415, "unsupported-media-type"},
		{"POST", "/acme/pet", pet, []string{"content-type: application/json; charset=utf-16"}, 415, "unsupported-media-type"},
		{"POST", "/acme/pet", pet, []string{"content-type: application/json;;;="}, 415, "unsupported-media-type"},
		{"POST", "/acme/pet", pet, []string{jsonBody, "content-encoding: gzip"}, 415, "unsupported-media-type"},
		{"POST", "/acme/pet", pet, nil, 415, "unsupported-media-type"},
		{"PATCH", "/acme/pet/rex", `[]`, []string{"content-type: application/json-patch+json"}, 415, "unsupported-media-type"},
		{"POST", "/acme/pet", "", []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", "[]", []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", "null", []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", `{"name":"a"} x`, []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", `{"name":"a","name":"b"}`, []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", "{\"name\":\"\xff\"}", []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", "\x1f\x8b\x08", []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", deep, []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", strings.Repeat(" ", events.MaxBytes+1), []string{jsonBody}, 413, "too-large"},
		{"POST", "/acme/pet", `{"name":"` + strings.Repeat("x", 500<<10) + `"}`, []string{jsonBody}, 413, "too-large"},
		{"POST", "/acme/pet?limit=1", pet, []string{jsonBody}, 400, "invalid"},
		{"DELETE", "/acme/pet/rex", `{"id":"rex"}`, []string{jsonBody}, 400, "invalid"},
		{"POST", "/acme/pet", pet, []string{jsonBody, "idempotency-key: "}, 400, "invalid"},
		{"POST", "/acme/pet", pet, []string{jsonBody, `idempotency-key: ""`}, 400, "invalid"},
		{"POST", "/acme/pet", pet, []string{jsonBody, "idempotency-key: a", "idempotency-key: b"}, 400, "invalid"},
		{"POST", "/acme/pet", pet, []string{jsonBody, "idempotency-key: " + strings.Repeat("k", 129)}, 400, "invalid"},
		{"POST", "/acme/pet", pet, []string{jsonBody, "idempotency-key: a\x01b"}, 400, "invalid"},
		{"GET", "/acme/pet/rex", "", []string{"x-api-key: " + h.keys["acme"]}, 401, "unauthenticated"}, // twice
		{"GET", "/rival/pet/rex", "", nil, 401, "unauthenticated"},
		{"GET", "/nobody/pet/rex", "", nil, 401, "unauthenticated"},
	}
	for _, tag := range []string{"", " ", "x", `"`, `"x`, `x"`, `W/`, `w/"x"`, `W/x`, `"a" "b"`, `"a",b`, `*, "a"`, `"a", *`, "\"a b\"", "\"\x7f\"", `,`, `"a";q=1`} {
		for _, name := range []string{"if-match: ", "if-none-match: "} {
			calls = append(calls, call{"GET", "/acme/pet/rex", "", []string{name + tag}, 400, "invalid"},
				call{"PUT", "/acme/pet/rex", pet, []string{jsonBody, name + tag}, 400, "invalid"})
		}
	}
	for _, c := range calls {
		a := h.do(c.method, c.path, c.body, append([]string{h.as("acme")}, c.headers...)...)
		if a.StatusCode != c.status || a.problem() != c.problem {
			t.Errorf("%s %.60s %.80v: %d %s, want %d %s", c.method, c.path, c.headers, a.StatusCode, a.Body, c.status, c.problem)
		}
		var p struct {
			RequestID string `json:"requestId"`
		}
		if json.Unmarshal([]byte(a.Body), &p) != nil || p.RequestID == "" || p.RequestID != a.Headers["x-request-id"] {
			t.Errorf("%s %.60s: the problem has no request id: %s", c.method, c.path, a.Body)
		}
		if a.StatusCode == 405 && a.Headers["allow"] == "" {
			t.Errorf("%s %s: 405 without Allow", c.method, c.path)
		}
	}
	if after := h.effects("acme", "rival"); after != before {
		t.Errorf("invalid requests had effects:\n%s", after)
	}
	if log := h.log.text(); strings.Contains(log, h.keys["acme"]) || strings.Contains(log, "Tom") {
		t.Error("a key or a payload is in the log")
	}
}

// TestTextsOfProblems checks what the problem documents of frequent mistakes say, and
// that bodies end with a newline.
func TestTextsOfProblems(t *testing.T) {
	files := maps.Clone(restFiles)
	files["acme/dated.json"] = `{"properties":{"on":{"type":"string","format":"date"}},"additionalProperties":false}`
	h := newRESTFixture(t, files)
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
		want               string
	}{
		{"GET", "/acme/pet", "", nil, 401, `"detail":"the header x-api-key is missing: it must hold an API key of the tenant"`},
		{"GET", "/acme/pet", "", []string{"x-api-key: "}, 401, `"detail":"the header x-api-key is missing: it must hold an API key of the tenant"`},
		{"GET", "/acme/pet", "", []string{"x-api-key: nonsense"}, 401, `"detail":"the API key is missing or not valid"`},
		{"POST", "/acme/pet", strings.Repeat(" ", events.MaxBytes+9), []string{h.as("acme"), jsonBody}, 413, fmt.Sprintf(`"detail":"the body has more than %d bytes"`, events.MaxBytes)},
		{"POST", "/acme/dated", `{"on":"yesterday"}`, []string{h.as("acme"), jsonBody}, 400, `{"pointer":"/on","message":"must be a valid date, for example 2026-11-21"}`},
		{"GET", "/acme/pet/a%2", "", []string{h.as("acme")}, 400, `"detail":"the path has a malformed %XX escape"`},
		{"GET", "/acme/pet", "", []string{h.as("acme")}, 200, `{"records":[]}`},
		{"POST", "/acme/pet", `{"id":"rex","name":"Rex"}`, []string{h.as("acme"), jsonBody}, 201, `"key":"rex"`},
		{"GET", "/acme/pet/rex", "", []string{h.as("acme")}, 200, `"name":"Rex"`},
		{"TRACE", "/acme/pet/rex", "", []string{h.as("acme")}, 405, `"detail":"this path does not support the method`},
		{"GET", "/acme/openapi.json", "", []string{h.as("acme")}, 200, `"openapi"`},
	} {
		a := h.do(c.method, c.path, c.body, c.headers...)
		if a.StatusCode != c.status || !strings.Contains(a.Body, c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, a.StatusCode, a.Body, c.status, c.want)
		}
		if !strings.HasSuffix(a.Body, "}\n") || strings.HasSuffix(a.Body, "\n\n") {
			t.Errorf("%s %s: the body does not end with one newline: %q", c.method, c.path, a.Body)
		}
	}
}

func TestInvalidHTTPPayloads(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	for payload, status := range map[string]int{
		`{"version":"2.0","rawPath":"/acme/pet","headers":7,"requestContext":{"http":{"method":"GET"}}}`:                                                                                           400,
		`{"version":"2.0","rawPath":"/acme/pet","requestContext":{}}`:                                                                                                                              405,
		`{"httpMethod":"POST","path":"/acme/pet","requestContext":{},"headers":{"content-type":"application/json"},"body":"%%%","isBase64Encoded":true}`:                                           400,
		`{"httpMethod":"POST","path":"/acme/pet","requestContext":{"path":"/acme/pet"},"multiValueHeaders":{"content-type":["application/json"],"x-api-key":["a","b"]},"body":"{}"}`:               400,
		`{"httpMethod":"POST","path":"/acme/pet","requestContext":{"path":"/acme/pet"},"multiValueHeaders":{"content-type":["application/json"],"X-Api-Key":["a"],"x-api-key":["b"]},"body":"{}"}`: 400,
		`{"httpMethod":"GET","path":"/acme/pet","requestContext":{"path":"/acme/pet"},"multiValueQueryStringParameters":{"limit":["1","2"]},"headers":{"x-api-key":"` + h.keys["acme"] + `"}}`:     400,
		`{"httpMethod":"GET","path":"/acme/pet","requestContext":{"path":"/acme/pet"},"queryStringParameters":{"limit":"1"},"headers":{"X-API-KEY":"` + h.keys["acme"] + `"}}`:                     200,
	} {
		if a := h.invoke(payload); a.StatusCode != status || status >= 400 && a.problem() == "" {
			t.Errorf("%s\n%+v, want %d", payload, a, status)
		}
	}
}

func TestPermissions(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	h.do("POST", "/acme/pet", `{"id":"rex","name":"Rex"}`, h.as("acme"), jsonBody)
	_, reader := h.newKey("acme", apikey.ReadOnly)
	var rejected []string
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/acme/pet/rex", "", 200}, {"GET", "/acme/pet", "", 200}, {"HEAD", "/acme/pet/rex", "", 200}, {"GET", "/acme/_usage", "", 200},
		{"POST", "/acme/pet", `{"name":"N"}`, 401}, {"PUT", "/acme/pet/rex", `{"name":"N"}`, 401},
		{"PATCH", "/acme/pet/rex", `{"name":"N"}`, 401}, {"DELETE", "/acme/pet/rex", "", 401},
	} {
		headers := []string{"x-api-key: " + reader}
		if c.body != "" {
			headers = append(headers, jsonBody)
		}
		a := h.do(c.method, c.path, c.body, headers...)
		if a.StatusCode != c.status {
			t.Errorf("%s %s with a key that may read: %d %s, want %d", c.method, c.path, a.StatusCode, a.Body, c.status)
		}
		if a.StatusCode == 401 {
			rejected = append(rejected, strings.Replace(a.Body, a.Headers["x-request-id"], "", 1))
		}
	}
	nonsense := h.do("DELETE", "/acme/pet/rex", "", "x-api-key: nonsense")
	for _, body := range rejected {
		if body != strings.Replace(nonsense.Body, nonsense.Headers["x-request-id"], "", 1) {
			t.Errorf("a 401 reports the reason: %s", body)
		}
	}
	if nonsense.Headers["www-authenticate"] == "" {
		t.Error("401 without WWW-Authenticate")
	}
}

// TestRevokedKeyIsRejectedWithin30Seconds checks that a key in constant use is
// rejected at most 30 seconds after it was revoked (R51).
func TestRevokedKeyIsRejectedWithin30Seconds(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	key, secret := h.newKey("acme", apikey.BackendCalls)
	get := func() int { return h.do("GET", "/acme/pet", "", "x-api-key: "+secret).StatusCode }
	for range 50 {
		if get() != 200 {
			t.Fatal("the key is rejected before it was revoked")
		}
		h.advance(time.Second)
	}
	if _, err := apikey.Revoke(t.Context(), h.ledger, key.ID, h.clock()); err != nil {
		t.Fatal(err)
	}
	rejectedAfter := -1
	for second := range 40 {
		if get() == 401 {
			rejectedAfter = second
			break
		}
		h.advance(time.Second)
	}
	if rejectedAfter < 0 || rejectedAfter > 30 {
		t.Errorf("rejected after %d s, want at most 30", rejectedAfter)
	}
}

// TestRevokedKeyIsRejectedAtOnce checks that a revoked key is rejected at once,
// even for a redelivery, if every commit checks the key.
func TestRevokedKeyIsRejectedAtOnce(t *testing.T) {
	h := newRESTFixture(t, restFiles, func(o *router.Options) { o.StrictKeys = true })
	key, secret := h.newKey("acme", apikey.BackendCalls)
	post := func(once string) httpResponse {
		return h.do("POST", "/acme/pet", `{"name":"Rex"}`, "x-api-key: "+secret, jsonBody, "idempotency-key: "+once)
	}
	if first := post("one"); first.StatusCode != 201 {
		t.Fatalf("%+v", first)
	}
	before := h.effects("acme")
	if _, err := apikey.Revoke(t.Context(), h.ledger, key.ID, h.clock()); err != nil {
		t.Fatal(err)
	}
	rejected := h.do("GET", "/acme/pet", "", "x-api-key: nonsense")
	for _, a := range []httpResponse{post("two"), post("one"), h.do("GET", "/acme/pet", "", "x-api-key: "+secret)} {
		if a.StatusCode != 401 || strings.Replace(a.Body, a.Headers["x-request-id"], "", 1) != strings.Replace(rejected.Body, rejected.Headers["x-request-id"], "", 1) {
			t.Errorf("%+v, want the 401 of any other invalid key", a)
		}
	}
	if after := h.effects("acme"); after != before {
		t.Errorf("a revoked key had effects: %s", after)
	}
}

func TestCORS(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	const origin = "access-control-allow-origin"
	preflight := h.do("OPTIONS", "/acme/pet/rex", "", "origin: https://app.example.com", "access-control-request-method: PUT")
	if preflight.StatusCode != 204 || preflight.Headers[origin] != "https://app.example.com" || preflight.Headers["vary"] != "origin" ||
		!strings.Contains(preflight.Headers["access-control-allow-methods"], "PUT") ||
		!strings.Contains(preflight.Headers["access-control-allow-headers"], "x-api-key") || preflight.Headers["allow"] == "" {
		t.Errorf("preflight: %+v", preflight)
	}
	for _, c := range []struct {
		path, origin, allowed string
	}{
		{"/acme/pet", "https://app.example.com", "https://app.example.com"},
		{"/acme/pet", "http://localhost:3000", "http://localhost:3000"},
		{"/acme/pet", "https://app.example.com.evil.com", ""},
		{"/acme/pet", "http://app.example.com", ""},
		{"/acme/pet", "null", ""},
		{"/acme/pet", "", ""},
		{"/rival/pet", "https://anyone.example", "*"},
		{"/nobody/pet", "https://app.example.com", ""},
		{"/%2e%2e/pet", "https://app.example.com", ""},
	} {
		headers := []string{"x-api-key: nonsense"}
		if c.origin != "" {
			headers = append(headers, "origin: "+c.origin)
		}
		a := h.do("GET", c.path, "", headers...)
		if a.Headers[origin] != c.allowed || a.Headers["access-control-allow-credentials"] != "" {
			t.Errorf("%s from %q: allowed %q, want %q", c.path, c.origin, a.Headers[origin], c.allowed)
		}
	}
}

// A countingBucket counts the objects that are read.
type countingBucket struct {
	blob.Bucket
	gets atomic.Int64
}

func (b *countingBucket) Get(ctx context.Context, key string, known blob.ETag) (blob.Object, error) {
	b.gets.Add(1)
	return b.Bucket.Get(ctx, key, known)
}

// TestPreflightsOfUnknownTenantsAreBounded checks that preflights, which need no
// key, cause few reads of the bucket, and that tenants that exist are served
// meanwhile.
func TestPreflightsOfUnknownTenantsAreBounded(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	files := &countingBucket{Bucket: h.files}
	r := router.New(
		tenant.NewCatalog(files, &tenant.CatalogOptions{Clock: h.clock, Report: func(diag.Diagnostic) {}}),
		apikey.NewAuthenticator(h.ledger, &apikey.AuthenticatorOptions{Clock: h.clock}),
		h.store, outbox.NewPublisher(h.store, bus.NewPublisher(h), &outbox.Options{Clock: h.clock}), &router.Options{Clock: h.clock})
	h.handler = lambda.New(r, h.relay, &h.log, &lambda.Options{Environment: "test", Clock: h.clock})
	preflight := func(id string) string {
		a := h.do("OPTIONS", "/"+id+"/pet/rex", "", "origin: https://app.example.com", "access-control-request-method: PUT")
		if a.StatusCode != 204 {
			t.Fatalf("%+v", a)
		}
		return a.Headers["access-control-allow-origin"]
	}
	if preflight("acme") == "" {
		t.Error("a tenant that exists: rejected")
	}
	files.gets.Store(0)
	for i := range 500 {
		if allowed := preflight(fmt.Sprintf("nobody%d", i)); allowed != "" {
			t.Fatalf("allowed: %q", allowed)
		}
	}
	if n := files.gets.Load(); n == 0 || n > 20 {
		t.Errorf("%d reads of the bucket within one second, want at most 20", n)
	}
	if preflight("acme") == "" {
		t.Error("a tenant that was found before: rejected")
	}
	h.advance(time.Second)
	if preflight("rival") != "*" {
		t.Error("a tenant that exists, a second later: rejected")
	}
}

// TestFaultIsAnHTTPResponse checks that a fault over HTTP is a response: for an
// error of the function, API Gateway would return its own 502.
func TestFaultIsAnHTTPResponse(t *testing.T) {
	h := newRESTFixture(t, restFiles)
	h.do("GET", "/acme/pet", "", h.as("acme")) // key and schema are cached from here on
	h.faults = func(string) error { return fault.Errorf(fault.Unavailable, "the table is down") }
	for _, a := range []httpResponse{
		h.do("GET", "/acme/pet/rex", "", h.as("acme")),
		h.do("POST", "/acme/pet", `{"name":"N"}`, h.as("acme"), jsonBody),
	} {
		if a.StatusCode != 503 || a.problem() != "unavailable" || a.Headers["retry-after"] == "" || strings.Contains(a.Body, "is down") {
			t.Errorf("%+v", a)
		}
	}
	if log := h.log.text(); !strings.Contains(log, "is down") || !strings.Contains(log, `"Faults":1`) {
		t.Error("the cause is not in the log")
	}
}
