package datafile_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/local/datafile"
)

func TestKeep(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "new"), context.Background()
	f, err := datafile.Open(dir, 0, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	k := func(s string) []byte { return []byte(s) }
	if err := f.Commit(ctx, []datafile.Write{f.Put("a", k("1"), k("canary-one")), f.Put("a", k("2"), k("canary-two")), f.Put("b", k("12345678x"), nil)}); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(ctx, []datafile.Write{f.Remove("a", k("1")), f.Put("a", k("3"), k("canary-three"))}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get("a", k("1")); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	var got []string
	if err := f.Each("a", k("2"), func(key, value []byte) (bool, error) {
		got = append(got, string(key)+"="+string(value))
		return true, nil
	}); err != nil || strings.Join(got, " ") != "2=canary-two 3=canary-three" {
		t.Error(got, err)
	}
	if s, err := f.Sequence("a", "b"); err != nil || s.Next() != 0x3132333435363738+1 {
		t.Errorf("%+v %v", s, err)
	}
	if err := f.Close(); err != nil || !f.Closed() {
		t.Error(err)
	}
	if err := f.Commit(ctx, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a commit after Close: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "local.db")); err != nil || strings.Contains(string(data), "canary") {
		t.Errorf("in clear on disk, or %v", err)
	}
}

// A sealed value that was moved to another place is not taken for what was there.
func TestValuesAreBoundToTheirPlace(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	f, err := datafile.Open(dir, 0, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(ctx, []datafile.Write{f.Put("a", []byte("1"), []byte("x"))}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(filepath.Join(dir, "local.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("b")).Put([]byte("1"), tx.Bucket([]byte("a")).Get([]byte("1")))
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = datafile.Open(dir, 0, "a", "b"); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Get("b", []byte("1")); !fault.Is(err, fault.Internal) {
		t.Errorf("a moved value: %v", err)
	}
	if v, err := f.Get("a", []byte("1")); err != nil || string(v) != "x" {
		t.Errorf("%q %v", v, err)
	}
}

// TestNewerFormat: a file of a newer format is rejected, and stays as it is.
func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	f, err := datafile.Open(dir, 0, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "local.db")
	setFormat := func(number string) {
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte(number)) }); err != nil {
			t.Fatal(err)
		}
	}
	for number, want := range map[string]string{
		"99":  "data file " + path + " has format 99, this version of eventrouter reads formats up to 2: use a version that reads format 99, or restore a backup",
		"one": "data file " + path + ` has format "one", which is no number; restore a backup`,
	} {
		setFormat(number)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := datafile.Open(dir, 0, "a", "b"); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("format %s: %v, want %q", number, err, want)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("format %s: the file was changed: %v", number, err)
		}
	}
	setFormat("1")
	if f, err = datafile.Open(dir, 0, "a", "b"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// TestFormat1IsConverted: Open stores format 2 in a file of format 1, in the file
// itself and before there is a log, so that a program that does not know the log does
// not open it.
func TestFormat1IsConverted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "local.db")
	for _, name := range []string{"local.db", "seal.key"} {
		data, err := os.ReadFile(filepath.Join("../../testdata/formats/v1/data/aws", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f, err := datafile.Open(dir, 0, "events")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := f.Each("events", nil, func(_, _ []byte) (bool, error) { n++; return true, nil }); err != nil || n == 0 {
		t.Errorf("%d events: %v", n, err)
	}
	if logs, err := filepath.Glob(path + ".wal-*"); err != nil || len(logs) > 0 {
		t.Errorf("logs: %v, %v", logs, err)
	}
	data, err := os.ReadFile(path) // while it is open, as after a crash
	if err == nil {
		err = os.WriteFile(path+"-copy", data, 0o600)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path+"-copy", 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		number, err := strconv.ParseInt(string(tx.Bucket([]byte("meta")).Get([]byte("format"))), 10, 64)
		if format1 := format.Check("data file local.db", number, 1); err != nil || !format.IsNewer(format1) {
			t.Errorf("a program that knows format 1: %v, %v", format1, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
