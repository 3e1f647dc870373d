package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// TestRecordsCanBeSeen: events for schemas with backend s3 and csv can be read
// as files under the data folder, and what a person changes there is the record.
func TestRecordsCanBeSeen(t *testing.T) {
	t.Parallel()
	data, schemas := t.TempDir(), t.TempDir()
	write(t, filepath.Join(schemas, "acme", "tenant.properties"), "eventbridge-input=true\neventbridge-output=[{}]\n")
	for _, backend := range []string{"s3", "csv"} {
		write(t, filepath.Join(schemas, "acme", "on"+backend+".json"),
			fmt.Sprintf(`{"meta":{"backend":%q},"type":"object","properties":{"id":{"type":"string"},"name":{"type":"string"}}}`, backend))
	}
	object := filepath.Join(data, "records", "data", "acme", "ons3", "rex.json")
	table := filepath.Join(data, "records", "data", "acme", "oncsv.csv")
	shows := func(path, text string) bool {
		b, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(b), text)
	}
	edit := func(path, from, to string) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, strings.Replace(string(b), from, to, 1))
	}

	srv, _, stop := serveOn(t, data, schemas)
	key := makeKey(t, srv.url, "acme").Key
	put := func(operation, payload string) {
		t.Helper()
		var entries []putEntry
		for _, schema := range []string{"ons3", "oncsv"} {
			entries = append(entries, putEntry{Source: "blockforger-input", DetailType: schema + "." + operation,
				Detail: detail(fmt.Sprintf(`{"tenant":"acme","rootSchema":%q,"operation":%q,"api_key":%q,"payload":%s}`, schema, operation, key, payload))})
		}
		send(t, srv, entries...)
	}
	put("POST", `{"id":"rex","name":"Rex"}`)
	eventually(t, "both files show the record", func() bool { return shows(object, `"name": "Rex"`) && shows(table, "rex,Rex,") })
	// Until that is noted a change is under way, and overwrites a person's.
	for _, schema := range []events.SchemaID{"ons3", "oncsv"} {
		ref := store.Ref{Collection: store.Collection{Tenant: "acme", Schema: schema}, Key: "rex"}
		eventually(t, "the change is done", func() bool {
			h, err := srv.app.Store.Get(t.Context(), ref)
			return err == nil && !h.Unprojected
		})
	}
	if info, err := os.Stat(filepath.Join(data, "records")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is open to others: %v, %v", info, err)
	}

	edit(object, "Rex", "Rexy")
	edit(table, "Rex", "Rexy")
	for _, schema := range []string{"ons3", "oncsv"} {
		if status, body := call(t, "GET", srv.url+"/api/acme/"+schema+"/rex", key, ""); status != 200 || !strings.Contains(body, `"Rexy"`) {
			t.Errorf("%s: %d %s", schema, status, body)
		}
		if code, out, errOut := runCLI(t, srv.url, "records", "list", "--tenant", "acme", "--schema", schema); code != 0 || !strings.Contains(out, "Rexy") {
			t.Errorf("%s: %d %s%s", schema, code, out, errOut)
		}
	}
	stop()

	// A new process goes on with the same files.
	srv, log, stop := serveOn(t, data, schemas)
	defer stop()
	put("PATCH", `{"id":"rex","name":"Max"}`)
	eventually(t, "both files show the change", func() bool { return shows(object, `"Max"`) && shows(table, "rex,Max,") })
	put("DELETE", `{"id":"rex"}`)
	eventually(t, "neither file shows the record", func() bool {
		_, err := os.Stat(object)
		return os.IsNotExist(err) && shows(table, "id,name,") && !shows(table, "rex")
	})
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log:\n%s", log)
	}

	// A tenant that is purged leaves no file behind.
	put("POST", `{"id":"rex","name":"Rex"}`)
	eventually(t, "both files show the new record", func() bool { return shows(object, "Rex") && shows(table, "Rex") })
	if code, out, errOut := runCLI(t, srv.url, "records", "list", "--tenant", "acme", "--schema", "oncsv"); code != 0 || !strings.Contains(out, "Rex") {
		t.Errorf("%d %s%s", code, out, errOut)
	}
	keys, err := srv.admin.ListKeys(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if _, err := srv.admin.RevokeKey(t.Context(), k.KeyID); err != nil {
			t.Fatal(err)
		}
	}
	purged, err := srv.admin.PurgeTenant(t.Context(), "acme")
	if err != nil || purged.Objects != 2 || shows(object, "") || shows(table, "") {
		t.Errorf("%+v, %v", purged, err)
	}
}

// TestMigrateToFilesSession: after a restart the schema is kept out until its records
// are migrated; then they can be seen.
func TestMigrateToFilesSession(t *testing.T) {
	t.Parallel()
	data, schemas := t.TempDir(), t.TempDir()
	schema := filepath.Join(schemas, "acme", "pet.json")
	write(t, filepath.Join(schemas, "acme", "tenant.properties"), "eventbridge-input=true\n")
	write(t, schema, `{"type":"object"}`)
	srv, _, stop := serveOn(t, data, schemas)
	key := makeKey(t, srv.url, "acme").Key
	for _, id := range []string{"rex", "bo"} {
		if status, body := call(t, "POST", srv.url+"/api/acme/pet", key, fmt.Sprintf(`{"id":%q}`, id)); status != 201 {
			t.Fatal(status, body)
		}
	}
	stop()

	for _, backend := range []string{"s3", "csv"} {
		write(t, schema, fmt.Sprintf(`{"meta":{"backend":%q},"type":"object"}`, backend))
		srv, _, stop := serveOn(t, data, schemas)
		if status, body := call(t, "GET", srv.url+"/api/acme/pet/rex", key, ""); status != 503 && status != 500 {
			t.Fatalf("%s came into force: %d %s", backend, status, body)
		}
		code, out, errOut := runCLI(t, srv.url, "tenant", "migrate", "--tenant", "acme", "--schema", "pet", "--backend", backend, "--yes")
		if code != 0 || !strings.Contains(out, "2 records, 2 moved, and checked") {
			t.Fatal(backend, out, errOut)
		}
		shown := map[string]string{"s3": "pet/rex.json", "csv": "pet.csv"}[backend]
		eventually(t, "the records can be seen", func() bool {
			if _, err := srv.app.Relay.Run(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			_, err := os.Stat(filepath.Join(data, "records", "data", "acme", shown))
			return err == nil
		})
		eventually(t, "the schema is in force", func() bool {
			status, body := call(t, "GET", srv.url+"/api/acme/pet/rex", key, "")
			return status == 200 && strings.Contains(body, `"rex"`)
		})
		stop()
	}
}
