package lambda_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/events"
)

var equalFiles = map[string]string{
	"acme/tenant.properties": "eventbridge-input=true\ntoken-limit-monthly=200\npayload-max-bytes=400\neventbridge-output=[{},{\"payload\":\"record\",\"source\":\"acme.records\"}]\n",
	"acme/pet.json":          `{"properties":{"id":{"type":"string"},"name":{"type":"string"},"age":{"type":"number"}},"required":["name"],"additionalProperties":false}`,
	"acme/count.json":        `{"meta":{"key":"n"},"properties":{"n":{"type":"integer"},"v":{"type":"string","format":"email"}}}`,
}

// A request can be sent as an input event and over REST.
type request struct {
	op          events.Operation
	schema, key string // the key as JSON; "" to leave it out
	members     string // of the payload, besides the key
	idempotency string
	apiKey      string // instead of the right one
}

func (r request) payload(field string) string {
	var members []string
	if r.key != "" {
		members = append(members, fmt.Sprintf("%q:%s", field, r.key))
	}
	if r.members != "" {
		members = append(members, r.members)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (r request) field() string {
	if r.schema == "count" {
		return "n"
	}
	return "id"
}

func (r request) sendEvent(h *restFixture, n int) httpResponse {
	idempotency := ""
	if r.idempotency != "" {
		idempotency = fmt.Sprintf(`"idempotency_key":%q,`, r.idempotency)
	}
	return h.invoke(fmt.Sprintf(`{"version":"0","id":"event-%d","source":"blockforger-input","detail-type":"%s.%s","time":%q,"resources":[],
		"detail":{"tenant":"acme","rootSchema":%q,"operation":%q,%s"api_key":%q,"payload":%s}}`,
		n, r.schema, r.op, h.clock().Format(time.RFC3339), r.schema, r.op, idempotency, r.keyOf(h), r.payload(r.field())))
}

func (r request) keyOf(h *restFixture) string {
	if r.apiKey != "" {
		return r.apiKey
	}
	return h.keys["acme"]
}

func (r request) sendREST(h *restFixture) httpResponse {
	path, body := "/acme/"+r.schema, r.payload(r.field())
	if r.op != events.Post {
		var key string
		if json.Unmarshal([]byte(r.key), &key) != nil {
			key = r.key
		}
		path += "/" + events.RecordKey(key).Escape()
	}
	headers := []string{"x-api-key: " + r.keyOf(h)}
	if r.op == events.Delete {
		body = ""
	} else {
		headers = append(headers, jsonBody)
	}
	if r.idempotency != "" {
		headers = append(headers, "idempotency-key: "+r.idempotency)
	}
	return h.do(string(r.op), path, body, headers...)
}

// TestEventAndRESTHaveEqualEffects sends each request as an input event to one
// router and over REST to another, and compares responses and effects (R2, R20).
func TestEventAndRESTHaveEqualEffects(t *testing.T) {
	byEvent, byCall := newRESTFixture(t, equalFiles), newRESTFixture(t, equalFiles)
	long := `"name":"` + strings.Repeat("x", 400) + `"`
	for n, c := range []struct {
		name   string
		r      request
		status int
	}{
		{"create", request{events.Post, "pet", `"rex"`, `"name":"Rex","age":1.50`, "", ""}, 201},
		{"create a taken key", request{events.Post, "pet", `"rex"`, `"name":"Rex"`, "", ""}, 409},
		{"create with a hard key", request{events.Post, "pet", `"a/b c%2F\u00e9\"?#"`, `"name":"Hard"`, "", ""}, 201},
		{"replace by a hard key", request{events.Put, "pet", `"a/b c%2F\u00e9\"?#"`, `"name":"Harder"`, "", ""}, 200},
		{"merge", request{events.Patch, "pet", `"rex"`, `"age":null,"name":"Max"`, "", ""}, 200},
		{"merge into an invalid record", request{events.Patch, "pet", `"rex"`, `"name":null`, "", ""}, 400},
		{"replace", request{events.Put, "pet", `"rex"`, `"name":"Rex","age":12345678901234567890.10`, "put-1", ""}, 200},
		{"replace, delivered again", request{events.Put, "pet", `"rex"`, `"name":"Rex","age":12345678901234567890.10`, "put-1", ""}, 200},
		{"another request, the same idempotency key", request{events.Put, "pet", `"rex"`, `"name":"Tom"`, "put-1", ""}, 409},
		{"too many digits", request{events.Put, "pet", `"rex"`, `"name":"Rex","age":1234567890123456789012345678901234567890`, "", ""}, 413},
		{"payload above the tenant's limit", request{events.Put, "pet", `"rex"`, long, "", ""}, 413},
		{"replace what is not there", request{events.Put, "pet", `"tom"`, `"name":"Tom"`, "", ""}, 404},
		{"break the schema twice", request{events.Post, "pet", `"bad"`, `"name":1,"extra":true`, "", ""}, 400},
		{"no such schema", request{events.Post, "cat", `"x"`, `"name":"x"`, "", ""}, 404},
		{"no key, where it must be an integer", request{events.Post, "count", "", `"v":"a@example.com"`, "", ""}, 400},
		{"an integer key", request{events.Post, "count", "-7", `"v":"a@example.com"`, "", ""}, 201},
		{"an integer key, replaced", request{events.Put, "count", "-7", `"v":"b@example.com"`, "", ""}, 200},
		{"a format", request{events.Put, "count", "-7", `"v":"nobody"`, "", ""}, 400},
		{"a bad API key", request{events.Post, "pet", `"new"`, `"name":"N"`, "", "erk_nonsense"}, 401},
		{"remove", request{events.Delete, "pet", `"rex"`, "", "del-1", ""}, 204},
		{"remove, delivered again", request{events.Delete, "pet", `"rex"`, "", "del-1", ""}, 204},
		{"remove what is gone", request{events.Delete, "pet", `"rex"`, "", "del-2", ""}, 404},
		{"create anew", request{events.Post, "pet", `"rex"`, `"name":"Rex II"`, "", ""}, 201},
		{"remove what was gone, delivered again", request{events.Delete, "pet", `"rex"`, "", "del-2", ""}, 404},
	} {
		a, b := c.r.sendEvent(byEvent, n), c.r.sendREST(byCall)
		if a.StatusCode != c.status || b.StatusCode != c.status {
			t.Errorf("%s: status %d as event, %d over REST, want %d\n%s\n%s", c.name, a.StatusCode, b.StatusCode, c.status, a.Body, b.Body)
		}
		if diff := cmp.Diff(comparable(a), comparable(b)); diff != "" {
			t.Errorf("%s: responses differ, event - REST +\n%s", c.name, diff)
		}
		if diff := cmp.Diff(effects(byEvent), effects(byCall)); diff != "" {
			t.Fatalf("%s: effects differ, event - REST +\n%s", c.name, diff)
		}
	}
	if e := byCall.effects("acme"); !strings.Contains(e, "Rex II") || !strings.Contains(e, "usage acme pet PUT 20") || !strings.Contains(e, "sent") {
		t.Errorf("effects are incomplete:\n%s", e)
	}
	// 9 were committed above, at 10 tokens each; the limit allows 20.
	for n := range 12 {
		c := request{events.Post, "pet", fmt.Sprintf(`"q%d"`, n), `"name":"Q"`, "", ""}
		a, b := c.sendEvent(byEvent, 100+n), c.sendREST(byCall)
		if a.StatusCode != b.StatusCode || (a.StatusCode == 429) != (n >= 11) {
			t.Errorf("quota %d: %d as event, %d over REST", n, a.StatusCode, b.StatusCode)
		}
	}
	if diff := cmp.Diff(effects(byEvent), effects(byCall)); diff != "" {
		t.Errorf("quota: effects differ\n%s", diff)
	}
}

// versions matches the versions, which differ in each commit. A rejected event is
// stored and so has one; a REST request without an idempotency key cannot be
// redelivered and has none.
var versions = regexp.MustCompile(`[0-9a-f]{32}`)

// comparable returns the parts of a response that must be equal for both.
func comparable(a httpResponse) map[string]any {
	body := map[string]any{}
	_ = json.Unmarshal([]byte(versions.ReplaceAllString(a.Body, "version")), &body)
	delete(body, "requestId")
	out := map[string]any{"status": a.StatusCode, "body": body}
	for _, name := range []string{"content-type", "etag", "idempotency-replayed"} {
		out[name] = versions.ReplaceAllString(a.Headers[name], "version")
	}
	return out
}

// TestGeneratedKeysAreStable checks that the key of a POST without one is derived
// from its idempotency key, so that a redelivery gets the same key.
func TestGeneratedKeysAreStable(t *testing.T) {
	h := newRESTFixture(t, equalFiles)
	r := request{op: events.Post, schema: "pet", members: `"name":"Rex"`, idempotency: "once"}
	first, again := r.sendREST(h), r.sendREST(h)
	if first.StatusCode != 201 || first.Body != again.Body || first.Headers["location"] != again.Headers["location"] {
		t.Errorf("%+v\n%+v", first, again)
	}
	if again.Headers["idempotency-replayed"] != "true" || first.Headers["idempotency-replayed"] != "" {
		t.Error("only the redelivery must have idempotency-replayed")
	}
	if sendEvent := r.sendEvent(h, 1); sendEvent.StatusCode != 201 || sendEvent.Body == first.Body {
		t.Errorf("an event and a REST request shared an idempotency key: %+v", sendEvent)
	}
	if got := h.do("GET", first.Headers["location"], "", h.as("acme")); got.StatusCode != 200 || !strings.Contains(got.Body, `"name":"Rex"`) {
		t.Errorf("GET of Location = %+v", got)
	}
}

func effects(h *restFixture) string { return versions.ReplaceAllString(h.effects("acme"), "version") }
