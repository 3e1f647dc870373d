package router

import (
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// TestFingerprintCoversTheRequest changes one part of a request at a time: a
// request that differs in any of them must not replay the result of another one
// with the same idempotency key.
func TestFingerprintCoversTheRequest(t *testing.T) {
	fingerprintOf := func(change func(*request)) store.Fingerprint {
		t.Helper()
		r := request{tenant: "acme", schema: "pet", operation: events.Put, path: "rex", payload: []byte(`{"a":1,"b":{"c":2,"d":3}}`)}
		if change != nil {
			change(&r)
		}
		f, err := r.fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	seen := map[store.Fingerprint]string{fingerprintOf(nil): "the request itself"}
	for name, change := range map[string]func(*request){
		"tenant":             func(r *request) { r.tenant = "rival" },
		"schema":             func(r *request) { r.schema = "cat" },
		"operation":          func(r *request) { r.operation = events.Patch },
		"key in the path":    func(r *request) { r.path = "tom" },
		"payload":            func(r *request) { r.payload = []byte(`{"a":1,"b":{"c":2,"d":4}}`) },
		"If-Match":           func(r *request) { r.condition.Match = []store.Version{"v1"} },
		"another If-Match":   func(r *request) { r.condition.Match = []store.Version{"v2"} },
		"two in If-Match":    func(r *request) { r.condition.Match = []store.Version{"v1", "v2"} },
		"If-Match: *":        func(r *request) { r.condition.MatchAny = true },
		"If-None-Match":      func(r *request) { r.condition.NoneMatch = []store.Version{"v1"} },
		"another":            func(r *request) { r.condition.NoneMatch = []store.Version{"v2"} },
		"If-None-Match: *":   func(r *request) { r.condition.NoneMatchAny = true },
		"path behind schema": func(r *request) { r.schema, r.operation, r.path = "pet", events.Operation("PUTrex"), "" },
	} {
		f := fingerprintOf(change)
		if other, ok := seen[f]; ok {
			t.Errorf("%s: the same fingerprint as %s", name, other)
		}
		seen[f] = name
	}
	if fingerprintOf(nil) != fingerprintOf(func(r *request) { r.payload = []byte(`{ "b": {"d":3, "c":2}, "a":1 }`) }) {
		t.Error("the order of members changes the fingerprint")
	}
}
