package rest

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/blockforger/eventrouter/fault"
)

func TestRoute(t *testing.T) {
	for _, c := range []struct {
		below               string
		decoded             bool
		tenant, schema, key string
		methods             []string
		code                fault.Code
	}{
		{below: "/acme/pet", tenant: "acme", schema: "pet", methods: collectionMethods},
		{below: "/acme/pet/rex", tenant: "acme", schema: "pet", key: "rex", methods: recordMethods},
		{below: "/acme/pet/a%2Fb", tenant: "acme", schema: "pet", key: "a/b", methods: recordMethods},
		{below: "/acme/pet/a/b", decoded: true, tenant: "acme", schema: "pet", key: "a/b", methods: recordMethods},
		{below: "/acme/pet/a%2Fb", decoded: true, tenant: "acme", schema: "pet", key: "a%2Fb", methods: recordMethods},
		{below: "/acme/openapi.json", tenant: "acme", schema: "openapi.json", methods: readingMethods},
		{below: "/acme/_usage", tenant: "acme", schema: "_usage", methods: readingMethods},
		{below: "/acme/pet/a/b", code: fault.NotFound},
		{below: "/acme", code: fault.NotFound},
		{below: "/acme//rex", code: fault.NotFound},
		{below: "acme/pet", code: fault.NotFound},
		{below: "", code: fault.NotFound},
		{below: "/acme/pet/a%2", code: fault.Invalid},
	} {
		at, err := route(&Request{Path: c.below, Below: c.below, Decoded: c.decoded})
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want code %v", c.below, err, c.code)
			continue
		}
		if at.tenant != c.tenant || at.schema != c.schema || at.key != c.key || !slices.Equal(at.methods, c.methods) {
			t.Errorf("%s: %s/%s/%s %v", c.below, at.tenant, at.schema, at.key, at.methods)
		}
	}
}

func TestConditions(t *testing.T) {
	for _, c := range []struct {
		header string
		tags   int
		any    bool
		valid  bool
	}{
		{`*`, 0, true, true}, {`"a"`, 1, false, true}, {`"a", "b"`, 2, false, true}, {`W/"a"`, 1, false, true},
		{`"a" "b"`, 0, false, false}, {`a`, 0, false, false}, {`"a`, 0, false, false}, {``, 0, false, false}, {`W/`, 0, false, false},
	} {
		req := Request{Header: Header{}}
		req.Header.Add("If-Match", c.header)
		got, err := req.condition()
		if (err == nil) != c.valid || c.valid && (len(got.Match) != c.tags || got.MatchAny != c.any) {
			t.Errorf("If-Match: %s: %+v, %v", c.header, got, err)
		}
	}
	// A weak tag never matches If-Match, but is a version for If-None-Match.
	req := Request{Header: Header{"if-match": {`W/"a"`}, "if-none-match": {`W/"a"`}}}
	if got, err := req.condition(); err != nil || got.Match[0] == "a" || got.NoneMatch[0] != "a" {
		t.Errorf("weak tags: %+v, %v", got, err)
	}
}

func TestAccept(t *testing.T) {
	for header, accepted := range map[string]bool{
		"": true, "*/*": true, "application/json": true, "text/html, */*;q=0.1": true, "application/*": true,
		"text/html": false, "application/json;q=0": false, "*/*, application/json;q=0": false, "application/json;q=2": false,
	} {
		req := Request{Header: Header{"accept": {header}}}
		if err := req.checkAccept(); (err == nil) != accepted {
			t.Errorf("Accept: %s: %v", header, err)
		} else if own, ok := errors.AsType[*httpError](err); err != nil && (!ok || own.status != http.StatusNotAcceptable) {
			t.Errorf("Accept: %s: %v", header, err)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	for header, want := range map[string]string{`order-7`: "order-7", `"order-7"`: "order-7", `a,b`: "", `"`: "", ` `: "", `a\b`: ""} {
		req := Request{Header: Header{"idempotency-key": {header}}}
		got, err := req.idempotencyKey()
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Idempotency-Key: %s: %q, %v", header, got, err)
		}
	}
	twice := Request{Header: Header{"idempotency-key": {"a", "b"}}}
	if _, err := twice.idempotencyKey(); !fault.Is(err, fault.Invalid) {
		t.Errorf("two headers: %v", err)
	}
}
