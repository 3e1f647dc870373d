package boltdb_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var updateFormats = flag.Bool("update-formats", false, "write testdata/formats/v2/log anew: only with the code of format 2")

// TestFormat2Log opens a file and its log as a crashed process left them: one value is
// in the file, three updates are in the log only.
func TestFormat2Log(t *testing.T) {
	const fixture = "../../testdata/formats/v2/log"
	if *updateFormats {
		path := temp(t)
		db := open(t, path, nil)
		for _, key := range []string{"file", "removed"} {
			update(t, db, put(key, "v"))
		}
		update(t, db, remove("removed"))
		update(t, db, put("log", "v"))
		if err := os.CopyFS(fixture, os.DirFS(filepath.Dir(copyOf(t, path)))); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(fixture, "x.db.pid")); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(fixture)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.db")
	if len(segments(t, path)) != 1 {
		t.Fatalf("segments: %v", segments(t, path))
	}
	db := open(t, path, nil)
	for key, want := range map[string]string{"file": "v", "removed": "", "log": "v"} {
		if got := get(t, db, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}
