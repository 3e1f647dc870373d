package events_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// inputEvent wraps a detail in an envelope of the given detail-type.
func inputEvent(detailType, detail string) []byte {
	return fmt.Appendf(nil, `{"version":"0","id":"e1","source":"blockforger-input","detail-type":%q,`+
		`"account":"000000000000","time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":[],"detail":%s}`, detailType, detail)
}

func decodeInput(event []byte) (events.Input, error) {
	e, err := events.DecodeEnvelope(event)
	if err != nil {
		return events.Input{}, err
	}
	return events.DecodeInput(&e)
}

func TestDecodeInput(t *testing.T) {
	in, err := decodeInput(inputEvent("pet.PUT", `{"tenant":"acme","rootSchema":"pet","operation":"PUT","api_key":"k","payload":{"n":12345678901234567890.10},
		"idempotency_key":"once","metadata":{"correlationId":"c","hops":2,"other":[]},"unknown":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if in.Tenant != "acme" || in.Schema != "pet" || in.Operation != events.Put || in.APIKey.Reveal() != "k" ||
		in.IdempotencyKey != "once" || in.Metadata != (events.Metadata{CorrelationID: "c", Hops: 2}) {
		t.Errorf("input = %+v", in)
	}
	if got := string(in.Payload); got != `{"n":12345678901234567890.10}` {
		t.Errorf("payload = %s: digits were lost", got)
	}
}

func TestAbsentOperationMeansPost(t *testing.T) {
	in, err := decodeInput(inputEvent("pet.POST", `{"tenant":"acme","rootSchema":"pet","api_key":"k","payload":{}}`))
	if err != nil || in.Operation != events.Post {
		t.Errorf("operation = %v, %v", in.Operation, err)
	}
	// and so a PUT that forgot its operation is refused, not created
	_, err = decodeInput(inputEvent("pet.PUT", `{"tenant":"acme","rootSchema":"pet","api_key":"k","payload":{}}`))
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.MessageOf(err), "pet.POST") {
		t.Errorf("err = %v", err)
	}
}

func TestUnusableAPIKeyIsLeftToAuthorize(t *testing.T) {
	for _, key := range []string{`null`, `""`, `7`, `["k"]`, `{}`} {
		in, err := decodeInput(inputEvent("pet.POST", `{"tenant":"acme","rootSchema":"pet","api_key":`+key+`,"payload":{}}`))
		if err != nil || in.APIKey != "" {
			t.Errorf("api_key %s: %q, %v", key, in.APIKey.Reveal(), err)
		}
	}
	if _, err := decodeInput(inputEvent("pet.POST", `{"tenant":"acme","rootSchema":"pet","payload":{}}`)); err != nil {
		t.Errorf("no api_key: %v", err)
	}
}

// TestBadInput: each is a rejection that names the place.
func TestBadInput(t *testing.T) {
	const good = `"tenant":"acme","rootSchema":"pet","api_key":"k","payload":{}`
	deep := strings.Repeat(`{"a":`, 65) + `1` + strings.Repeat(`}`, 65)
	for name, c := range map[string]struct {
		event   []byte
		pointer string
	}{
		"not JSON":                 {[]byte(`nonsense`), ""},
		"empty":                    {nil, ""},
		"detail is a string":       {inputEvent("pet.POST", `"{}"`), "/detail"},
		"detail is an array":       {inputEvent("pet.POST", `[]`), "/detail"},
		"detail is null":           {inputEvent("pet.POST", `null`), "/detail"},
		"repeated member":          {inputEvent("pet.POST", `{`+good+`,"tenant":"evil"}`), "/detail/tenant"},
		"repeated in payload":      {inputEvent("pet.POST", `{"tenant":"acme","rootSchema":"pet","payload":{"a":1,"a":2}}`), "/detail/payload/a"},
		"invalid UTF-8":            {inputEvent("pet.POST", "{"+good+",\"x\":\"\xff\"}"), "/detail/x"},
		"source is a number":       {[]byte(`{"source":1}`), "/source"},
		"no tenant":                {inputEvent("pet.POST", `{"rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"null tenant":              {inputEvent("pet.POST", `{"tenant":null,"rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"empty tenant":             {inputEvent("pet.POST", `{"tenant":"","rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"tenant is an array":       {inputEvent("pet.POST", `{"tenant":["acme"],"rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"tenant climbs":            {inputEvent("pet.POST", `{"tenant":"..","rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"tenant has a slash":       {inputEvent("pet.POST", `{"tenant":"a/b","rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"tenant has NUL":           {inputEvent("pet.POST", `{"tenant":"a\u0000","rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"tenant of 65":             {inputEvent("pet.POST", `{"tenant":"`+strings.Repeat("a", 65)+`","rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"look-alike tenant":        {inputEvent("pet.POST", `{"tenant":"асme","rootSchema":"pet","payload":{}}`), "/detail/tenant"},
		"schema with .json":        {inputEvent("pet.json.POST", `{"tenant":"acme","rootSchema":"pet.json","payload":{}}`), "/detail/rootSchema"},
		"no schema":                {inputEvent("pet.POST", `{"tenant":"acme","payload":{}}`), "/detail/rootSchema"},
		"unknown operation":        {inputEvent("pet.GET", `{`+good+`,"operation":"GET"}`), "/detail/operation"},
		"lower-case operation":     {inputEvent("pet.put", `{`+good+`,"operation":"put"}`), "/detail/operation"},
		"null operation":           {inputEvent("pet.POST", `{`+good+`,"operation":null}`), "/detail/operation"},
		"other schema in type":     {inputEvent("dog.POST", `{`+good+`}`), "/detail-type"},
		"other operation in type":  {inputEvent("pet.PUT", `{`+good+`,"operation":"DELETE"}`), "/detail-type"},
		"no payload":               {inputEvent("pet.POST", `{"tenant":"acme","rootSchema":"pet"}`), "/detail/payload"},
		"null payload":             {inputEvent("pet.POST", `{"tenant":"acme","rootSchema":"pet","payload":null}`), "/detail/payload"},
		"payload is a string":      {inputEvent("pet.POST", `{"tenant":"acme","rootSchema":"pet","payload":"{}"}`), "/detail/payload"},
		"empty idempotency key":    {inputEvent("pet.POST", `{`+good+`,"idempotency_key":""}`), "/detail/idempotency_key"},
		"idempotency key of 129":   {inputEvent("pet.POST", `{`+good+`,"idempotency_key":"`+strings.Repeat("k", 129)+`"}`), "/detail/idempotency_key"},
		"idempotency key a number": {inputEvent("pet.POST", `{`+good+`,"idempotency_key":7}`), "/detail/idempotency_key"},
		"metadata is an array":     {inputEvent("pet.POST", `{`+good+`,"metadata":[]}`), "/detail/metadata"},
		"negative hops":            {inputEvent("pet.POST", `{`+good+`,"metadata":{"hops":-1}}`), "/detail/metadata/hops"},
		"hops is a fraction":       {inputEvent("pet.POST", `{`+good+`,"metadata":{"hops":1.5}}`), "/detail/metadata/hops"},
		"too deep":                 {inputEvent("pet.POST", `{`+good+`,"x":`+deep+`}`), "none"},
		"too large":                {inputEvent("pet.POST", `{`+good+`,"x":"`+strings.Repeat("x", events.MaxBytes)+`"}`), "none"},
	} {
		_, err := decodeInput(c.event)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want an invalid", name, err)
			continue
		}
		if c.pointer == "none" {
			continue
		}
		if vs := fault.ViolationsOf(err); len(vs) != 1 || vs[0].Pointer != c.pointer {
			t.Errorf("%s: violations %+v, want one at %q", name, vs, c.pointer)
		}
	}
}

func TestErrorsQuoteNothingOfTheDocument(t *testing.T) {
	const canary = "c4n4ry"
	for _, event := range []string{
		`{"source":"` + canary + `"`,
		`{"detail-type":{"a":"` + canary + `"}}`,
		`{"source":"blockforger-input","detail":{"api_key":"` + canary + `","api_key":"x"}}`,
	} {
		_, err := decodeInput([]byte(event))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", event, err)
		}
	}
}

func TestSecretMasksItself(t *testing.T) {
	s := events.Secret("hush")
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%q %x %#v %+v", s, s, s, struct{ S events.Secret }{s})} {
		if strings.Contains(text, "hush") || strings.Contains(text, "68757368") {
			t.Errorf("shown: %s", text)
		}
	}
	if s.Reveal() != "hush" {
		t.Error("a secret cannot be had at all")
	}
}

func FuzzDecodeInput(f *testing.F) {
	f.Add(inputEvent("pet.POST", `{"tenant":"acme","rootSchema":"pet","api_key":"k","payload":{"a":[1,2,{"b":null}]}}`))
	f.Add(inputEvent("pet.PUT", `{"tenant":"acme","rootSchema":"pet","operation":"PUT","payload":{}}`))
	f.Fuzz(func(t *testing.T, event []byte) {
		in, err := decodeInput(event)
		if err != nil {
			if !fault.IsRejection(err) {
				t.Fatalf("not a rejection: %v", err)
			}
			return
		}
		if _, err := events.ParseTenantID(string(in.Tenant)); err != nil {
			t.Fatal(err)
		}
		e, _ := events.DecodeEnvelope(event)
		again, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeInput(again); err != nil {
			t.Fatalf("does not survive encoding: %v", err)
		}
	})
}
