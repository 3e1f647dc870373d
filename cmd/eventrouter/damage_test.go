package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// populated returns a data folder that a server with a record in a file has left,
// and its schemas.
func populated(t *testing.T) (data, schemas string) {
	t.Helper()
	data, schemas = t.TempDir(), t.TempDir()
	write(t, filepath.Join(schemas, "acme", "tenant.properties"), "eventbridge-input=true\n")
	write(t, filepath.Join(schemas, "acme", "pet.json"), `{"meta":{"backend":"s3"},"type":"object"}`)
	srv, _, stop := serveOn(t, data, schemas)
	defer stop()
	key := makeKey(t, srv.url, "acme").Key
	if status, body := call(t, "POST", srv.url+"/api/acme/pet", key, `{"id":"rex"}`); status != 201 {
		t.Fatal(status, body)
	}
	eventually(t, "the record is in a file", func() bool {
		_, err := os.Stat(filepath.Join(data, "records", "data", "acme", "pet", "rex.json"))
		return err == nil
	})
	return data, schemas
}

// contents returns every file below a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestDamagedDataIsReported: serve ends with exit code 1, names the file, and
// changes nothing.
func TestDamagedDataIsReported(t *testing.T) {
	t.Parallel()
	data, schemas := populated(t)
	good := contents(t, data)
	remove := func(path string) error { return os.Remove(path) }
	empty := func(path string) error { return os.WriteFile(path, nil, 0o600) }
	truncate := func(path string) error { return os.Truncate(path, 2*int64(os.Getpagesize())) }
	garble := func(path string) error {
		b, err := os.ReadFile(path)
		copy(b[2*os.Getpagesize():], bytes.Repeat([]byte{0xa5}, len(b)))
		return firstOf(err, os.WriteFile(path, b, 0o600))
	}
	restart := func(args ...string) (int, string) {
		var out, errOut bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // should it serve
		defer cancel()
		code := run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--schemas", schemas}, args...), strings.NewReader(""), &out, &errOut)
		return code, out.String() + errOut.String()
	}
	for _, c := range []struct {
		name, file string
		damage     func(path string) error
		want       string
	}{
		{"ledger missing", "ledger.db", remove, "start with a new ledger by --new-ledger"},
		{"ledger empty", "ledger.db", empty, "it is empty; restore a backup"},
		{"ledger truncated", "ledger.db", truncate, "it is truncated"},
		{"ledger garbled", "ledger.db", garble, "page "},
		{"ledger is text", "ledger.db", func(path string) error { return os.WriteFile(path, []byte("text"), 0o600) }, "it is not a data file"},
		{"seal key missing", "seal.key", remove, "it is missing, and ledger.db cannot be read without it; restore a backup"},
		{"seal key empty", "seal.key", empty, "it must hold 64 hex digits; restore a backup"},
		{"events empty", "aws/local.db", empty, "it is empty; restore a backup"},
		{"events truncated", "aws/local.db", truncate, "it is truncated"},
		{"events garbled", "aws/local.db", garble, "page "},
		{"events' seal key missing", "aws/seal.key", remove, "it is missing, and local.db cannot be read without it; restore a backup"},
	} {
		path := filepath.Join(data, filepath.FromSlash(c.file))
		if err := c.damage(path); err != nil {
			t.Fatal(err)
		}
		before := contents(t, data)
		code, text := restart()
		if code != 1 || !strings.Contains(text, "damaged: "+path+": ") || !strings.Contains(text, c.want) || strings.Contains(text, "goroutine") {
			t.Errorf("%s: exit code %d, %s", c.name, code, text)
		}
		for name, content := range contents(t, data) {
			if old, ok := before[name]; !ok || old != content {
				t.Errorf("%s: %s was changed", c.name, name)
			}
		}
		if err := os.WriteFile(path, []byte(good[path]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, log, stop := serveOn(t, data, schemas)
	stop()
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the restored data: %s", log)
	}
}

// TestNewerDataIsRejected: serve ends with exit code 1, names file and format, and
// changes nothing.
func TestNewerDataIsRejected(t *testing.T) {
	t.Parallel()
	data, schemas := populated(t)
	for _, name := range []string{"aws/local.db", "ledger.db"} {
		path := filepath.Join(data, filepath.FromSlash(name))
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("99")) })
		if err := firstOf(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		before := contents(t, data)
		var out bytes.Buffer
		code := run(t.Context(), []string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--schemas", schemas}, strings.NewReader(""), &out, &out)
		if want := "data file " + path + " has format 99, this version of eventrouter reads formats up to 2: use a version that reads format 99"; code != 1 || strings.Count(out.String(), want) != 1 {
			t.Errorf("%s: exit code %d, %s", name, code, out.String())
		}
		for file, content := range contents(t, data) {
			if before[file] != content {
				t.Errorf("%s: %s was changed", name, file)
			}
		}
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestNewLedgerBesideObjects: a new ledger is created beside objects only with
// --new-ledger.
func TestNewLedgerBesideObjects(t *testing.T) {
	t.Parallel()
	data, schemas := populated(t)
	if err := os.Remove(filepath.Join(data, "ledger.db")); err != nil {
		t.Fatal(err)
	}
	side := (&awsFlags{}).options(quiet())
	if _, err := openServer("127.0.0.1:0", data, schemas, side); err == nil || !strings.Contains(err.Error(), "--new-ledger") {
		t.Fatalf("without the flag: %v", err)
	}
	side.newLedger = true
	srv, err := openServer("127.0.0.1:0", data, schemas, side)
	if err != nil {
		t.Fatalf("with the flag: %v", err)
	}
	if err := srv.close(); err != nil {
		t.Error(err)
	}
}
