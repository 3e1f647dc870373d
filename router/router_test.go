package router_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
)

func TestOperations(t *testing.T) {
	h := newHouse(t)
	h.must(put{operation: "POST", payload: `{"id":"rex","name":"Rex","age":12345678901234567890.10}`})
	if got := h.data("rex"); !store.Equal(jsontext.Value(got), jsontext.Value(`{"id":"rex","name":"Rex","age":12345678901234567890.10}`)) {
		t.Errorf("after POST: %s", got)
	}
	h.must(put{operation: "PUT", payload: `{"id":"rex","name":"Max","tags":{"a":1,"b":null}}`})
	if got := h.data("rex"); !store.Equal(jsontext.Value(got), jsontext.Value(`{"id":"rex","name":"Max","tags":{"a":1,"b":null}}`)) {
		t.Errorf("after PUT: %s", got)
	}
	h.must(put{operation: "PATCH", payload: `{"id":"rex","status":"sold","tags":{"a":null,"c":2}}`})
	if got := h.data("rex"); !store.Equal(jsontext.Value(got), jsontext.Value(`{"id":"rex","name":"Max","status":"sold","tags":{"b":null,"c":2}}`)) {
		t.Errorf("after PATCH: %s", got)
	}
	r := h.must(put{operation: "DELETE", payload: `{"id":"rex"}`})
	if got := h.data("rex"); got != "deleted" {
		t.Errorf("after DELETE: %s", got)
	}
	if r.Revision != 4 {
		t.Errorf("revision = %d, want 4", r.Revision)
	}
	if r := h.must(put{operation: "POST", payload: `{"id":"rex","name":"Back"}`}); r.Revision != 5 {
		t.Errorf("a record made anew has revision %d, want 5: they go on across DELETE", r.Revision)
	}
	want := "blockforger-output pet.POST rex\nblockforger-output pet.PUT rex\nblockforger-output pet.PATCH rex\nblockforger-output pet.DELETE rex\nblockforger-output pet.POST rex"
	if got := h.published(); got != want {
		t.Errorf("published:\n%s", got)
	}
	if got := h.tokens("acme"); got != 50 {
		t.Errorf("billed %d tokens, want 50", got)
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse(t)
	h.must(put{payload: `{"id":"taken","name":"Rex"}`})
	h.sender.take()
	for name, c := range map[string]struct {
		put  put
		want fault.Code
	}{
		"POST of a key that is taken":      {put{payload: `{"id":"taken","name":"x"}`}, fault.Conflict},
		"PUT of nothing":                   {put{operation: "PUT", payload: `{"id":"none","name":"x"}`}, fault.NotFound},
		"PATCH of nothing":                 {put{operation: "PATCH", payload: `{"id":"none","age":1}`}, fault.NotFound},
		"DELETE of nothing":                {put{operation: "DELETE", payload: `{"id":"none"}`}, fault.NotFound},
		"PUT without the key":              {put{operation: "PUT", payload: `{"name":"x"}`}, fault.Invalid},
		"DELETE without the key":           {put{operation: "DELETE", payload: `{}`}, fault.Invalid},
		"a key that is empty":              {put{payload: `{"id":"","name":"x"}`}, fault.Invalid},
		"a payload without a name":         {put{payload: `{"id":"x"}`}, fault.Invalid},
		"a PATCH that breaks the schema":   {put{operation: "PATCH", payload: `{"id":"taken","name":null}`}, fault.Invalid},
		"an unknown schema":                {put{schema: "dog"}, fault.NotFound},
		"another tenant's key":             {put{key: h.keys["rival"]}, fault.Unauthenticated},
		"no key worth the name":            {put{key: "sesame"}, fault.Unauthenticated},
		"an unknown tenant":                {put{tenant: "nobody", key: h.keys["acme"]}, fault.Unauthenticated},
		"39 digits":                        {put{payload: `{"name":"x","age":123456789012345678901234567890123456789}`}, fault.TooLarge},
		"1e400":                            {put{payload: `{"name":"x","age":1e400}`}, fault.TooLarge},
		"1e999999999":                      {put{payload: `{"name":"x","age":1e999999999}`}, fault.TooLarge},
		"400 KB":                           {put{payload: `{"name":"` + strings.Repeat("x", 400<<10) + `"}`}, fault.TooLarge},
		"an event from before the marks":   {put{time: "2026-10-01T00:00:00Z"}, fault.Invalid},
		"an event of the far future":       {put{time: "2026-11-23T00:00:00Z"}, fault.Invalid},
		"the fifth hop":                    {put{extra: `,"metadata":{"hops":5}`}, fault.Invalid},
		"another source":                   {put{source: "blockforger-output"}, fault.Invalid},
		"a body that another key has used": {put{idempotency: "used", payload: `{"name":"other"}`}, fault.Conflict},
	} {
		if strings.Contains(name, "another key has used") {
			h.must(put{idempotency: "used", payload: `{"id":"used","name":"Rex"}`})
			h.sender.take()
		}
		before := h.tokens("acme")
		_, report, err := h.send(c.put)
		if fault.CodeOf(err) != c.want || report.Outcome != router.Rejected {
			t.Errorf("%s: %v (%s), want %v", name, err, report.Outcome, c.want)
		}
		if got := h.tokens("acme"); got != before {
			t.Errorf("%s: billed %d tokens", name, got-before)
		}
		if got := h.published(); got != "" {
			t.Errorf("%s: published %s", name, got)
		}
	}
	// 2^53+1 and 38 digits are fine, and exact.
	for _, n := range []string{"9007199254740993", "12345678901234567890123456789012345678"} {
		r := h.must(put{payload: `{"name":"x","age":` + n + `}`})
		if got := h.data(string(r.Ref.Key)); !strings.Contains(got, n) {
			t.Errorf("%s comes back as %s", n, got)
		}
	}
}

func TestViolationsComeBackAll(t *testing.T) {
	h := newHouse(t)
	_, _, err := h.send(put{payload: `{"age":"old","status":"lost","other":1}`})
	var pointers []string
	for _, v := range fault.ViolationsOf(err) {
		pointers = append(pointers, v.Pointer)
	}
	for _, want := range []string{"/age", "/status"} {
		if !strings.Contains(strings.Join(pointers, " "), want) {
			t.Errorf("violations at %v, none at %s", pointers, want)
		}
	}
	if len(pointers) < 4 { // the missing name and the unknown member too
		t.Errorf("violations at %v, want four", pointers)
	}
}

// TestOrderOfRefusal breaks everything at once and mends it from the front.
func TestOrderOfRefusal(t *testing.T) {
	h := newHouse(t)
	h.must(put{payload: `{"id":"taken","name":"Rex"}`})
	h.settings("acme", "eventbridge-input=false\ntoken-limit-monthly=10\n")
	p := put{id: "one", schema: "do/g", key: "sesame", payload: `{"id":"taken","age":123456789012345678901234567890123456789}`}
	steps := []struct {
		want fault.Code
		mend func()
	}{
		{fault.Invalid, func() { p.schema = "dog" }},
		{fault.Unauthenticated, func() { p.key = "" }},
		{fault.Denied, func() { h.settings("acme", "eventbridge-input=true\ntoken-limit-monthly=10\n") }},
		{fault.NotFound, func() { p.schema, p.id = "pet", "two" }},
		{fault.Invalid, func() { p.payload = `{"id":"taken","name":"x","age":123456789012345678901234567890123456789}` }},
		{fault.Conflict, func() {
			p.payload, p.id = `{"id":"new","name":"x","age":123456789012345678901234567890123456789}`, "three"
		}},
		{fault.TooLarge, func() { p.payload, p.id = `{"id":"new","name":"x"}`, "four" }},
		{fault.Exhausted, func() { h.settings("acme", "eventbridge-input=true\n"); p.id = "five" }},
	}
	for i, s := range steps {
		if _, _, err := h.send(p); fault.CodeOf(err) != s.want {
			t.Fatalf("step %d: %v, want %v", i, err, s.want)
		}
		s.mend()
	}
	h.must(p)
}

func TestRedeliveryChangesNothing(t *testing.T) {
	h := newHouse(t)
	first := h.must(put{id: "e1", payload: `{"name":"Rex"}`})
	h.sender.take()
	// whatever has changed since: schema, switch of the rules, the record, the quota
	h.must(put{operation: "DELETE", payload: fmt.Sprintf(`{"id":%q}`, first.Ref.Key)})
	h.file("acme/pet.json", `{"type":"object","required":["impossible"]}`)
	h.settings("acme", "eventbridge-input=true\ntoken-limit-monthly=1\n")
	h.sender.take()
	before := h.tokens("acme")

	again, report, err := h.send(put{id: "e1", payload: `{"name":"Rex"}`, time: "2026-11-21T03:00:00Z"})
	if err != nil {
		t.Fatal(err)
	}
	if !again.Replayed || report.Outcome != router.Replayed || again.Ref != first.Ref || again.Version != first.Version || again.Revision != first.Revision {
		t.Errorf("answered %+v, the first time %+v", again, first)
	}
	if h.tokens("acme") != before || h.published() != "" {
		t.Error("a redelivery was billed or published")
	}
	if _, _, err := h.send(put{id: "e1", payload: `{"name":"Max"}`}); !fault.Is(err, fault.Conflict) {
		t.Errorf("another request under the same id: %v", err)
	}
	// another spelling of the same request is the same request
	h.file("acme/pet.json", petSchema)
	h.settings("acme", "eventbridge-input=true\n")
	h.must(put{id: "e2", payload: `{"id":"two","name":"Rex","age":1}`})
	if again, _, err := h.send(put{id: "e2", payload: ` { "age":1, "name" : "R\u0065x", "id":"two" } `}); err != nil || !again.Replayed {
		t.Errorf("respelled: %+v, %v", again, err)
	}
}

// A payload that takes too many steps to check is refused for good, without a
// bill.
func TestCheckThatTakesTooManySteps(t *testing.T) {
	h := newHouse(t)
	h.file("acme/pet.json", `{"properties":{"tags":{"patternProperties":{"(a|b)*c":{},"[^x]+y$":{},"z{1,1000}":{}}}}}`)
	var tags []string
	for i := range 9000 {
		tags = append(tags, fmt.Sprintf(`"name %d":1`, i))
	}
	slow := put{id: "slow", payload: `{"name":"Rex","tags":{` + strings.Join(tags, ",") + `}}`}
	before := h.tokens("acme")
	for range 2 {
		_, report, err := h.send(slow)
		if fault.CodeOf(err) != fault.TooLarge || report.Outcome != router.Rejected || !strings.Contains(fault.MessageOf(err), `at "/properties/tags"`) {
			t.Errorf("%s: %v", report.Outcome, err)
		}
	}
	if got := h.tokens("acme"); got != before || h.published() != "" {
		t.Errorf("billed %d tokens, or published", got-before)
	}
}

func TestRejectionsThatDependOnStateAreRemembered(t *testing.T) {
	h := newHouse(t)
	missing := put{id: "early", operation: "PUT", payload: `{"id":"rex","name":"Max"}`}
	if _, _, err := h.send(missing); !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	h.must(put{payload: `{"id":"rex","name":"Rex"}`})
	_, report, err := h.send(missing)
	if !fault.Is(err, fault.NotFound) || report.Outcome != router.Replayed {
		t.Errorf("redelivered 404: %v (%s)", err, report.Outcome)
	}
	if got := h.data("rex"); !strings.Contains(got, "Rex") {
		t.Errorf("a redelivery had an effect: %s", got)
	}
	taken := put{id: "late", payload: `{"id":"rex","name":"x"}`}
	if _, _, err := h.send(taken); !fault.Is(err, fault.Conflict) {
		t.Fatal(err)
	}
	h.must(put{operation: "DELETE", payload: `{"id":"rex"}`})
	if _, _, err := h.send(taken); !fault.Is(err, fault.Conflict) {
		t.Errorf("redelivered 409: %v", err)
	}
	h.settings("acme", "eventbridge-input=true\ntoken-limit-monthly=1\n")
	broke := put{id: "broke", payload: `{"name":"x"}`}
	if _, _, err := h.send(broke); !fault.Is(err, fault.Exhausted) {
		t.Fatal(err)
	}
	h.settings("acme", "eventbridge-input=true\n")
	if _, _, err := h.send(broke); !fault.Is(err, fault.Exhausted) {
		t.Errorf("redelivered 429: %v", err)
	}
}

func TestARevokedKeyIsRefusedDespiteTheMark(t *testing.T) {
	h := newHouse(t)
	h.must(put{id: "e1"})
	keys, err := h.ledger.KeysOf(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apikey.Revoke(t.Context(), h.ledger, keys[0].ID, h.clock.Now()); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(30 * time.Second)
	if _, _, err := h.send(put{id: "e1"}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("%v", err)
	}
}

func TestOneBodyForEveryKeyThatWillNotDo(t *testing.T) {
	h := newHouse(t)
	texts := map[string]bool{}
	for _, key := range []string{"sesame", h.keys["rival"], damaged(h.keys["acme"]), "erk_"} {
		_, _, err := h.send(put{key: key})
		texts[fmt.Sprint(fault.CodeOf(err), fault.MessageOf(err), fault.ViolationsOf(err))] = true
		if strings.Contains(err.Error(), key) && len(key) > 4 {
			t.Errorf("the key is in the error: %v", err)
		}
	}
	if len(texts) != 1 {
		t.Errorf("%d different answers: %v", len(texts), texts)
	}
}

// damaged returns the key with another last character.
func damaged(key string) string {
	last := "x"
	if strings.HasSuffix(key, last) {
		last = "y"
	}
	return key[:len(key)-1] + last
}

func TestInputMustBeSwitchedOn(t *testing.T) {
	h := newHouse(t)
	h.settings("acme", "eventbridge-output=[{}]\n")
	if _, _, err := h.send(put{}); !fault.Is(err, fault.Denied) {
		t.Errorf("%v", err)
	}
	h.settings("acme", "eventbridge-input=true\n")
	h.must(put{})
	// a tenant folder that disappears while serving is switched off too
	if err := h.files.Delete(t.Context(), "acme/tenant.properties", blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(31 * time.Second)
	if _, report, err := h.send(put{}); !fault.Is(err, fault.Denied) || report.Outcome != router.Rejected {
		t.Errorf("the folder is gone: %v (%s)", err, report.Outcome)
	}
}

// TestHundredRedeliveries: one record, 10 tokens, one output id.
func TestHundredRedeliveries(t *testing.T) {
	h := newHouse(t)
	event := h.event(put{id: "hot", payload: `{"name":"Rex"}`})
	var wg sync.WaitGroup
	fresh := make(chan bool, 100)
	for range 32 {
		wg.Go(func() {
			for range 3 {
				r, _, err := h.router.Event(t.Context(), event, "")
				if err != nil {
					t.Error(err)
				}
				fresh <- !r.Replayed
			}
		})
	}
	wg.Wait()
	close(fresh)
	n := 0
	for f := range fresh {
		if f {
			n++
		}
	}
	heads, err := h.store.List(t.Context(), store.Collection{Tenant: "acme", Schema: "pet"}, "", 10)
	if err != nil || len(heads) != 1 || n != 1 {
		t.Errorf("%d records, %d answers that were no replay, %v", len(heads), n, err)
	}
	if got := h.tokens("acme"); got != 10 {
		t.Errorf("%d tokens", got)
	}
	if sent := h.sender.take(); len(sent) != 1 {
		t.Errorf("%d output events", len(sent))
	}
}

func TestRivalsOnOneRecordLoseNothing(t *testing.T) {
	h := newHouse(t)
	h.must(put{payload: `{"id":"rex","name":"Rex","tags":{}}`})
	var wg sync.WaitGroup
	for i := range 16 {
		e := h.event(put{operation: "PATCH", payload: fmt.Sprintf(`{"id":"rex","tags":{"t%d":%d}}`, i, i)})
		wg.Go(func() {
			if _, _, err := h.router.Event(t.Context(), e, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	head, err := h.head("acme", "rex")
	if err != nil || head.Revision != 17 {
		t.Errorf("revision %d, %v", head.Revision, err)
	}
	for i := range 16 {
		if !strings.Contains(string(head.Data), fmt.Sprintf(`"t%d":%d`, i, i)) {
			t.Errorf("the change of rival %d is lost: %s", i, head.Data)
		}
	}
}

func TestOutputRules(t *testing.T) {
	h := newHouse(t)
	h.settings("acme", `eventbridge-input=true
eventbridge-output=[
  {"source":"acme.all","operations":["POST","DELETE"]},
  {"source":"acme.all"},
  {"source":"acme.pet","schema_names":["pet"],"detail_type":"pet/{operation}","payload":"record","metadata":true},
  {"source":"acme.dog","schema_names":["dog"]}]
`)
	h.must(put{payload: `{"id":"rex","name":"Rex","age":3}`})
	if got := h.published(); got != "acme.all pet.POST rex\nacme.pet pet/POST rex" {
		t.Errorf("POST published:\n%s", got)
	}
	event := h.event(put{operation: "PATCH", payload: `{"id":"rex","age":4}`, extra: `,"metadata":{"correlationId":"c1","hops":2}`})
	if _, _, err := h.router.Event(t.Context(), event, "Root=1-2-3"); err != nil {
		t.Fatal(err)
	}
	sent := h.sender.take()
	if len(sent) != 2 {
		t.Fatalf("%d entries", len(sent))
	}
	if got := string(sent[0].Detail); got != `{"tenant":"acme","rootSchema":"pet","operation":"PATCH","payload":{"id":"rex","age":4}}` {
		t.Errorf("detail = %s", got)
	}
	for _, part := range []string{`"payload":{"id":"rex","name":"Rex","age":4}`, `"outputId":"` + sent[1].OutputID + `"`, `"inputEventId":"` + event.ID + `"`,
		`"correlationId":"c1"`, `"hops":3`, `"revision":2`, `"time":"`} {
		if !strings.Contains(string(sent[1].Detail), part) {
			t.Errorf("detail lacks %s: %s", part, sent[1].Detail)
		}
	}
	if sent[0].TraceHeader != "Root=1-2-3" || len(sent[0].Resources) != 1 || sent[0].Resources[0] != "/acme/pet/rex" || sent[0].Time.IsZero() {
		t.Errorf("entry = %+v", sent[0])
	}
	h.must(put{operation: "DELETE", payload: `{"id":"rex"}`})
	sent = h.sender.take()
	if !strings.Contains(string(sent[len(sent)-1].Detail), `"payload":{"id":"rex","name":"Rex","age":4}`) {
		t.Errorf("a DELETE shows the record before it: %s", sent[len(sent)-1].Detail)
	}
	for _, e := range sent {
		if strings.Contains(string(e.Detail), h.keys["acme"]) || strings.Contains(string(e.Detail), "api_key") {
			t.Errorf("the API key is in an output event: %s", e.Detail)
		}
	}
}

func TestGeneratedKeyIsTheSameForARedelivery(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	p := put{id: "e1", payload: `{"name":"Rex"}`}
	a, b := h.must(p), other.must(p)
	if a.Ref.Key != b.Ref.Key || len(a.Ref.Key) != 36 {
		t.Errorf("keys %q and %q", a.Ref.Key, b.Ref.Key)
	}
	if c := h.must(put{id: "e2", payload: `{"name":"Rex"}`}); c.Ref.Key == a.Ref.Key {
		t.Error("two requests made one key")
	}
	p.tenant = "rival"
	if d := h.must(p); d.Ref.Key == a.Ref.Key {
		t.Error("two tenants made one key of one event id")
	}
}

func TestFaultIsNoRejection(t *testing.T) {
	h := newHouse(t)
	h.failing = func(string) error { return fault.Wrap("test", fault.Unavailable, errDown) }
	_, report, err := h.send(put{id: "e1"})
	if err == nil || fault.IsRejection(err) || report.Outcome != router.Faulted {
		t.Errorf("%v (%s)", err, report.Outcome)
	}
	h.failing = nil
	h.must(put{id: "e1"})
	if got := h.tokens("acme"); got != 10 {
		t.Errorf("%d tokens", got)
	}
}

func TestTenantsCannotReachEachOther(t *testing.T) {
	h := newHouse(t)
	h.must(put{id: "same", idempotency: "same", payload: `{"id":"rex","name":"acme's"}`})
	h.must(put{id: "same", idempotency: "same", tenant: "rival", payload: `{"id":"rex","name":"rival's"}`})
	if got := h.data("rex"); !strings.Contains(got, "acme's") {
		t.Errorf("acme's record is %s", got)
	}
	h.must(put{tenant: "rival", operation: "DELETE", payload: `{"id":"rex"}`})
	if got := h.data("rex"); !strings.Contains(got, "acme's") {
		t.Errorf("acme's record is %s after rival deleted its own", got)
	}
	for _, e := range h.sender.take() {
		if want := string(e.Resources[0]); strings.HasPrefix(want, "/rival") != strings.Contains(string(e.Detail), `"tenant":"rival"`) {
			t.Errorf("mixed up: %+v", e)
		}
	}
}
