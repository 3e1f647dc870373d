package lambda_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRateLimit(t *testing.T) {
	h := newRESTFixture(t, map[string]string{
		"acme/tenant.properties":  "eventbridge-input=true\nrate-limit-per-second=2.5\n",
		"acme/pet.json":           `{}`,
		"slow/tenant.properties":  "rate-limit-per-second=0.1\n",
		"slow/pet.json":           `{}`,
		"rival/tenant.properties": "",
		"rival/pet.json":          `{}`,
	})
	post := func(once string) httpResponse {
		return h.do("POST", "/acme/pet", fmt.Sprintf(`{"id":%q}`, once), h.as("acme"), jsonBody, "idempotency-key: "+once)
	}
	for i, left := range []string{"2", "1", "0"} { // a burst of 3 at once
		a := post("b" + strconv.Itoa(i))
		if a.StatusCode != 201 || a.Headers["ratelimit-policy"] != `"rate";q=3;w=2` || a.Headers["ratelimit"] != `"rate";r=`+left+`;t=2` {
			t.Errorf("%d: %d %v", i, a.StatusCode, a.Headers)
		}
	}
	late := post("late")
	if late.StatusCode != 429 || late.problem() != "exhausted" || late.Headers["retry-after"] != "1" || late.Headers["ratelimit"] != `"rate";r=0;t=2` {
		t.Errorf("%+v", late)
	}
	if a := post("b0"); a.StatusCode != 201 || a.Headers["idempotency-replayed"] != "true" {
		t.Errorf("a redelivery gets the stored result at any rate: %+v", a)
	}
	if a := h.do("GET", "/acme/pet", "", h.as("acme")); a.StatusCode != 429 {
		t.Errorf("reads count too: %+v", a)
	}
	if a := h.do("GET", "/rival/pet", "", h.as("rival")); a.StatusCode != 200 || a.Headers["ratelimit"] != "" {
		t.Errorf("another tenant: %+v", a)
	}
	event := fmt.Sprintf(`{"id":"e1","source":"blockforger-input","detail-type":"pet.POST","time":%q,"detail":{"tenant":"acme","rootSchema":"pet","api_key":%q,"payload":{"id":"e"}}}`,
		h.clock().Format(time.RFC3339), h.keys["acme"])
	if out, err := h.handler.Serve(t.Context(), []byte(event), &h.log); err == nil {
		t.Errorf("an event above the rate is acknowledged and so lost: %s", out)
	}
	h.advance(400 * time.Millisecond)
	if a := post("late"); a.StatusCode != 201 {
		t.Errorf("a request above the rate is stored: %+v", a)
	}
	h.advance(time.Second)
	if a := h.invoke(event); a.StatusCode != 201 {
		t.Errorf("the event, delivered again: %+v", a)
	}
	h.do("GET", "/slow/pet", "", h.as("slow"))
	if a := h.do("GET", "/slow/pet", "", h.as("slow")); a.Headers["retry-after"] != "10" || a.Headers["ratelimit-policy"] != `"rate";q=1;w=10` {
		t.Errorf("one in ten seconds: %v", a.Headers)
	}
	h.advance(time.Hour) // unused capacity does not accumulate
	for i := range 4 {
		if a := post("idle" + strconv.Itoa(i)); (a.StatusCode == 429) != (i == 3) {
			t.Errorf("request %d after an hour: %d", i, a.StatusCode)
		}
	}
	usage := h.do("GET", "/rival/_usage", "", h.as("rival"))
	if !strings.Contains(h.effects("acme"), "usage acme pet POST 80") || usage.StatusCode != 200 {
		t.Errorf("rejected requests must not be billed:\n%s", h.effects("acme"))
	}
}

func TestTokenLimit(t *testing.T) {
	h := newRESTFixture(t, map[string]string{"acme/tenant.properties": "token-limit-monthly=30\n", "acme/pet.json": `{}`})
	post := func(id string) httpResponse {
		return h.do("POST", "/acme/pet", fmt.Sprintf(`{"id":%q}`, id), h.as("acme"), jsonBody, "idempotency-key: "+id)
	}
	for _, id := range []string{"a", "b"} {
		if a := post(id); a.StatusCode != 201 || a.Headers["ratelimit-policy"] != `"month";q=30;w=2592000;qu="tokens"` || a.Headers["ratelimit"] != "" {
			t.Errorf("%+v", a)
		}
	}
	if a := h.do("GET", "/acme/pet/a", "", h.as("acme")); a.StatusCode != 200 {
		t.Errorf("%+v", a)
	}
	seconds := strconv.Itoa((10*24 - 3) * 60 * 60) // from 21 November, 03:00, to December
	for _, a := range []httpResponse{post("c"), h.do("GET", "/acme/pet/a", "", h.as("acme"))} {
		if a.StatusCode != 429 || a.Headers["retry-after"] != seconds || a.Headers["ratelimit"] != `"month";r=0;t=`+seconds {
			t.Errorf("%+v, want to wait %s s", a, seconds)
		}
	}
	h.advance(11 * 24 * time.Hour)
	if a := post("c"); a.StatusCode != 429 || a.Headers["idempotency-replayed"] != "true" {
		t.Errorf("the same request must get the stored result: %+v", a)
	}
	if a := post("d"); a.StatusCode != 201 {
		t.Errorf("in the new month: %+v", a)
	}
}

// TestOutcomeEvents checks that the outcome of each input event with a valid key
// is published once, to the bus that the tenant names.
func TestOutcomeEvents(t *testing.T) {
	const results = "arn:aws:events:eu-west-1:111122223333:event-bus/results"
	files := map[string]string{
		"acme/tenant.properties": "eventbridge-input=true\neventbridge-results=" + results + "\n",
		"acme/pet.json":          `{"properties":{"id":{"type":"string"}},"required":["name"]}`,
	}
	h := newRESTFixture(t, files)
	event := func(id, operation, payload, key string) {
		h.invoke(fmt.Sprintf(`{"id":%q,"source":"blockforger-input","detail-type":"pet.%s","time":%q,"detail":{"tenant":"acme","rootSchema":"pet","operation":%q,"api_key":%q,"payload":%s}}`,
			id, operation, h.clock().Format(time.RFC3339), operation, key, payload))
	}
	key := h.keys["acme"]
	reported := func() (out []string) {
		for _, e := range h.sent {
			if string(e.Bus) != results || e.Source != "blockforger-output" {
				t.Errorf("%+v", e)
			}
			out = append(out, string(e.DetailType)+" "+fmt.Sprint(e.Resources)+" "+string(e.Detail))
		}
		h.sent = nil
		return out
	}
	for _, c := range []struct {
		name string
		send func()
		want []string
	}{
		{"accepted", func() { event("e1", "POST", `{"id":"rex","name":"Rex"}`, key) },
			[]string{`pet.POST.accepted [/acme/pet/rex] {"tenant":"acme","rootSchema":"pet","operation":"POST","outcome":"accepted","status":201,"inputEventId":"e1","key":"rex","revision":1}`}},
		{"accepted, delivered again", func() { event("e1", "POST", `{"id":"rex","name":"Rex"}`, key) }, nil},
		{"rejected for its payload", func() { event("e2", "POST", `{"id":"tom"}`, key) },
			[]string{`pet.POST.rejected [] {"tenant":"acme","rootSchema":"pet","operation":"POST","outcome":"rejected","status":400,"inputEventId":"e2","code":"invalid","message":"payload breaks its schema","errors":[{"pointer":"/name","message":"is required"}]}`}},
		{"rejected, delivered again", func() { event("e2", "POST", `{"id":"tom"}`, key) }, nil},
		{"rejected for the state", func() { event("e3", "DELETE", `{"id":"tom"}`, key) },
			[]string{`pet.DELETE.rejected [/acme/pet/tom] {"tenant":"acme","rootSchema":"pet","operation":"DELETE","outcome":"rejected","status":404,"inputEventId":"e3","key":"tom","code":"not-found","message":"there is no record with this key"}`}},
		{"without a good key", func() { event("e4", "POST", `{"id":"x","name":"X"}`, "nonsense") }, nil},
		{"over REST", func() { h.do("POST", "/acme/pet", `{"name":"Max"}`, h.as("acme"), jsonBody) }, nil},
		{"switched off", func() {
			h.file("acme/tenant.properties", strings.Replace(files["acme/tenant.properties"], "input=true", "input=false", 1))
			h.advance(time.Minute)
			event("e5", "POST", `{"id":"x","name":"X"}`, key)
		}, nil},
	} {
		c.send()
		if diff := cmp.Diff(c.want, reported()); diff != "" {
			t.Errorf("%s: want - got +\n%s", c.name, diff)
		}
	}
	if strings.Contains(fmt.Sprint(reported()), "Rex") {
		t.Error("an outcome holds a payload")
	}
}
