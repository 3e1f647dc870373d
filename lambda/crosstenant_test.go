package lambda_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
)

// TestCrossTenant checks that a key of one tenant reads and changes nothing of
// another tenant, with any routes, ids, cursors, ETags, idempotency keys and
// bodies (SOAK=1: a million attempts).
func TestCrossTenant(t *testing.T) {
	attempts := 10_000
	if os.Getenv(soak) != "" {
		attempts = 1_000_000
	}
	h := newRESTFixture(t, map[string]string{
		"acme/tenant.properties":   "eventbridge-input=true\n",
		"acme/pet.json":            `{"properties":{"id":{"type":"string"}}}`,
		"acme-1/tenant.properties": "eventbridge-input=true\n", // the other id is a prefix of this one
		"acme-1/pet.json":          `{"properties":{"id":{"type":"string"}}}`,
		"rival/tenant.properties":  "eventbridge-input=true\n",
		"rival/pet.json":           `{"properties":{"id":{"type":"string"}}}`,
		"rival/hidden.json":        `{"description":"c4n4ry"}`,
	})
	var known []string // values of the other tenants that the attacker may know
	for _, victim := range []string{"rival", "acme-1"} {
		for i := range 20 {
			once := fmt.Sprintf("once-%d", i)
			made := h.do("POST", "/"+victim+"/pet", fmt.Sprintf(`{"id":"secret-%d","value":"c4n4ry-%d"}`, i, i), h.as(victim), jsonBody, "idempotency-key: "+once)
			known = append(known, fmt.Sprintf("secret-%d", i), made.Headers["etag"], once, made.Headers["x-request-id"])
		}
		page := h.do("GET", "/"+victim+"/pet?limit=3", "", h.as(victim))
		_, cursor, _ := strings.Cut(page.Body, `"next":"`)
		cursor, _, _ = strings.Cut(cursor, `"`)
		known = append(known, cursor)
	}
	before := h.effects("rival", "acme-1")
	_, reader := h.newKey("acme", apikey.ReadOnly)
	r := rand.New(rand.NewPCG(7, 7))
	answered := map[int]int{}
	for i := range attempts {
		method, path, body, headers := crossTenantAttempt(r, known)
		key := h.keys["acme"]
		if r.IntN(8) == 0 {
			key = pick(r, reader, h.keys["rival"][:30]+key[30:], key[:20]+h.keys["rival"][20:])
		}
		a := h.do(method, path, body, append(headers, "x-api-key: "+key)...)
		answered[a.StatusCode]++
		if all := fmt.Sprint(a); strings.Contains(all, "c4n4ry") {
			t.Fatalf("%s %s %v leaks: %s", method, path, headers, all)
		}
		owner, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if owner != "acme" && a.StatusCode < 400 && method != "OPTIONS" {
			t.Fatalf("%s %s was accepted: %+v", method, path, a)
		}
		if i%(attempts/4) == 0 || i == attempts-1 {
			if after := h.effects("rival", "acme-1"); after != before {
				t.Fatalf("%s %s changed another tenant:\n%s", method, path, after)
			}
		}
		h.mu.Lock()
		h.sent = nil
		h.mu.Unlock()
		if i%5000 == 0 {
			log := h.log.take()
			if strings.Contains(log, "c4n4ry") {
				t.Fatal("a payload is in the log")
			}
		}
	}
	if answered[401] == 0 || answered[200] == 0 || answered[201] == 0 || answered[404] == 0 || answered[500]+answered[503] > 0 {
		t.Errorf("the attempts are not varied: %v", answered)
	}
	// The response does not show whether a record or a schema exists.
	var rejected []string
	for _, path := range []string{"/rival/pet/secret-1", "/rival/pet/none", "/rival/hidden/x", "/rival/none/x", "/nobody/pet/x"} {
		a := h.do("GET", path, "", h.as("acme"))
		rejected = append(rejected, fmt.Sprint(a.StatusCode, strings.Replace(a.Body, a.Headers["x-request-id"], "", 1)))
	}
	for _, one := range rejected {
		if one != rejected[0] {
			t.Errorf("responses differ:\n%s\n%s", one, rejected[0])
		}
	}
}

func crossTenantAttempt(r *rand.Rand, known []string) (method, path, body string, headers []string) {
	id := func() string { return pick(r, known...) }
	owner := pick(r, "acme", "acme", "rival", "acme-1", "acme%2D1", "acme%2F..%2Frival", "..", "acme%00rival", "ACME", "rival.", "nobody")
	schema := pick(r, "pet", "pet", "hidden", "..%2F..%2Frival%2Fpet", "pet.json", "_usage", "openapi.json", "tenant")
	method = pick(r, "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
	path = "/" + owner + "/" + schema
	if r.IntN(2) == 0 {
		key := pick(r, events.RecordKey(id()).Escape(), events.RecordKey("../rival/pet/"+id()).Escape(), "..%2F..%2Frival%2Fpet%2F"+events.RecordKey(id()).Escape(), "%00"+events.RecordKey(id()).Escape())
		path += "/" + key
	}
	switch r.IntN(6) {
	case 0:
		path += "?cursor=" + events.RecordKey(id()).Escape()
	case 1:
		path += "?limit=1000"
	case 2:
		path += "?tenant=rival"
	}
	if method == "POST" || method == "PUT" || method == "PATCH" {
		headers = append(headers, jsonBody)
		body = fmt.Sprintf(`{"id":%q,"tenant":"rival"}`, pick(r, id(), "x", "../../rival/pet/secret-1"))
		if r.IntN(3) == 0 {
			body = `{"id":"x","__proto__":{"tenant":"rival"},"rootSchema":"hidden"}`
		}
	}
	if r.IntN(2) == 0 {
		headers = append(headers, "idempotency-key: "+strings.Trim(id(), `"`))
	}
	if r.IntN(4) == 0 {
		headers = append(headers, pick(r, "if-match: ", "if-none-match: ")+pick(r, "*", id()))
	}
	if r.IntN(8) == 0 {
		headers = append(headers, pick(r, "x-tenant: rival", "x-original-url: /rival/pet", "x-http-method-override: DELETE", "host: rival", "x-forwarded-for: 127.0.0.1"))
	}
	return method, path, body, headers
}
