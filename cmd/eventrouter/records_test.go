package main

import (
	"strings"
	"testing"
)

// TestRecordsGet shows one record, and reports names that do not exist.
func TestRecordsGet(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, sampleSchemas)
	_, key, _ := runCLI(t, srv.url, "keys", "create", "--tenant", "petstore", "--quiet")
	if strings.Count(key, "\n") != 1 || strings.ContainsAny(strings.TrimSpace(key), " \n") {
		t.Fatalf("keys create --quiet prints %q, want the key alone", key)
	}
	status, text := call(t, "POST", srv.url+"/api/petstore/petstore", strings.TrimSpace(key), `{"id":"rex","name":"Rex","status":"available"}`)
	if status != 201 {
		t.Fatalf("POST returned %d %s", status, text)
	}
	code, out, errOut := runCLI(t, srv.url, "records", "get", "--tenant", "petstore", "--schema", "petstore", "rex")
	if code != 0 || !strings.Contains(out, "  \"name\": \"Rex\"") || errOut != "revision 1\n" {
		t.Errorf("records get: %d\n%s%s", code, out, errOut)
	}
	code, out, _ = runCLI(t, srv.url, "records", "get", "--tenant", "petstore", "--schema", "petstore", "rex", "--output", "json")
	if code != 0 || !strings.Contains(out, `"revision": 1`) {
		t.Errorf("records get --output json: %d\n%s", code, out)
	}
	const noTenant = "eventrouter: tenant petshop does not exist: there is no file petshop/tenant.properties; tenants that exist: evented, petstore\n"
	for line, want := range map[string]string{
		"records get --tenant petstore --schema petstore max": "eventrouter: record petstore/petstore/max does not exist\n",
		"records get --tenant petstore --schema pets rex":     "eventrouter: schema pets of tenant petstore does not exist: there is no file petstore/pets.json; schemas that exist: analytics, orders, petstore\n",
		"records get --tenant petshop --schema petstore rex":  noTenant,
		"records list --tenant petstore --schema pets":        "eventrouter: schema pets of tenant petstore does not exist: there is no file petstore/pets.json; schemas that exist: analytics, orders, petstore\n",
		"records list --tenant petshop --schema pets":         noTenant,
		"usage --tenant petshop":                              noTenant,
		"entries list --tenant petshop":                       noTenant,
		"entries drop --tenant petshop":                       noTenant,
		"keys list --tenant petshop":                          noTenant,
	} {
		if code, out, errOut := runCLI(t, srv.url, strings.Fields(line)...); code != 1 || out != "" || errOut != want {
			t.Errorf("%s: exit code %d\n%s%swant\n%s", line, code, out, errOut, want)
		}
	}
	for _, line := range []string{"records list --tenant petstore --schema orders", "usage --tenant evented", "entries list --tenant evented"} {
		if code, out, errOut := runCLI(t, srv.url, strings.Fields(line)...); code != 0 {
			t.Errorf("%s: exit code %d\n%s%s", line, code, out, errOut)
		}
	}
}
