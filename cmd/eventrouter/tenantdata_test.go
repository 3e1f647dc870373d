package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// serveOn serves a data folder until stop is called.
func serveOn(t *testing.T, data, schemas string) (srv *server, log *syncBuffer, stop func()) {
	t.Helper()
	log = &syncBuffer{}
	srv, stop = serveWithOptions(t, data, schemas, (&awsFlags{}).options(slog.New(slog.NewTextHandler(log, nil))))
	return srv, log, stop
}

// serveWithOptions is serveOn with the given options.
func serveWithOptions(t *testing.T, data, schemas string, side *serverOptions) (srv *server, stop func()) {
	t.Helper()
	srv, err := openServer("127.0.0.1:0", data, schemas, side)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.run(ctx) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := srv.close(); err != nil {
			t.Error(err)
		}
	}
	return srv, stop
}

// call makes a REST call and returns status and body.
func call(t *testing.T, method, url, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-api-key", key)
	req.Header.Set("content-type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestMigrateSession: a schema with another key is kept out while there are
// records by the old one, says which command moves them, and comes into force
// when it has.
func TestMigrateSession(t *testing.T) {
	t.Parallel()
	data, schemas := t.TempDir(), copySamples(t)
	srv, _, stop := serveOn(t, data, schemas)
	key := makeKey(t, srv.url, "petstore").Key
	for _, pet := range []string{`{"id":"1","petId":"p1"}`, `{"id":"2","petId":"p2"}`} {
		if status, body := call(t, "POST", srv.url+"/api/petstore/orders", key, pet); status != 201 {
			t.Fatal(status, body)
		}
	}
	stop()

	file := filepath.Join(schemas, "petstore", "orders.json")
	schema, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(schema), `"title"`, `"meta":{"key":"petId"},"title"`, 1)
	if changed == string(schema) {
		t.Fatal("the sample schema has changed")
	}
	rewrite(t, schemas, "petstore/orders.json", changed)
	srv, log, stop := serveOn(t, data, schemas)
	defer stop()
	if status, body := call(t, "GET", srv.url+"/api/petstore/orders/p1", key, ""); status != 503 && status != 500 {
		t.Fatal("the schema came into force:", status, body)
	}
	const move = "tenant migrate --tenant petstore --schema orders --backend dynamodb --key petId"
	if text := log.String(); !strings.Contains(text, "eventrouter "+move) {
		t.Errorf("the log does not say what to do:\n%s", text)
	}
	args := strings.Fields(move)
	if code, out, errOut := runCLI(t, srv.url, append(slices.Clone(args), "--dry-run")...); code != 0 || !strings.Contains(out, "2 records, 2 to move") {
		t.Fatal(out, errOut)
	}
	if code, _, errOut := runCLIWithInput(t, srv.url, "\n", args...); code != 1 || !strings.Contains(errOut, "nothing was done") {
		t.Fatal(errOut)
	}
	if code, out, errOut := runCLIWithInput(t, srv.url, "migrate\n", args...); code != 0 || !strings.Contains(out, "2 records, 2 moved, and checked") {
		t.Fatal(out, errOut)
	}
	eventually(t, "the schema comes into force", func() bool {
		status, body := call(t, "GET", srv.url+"/api/petstore/orders/p1", key, "")
		return status == 200 && strings.Contains(body, `"id":"1"`)
	})
	if status, _ := call(t, "GET", srv.url+"/api/petstore/orders/1", key, ""); status != 404 {
		t.Error("the record can be read by its old key:", status)
	}
}

// TestMigrateToObjectsSession: records move to s3 and are then files; a purge
// takes the files too.
func TestMigrateToObjectsSession(t *testing.T) {
	t.Parallel()
	data, schemas := t.TempDir(), copySamples(t)
	srv, _, stop := serveOn(t, data, schemas)
	key := makeKey(t, srv.url, "petstore").Key
	if status, body := call(t, "POST", srv.url+"/api/petstore/orders", key, `{"id":"1","petId":"p1"}`); status != 201 {
		t.Fatal(status, body)
	}
	move := strings.Fields("tenant migrate --tenant petstore --schema orders --backend s3 --yes")
	if code, out, errOut := runCLI(t, srv.url, move...); code != 0 || !strings.Contains(out, "1 records, 1 moved") {
		t.Fatal(out, errOut)
	}
	if status, body := call(t, "GET", srv.url+"/api/petstore/orders/1", key, ""); status != 200 {
		t.Error("before the schema has gone over:", status, body)
	}
	stop()

	file := filepath.Join(schemas, "petstore", "orders.json")
	schema, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, schemas, "petstore/orders.json", strings.Replace(string(schema), `"title"`, `"meta":{"backend":"s3"},"title"`, 1))
	srv, _, stop = serveOn(t, data, schemas)
	defer stop()
	if status, body := call(t, "GET", srv.url+"/api/petstore/orders/1", key, ""); status != 200 || !strings.Contains(body, `"petId":"p1"`) {
		t.Fatal(status, body)
	}
	shown := func() int {
		infos, err := srv.objects.List(t.Context(), "data/petstore/orders/1.json", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(infos)
	}
	eventually(t, "the record is a file", func() bool { return shown() == 1 })
	code, out, errOut := runCLI(t, srv.url, "tenant", "purge", "--tenant", "petstore", "--revoke-keys", "--yes")
	if code != 0 || !strings.Contains(out, "and 1 objects deleted") || shown() != 0 {
		t.Fatal(out, errOut)
	}
}

// TestExportAndPurgeSession takes one tenant away; what there is of the other
// is byte for byte as before.
func TestExportAndPurgeSession(t *testing.T) {
	t.Parallel()
	srv, _, stop := serveOn(t, t.TempDir(), sampleSchemas)
	defer stop()
	petstore, evented := makeKey(t, srv.url, "petstore"), makeKey(t, srv.url, "evented")
	for _, c := range []struct{ path, key, body string }{
		{"petstore/petstore", petstore.Key, `{"id":"rex","name":"Rex","status":"available"}`},
		{"petstore/orders", petstore.Key, `{"id":"1","petId":"rex","n":12345678901234567890.10}`},
		{"evented/evented", evented.Key, `{"id":"a","numeric":1}`},
	} {
		if status, body := call(t, "POST", srv.url+"/api/"+c.path, c.key, c.body); status != 201 {
			t.Fatal(status, body)
		}
	}
	export := func(tenant string) string {
		t.Helper()
		code, out, errOut := runCLI(t, srv.url, "tenant", "export", "--tenant", tenant)
		if code != 0 {
			t.Fatal(errOut)
		}
		return out
	}
	eventually(t, "all entries are settled", func() bool {
		return !strings.Contains(export("petstore")+export("evented"), `"state":"pending"`)
	})
	first, other := export("petstore"), export("evented")
	for _, want := range []string{
		`{"kind":"record","tenant":"petstore","schema":"orders","key":"1","revision":1,"data":`, "12345678901234567890.1",
		`{"kind":"record","tenant":"petstore","schema":"petstore","key":"rex",`,
		`{"kind":"usage",`, `"tokens":20`, `{"kind":"entry","outputId":`,
	} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is missing in\n%s", want, first)
		}
	}
	if strings.Contains(first, "evented.POST") || strings.Contains(first, petstore.Key) {
		t.Errorf("the export holds what is not the tenant's, or a key:\n%s", first)
	}
	file := filepath.Join(t.TempDir(), "petstore.jsonl")
	if code, _, errOut := runCLI(t, srv.url, "tenant", "export", "--tenant", "petstore", "--out", file); code != 0 || !strings.Contains(errOut, "2 records, 1 months of usage") {
		t.Fatal(errOut)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != first {
		t.Errorf("the file differs: %v", err)
	}
	if code, _, _ := runCLI(t, srv.url, "tenant", "export", "--tenant", "petstore", "--out", file); code != 1 {
		t.Error("an export was overwritten")
	}

	purge := []string{"tenant", "purge", "--tenant", "petstore"}
	if code, _, errOut := runCLIWithInput(t, srv.url, "y\n", purge...); code != 1 || !strings.Contains(errOut, "records of 2 schemas (orders, petstore), usage of 1 months, 1 API keys") {
		t.Fatal(errOut)
	}
	if code, _, errOut := runCLIWithInput(t, srv.url, "petstore\n", purge...); code != 1 || !strings.Contains(errOut, "1 active API keys") || export("petstore") != first {
		t.Fatal("with an active key: ", errOut)
	}
	code, out, errOut := runCLIWithInput(t, srv.url, "petstore\n", append(purge, "--revoke-keys")...)
	if code != 0 || !strings.Contains(out, "purge again after that") {
		t.Fatal(out, errOut)
	}
	if left := export("petstore"); left != "" {
		t.Errorf("left after the purge:\n%s", left)
	}
	if keys, err := srv.admin.ListKeys(t.Context(), "petstore"); err != nil || len(keys) != 0 {
		t.Errorf("keys left: %v, %v", keys, err)
	}
	if got := export("evented"); got != other {
		t.Errorf("the other tenant was\n%s\nand is\n%s", other, got)
	}
	if status, body := call(t, "GET", srv.url+"/api/evented/evented/a", evented.Key, ""); status != 200 {
		t.Error(status, body)
	}
	if code, out, _ := runCLI(t, srv.url, append(purge, "--yes")...); code != 0 || !strings.Contains(out, "0 items and 0 objects") {
		t.Errorf("a second purge: %s", out)
	}
	if _, err := srv.admin.PurgeTenant(t.Context(), "../x"); err == nil {
		t.Error("a bad id was taken")
	}
}
