package lambda_test

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzHTTP checks that every request gets a response that is not a fault, is a
// problem document if it is a rejection, is the same the second time, and has no
// effect on another tenant.
func FuzzHTTP(f *testing.F) {
	for _, seed := range [][5]string{
		{"GET", "/acme/pet/rex", "limit=1", `if-none-match: W/"a", "b"`, ""},
		{"POST", "/acme/pet", "", "content-type: application/json; charset=utf-8", `{"name":"Rex"}`},
		{"PATCH", "/acme/pet/a%2Fb", "", `idempotency-key: "k"`, `{"name":null}`},
		{"PUT", "/acme/count/-7", "cursor=AAAA&limit=%31", "accept: text/*;q=0.1, */*;q=0", `{"n":-7}`},
		{"OPTIONS", "/acme/_usage", "month=2026-11", "origin: https://app.example.com", ""},
		{"GET", "/%2e%2e//openapi.json", "%zz", "x-api-key: x", "\xff"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	h := newRESTFixture(f, restFiles)
	rival := h.effects("rival")
	f.Fuzz(func(t *testing.T, method, path, query, header, body string) {
		h.t = t
		if method == "" {
			t.Skip("no server hands this on")
		}
		if query != "" {
			path += "?" + query
		}
		headers := []string{h.as("acme"), jsonBody}
		if strings.Contains(header, ": ") {
			headers = append(headers, strings.ToLower(header))
		}
		first, again := h.do(method, path, body, headers...), h.do(method, path, body, headers...)
		for _, a := range []httpResponse{first, again} {
			switch {
			case a.StatusCode >= 500 || a.StatusCode < 200:
				t.Fatalf("%q %q: %+v", method, path, a)
			case a.StatusCode >= 400 && method != http.MethodHead && a.problem() == "":
				t.Fatalf("%q %q is rejected without a problem document: %+v", method, path, a)
			}
			for name, value := range a.Headers {
				if strings.ContainsAny(name+value, "\r\n\x00") {
					t.Fatalf("header %q: %q", name, value)
				}
			}
		}
		if strings.HasPrefix(strings.TrimLeft(header, " "), "idempotency-key") && first.StatusCode == 201 && again.Body != first.Body {
			t.Fatalf("another response the second time:\n%+v\n%+v", first, again)
		}
		if after := h.effects("rival"); after != rival {
			t.Fatalf("%q %q changed another tenant", method, path)
		}
	})
}
