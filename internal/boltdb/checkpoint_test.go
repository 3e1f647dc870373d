package boltdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
)

func update(t testing.TB, db *boltdb.DB, fn func(*boltdb.Tx) error) {
	t.Helper()
	if err := db.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func remove(key string) func(*boltdb.Tx) error {
	return func(tx *boltdb.Tx) error { return tx.Bucket(bucket).Delete([]byte(key)) }
}

// copyOf copies a file and its log as they are on disk, as after a crash.
func copyOf(t testing.TB, path string) string {
	t.Helper()
	to := t.TempDir()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(file)), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(to, filepath.Base(path))
}

// segments returns the segments of a file's log.
func segments(t testing.TB, path string) []string {
	t.Helper()
	files, err := filepath.Glob(path + ".wal-*")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCrashKeepsUpdates: after a crash at any update, the file has the effects of that
// update and of all before it, whether they are in the file, in the log, or in both.
func TestCrashKeepsUpdates(t *testing.T) {
	path := temp(t)
	db := open(t, path, &boltdb.Options{LogSize: 2000})
	want := map[string]string{}
	began := map[string]bool{} // segments
	for i := range 60 {
		key := fmt.Sprint(i % 7)
		if i%5 == 4 {
			update(t, db, remove(key))
			delete(want, key)
		} else {
			value := strings.Repeat(fmt.Sprint(i), 100)
			update(t, db, put(key, value))
			want[key] = value
		}
		update(t, db, func(tx *boltdb.Tx) error {
			b, err := tx.CreateBucketIfNotExists(fmt.Appendf(nil, "bucket %d", i/10))
			return errors.Join(err, b.Put([]byte("empty"), nil))
		})
		for _, s := range segments(t, path) {
			began[s] = true
		}
		crashed := open(t, copyOf(t, path), nil)
		for key := range 7 {
			if got := get(t, crashed, fmt.Sprint(key)); got != want[fmt.Sprint(key)] {
				t.Fatalf("update %d: key %d is %.10q, want %.10q", i, key, got, want[fmt.Sprint(key)])
			}
		}
		err := crashed.View(func(tx *boltdb.Tx) error {
			for n := range i/10 + 1 {
				if b := tx.Bucket(fmt.Appendf(nil, "bucket %d", n)); b == nil {
					t.Errorf("update %d: bucket %d is lost", i, n)
				} else if k, _ := b.Cursor().First(); string(k) != "empty" {
					t.Errorf("update %d: bucket %d is empty", i, n)
				}
			}
			return nil
		})
		if err := errors.Join(err, crashed.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if len(began) < 3 || len(began) > 30 {
		t.Errorf("the log was committed %d times", len(began))
	}
}

// TestCloseCommitsTheLog: the file alone holds everything after Close.
func TestCloseCommitsTheLog(t *testing.T) {
	path := temp(t)
	db := open(t, path, nil)
	for i := range 10 {
		update(t, db, put(fmt.Sprint(i), "v"))
	}
	if len(segments(t, path)) != 1 {
		t.Errorf("segments before Close: %v", segments(t, path))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if s := segments(t, path); len(s) > 0 {
		t.Errorf("segments after Close: %v", s)
	}
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bolt.Close()
	err = bolt.View(func(tx *bbolt.Tx) error {
		if n := tx.Bucket(bucket).Stats().KeyN; n != 10 {
			t.Errorf("%d keys", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFileWithoutLog: a file that an older program has written is read, and its first
// update is committed to the file, so that the program can store a new format there
// before there is a log.
func TestFileWithoutLog(t *testing.T) {
	path := temp(t)
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = bolt.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket(bucket)
		return errors.Join(err, b.Put([]byte("old"), []byte("v")))
	})
	if err := errors.Join(err, bolt.Close()); err != nil {
		t.Fatal(err)
	}
	db := open(t, path, nil)
	if get(t, db, "old") != "v" {
		t.Error("the old value is lost")
	}
	update(t, db, put("format", "2"))
	if s := segments(t, path); len(s) > 0 {
		t.Errorf("segments after the first update: %v", s)
	}
	update(t, db, put("new", "v"))
	if s := segments(t, path); len(s) != 1 {
		t.Errorf("segments after the second update: %v", s)
	}
	crashed := copyOf(t, path)
	for _, s := range segments(t, crashed) {
		if err := os.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
	db = open(t, crashed, nil)
	if get(t, db, "format") != "2" || get(t, db, "new") != "" {
		t.Error("the first update is not in the file, or the second is")
	}
}

// TestFailureUndoesOnlyItself: after an update that failed, the transaction has what
// the other updates of this group and of earlier groups wrote.
func TestFailureUndoesOnlyItself(t *testing.T) {
	path := temp(t)
	db := open(t, path, nil)
	update(t, db, put("a", "1"))
	update(t, db, put("b", "1"))
	mine := errors.New("mine")
	err := db.Update(context.Background(), func(tx *boltdb.Tx) error {
		created, err := tx.CreateBucketIfNotExists([]byte("created"))
		err = errors.Join(err, created.Put([]byte("k"), []byte("v")),
			put("a", "2")(tx), put("c", "2")(tx), put("a", "3")(tx), remove("b")(tx), put("b", "4")(tx), remove("c")(tx))
		return errors.Join(err, mine)
	})
	if !errors.Is(err, mine) {
		t.Fatal(err)
	}
	update(t, db, put("d", "1"))
	for _, db := range []*boltdb.DB{db, open(t, copyOf(t, path), nil)} {
		got := []string{get(t, db, "a"), get(t, db, "b"), get(t, db, "c"), get(t, db, "d")}
		if !slices.Equal(got, []string{"1", "1", "", "1"}) {
			t.Errorf("%q", got)
		}
		err := db.View(func(tx *boltdb.Tx) error {
			if tx.Bucket([]byte("created")) != nil {
				t.Error("the bucket remains")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	view := db.View(func(tx *boltdb.Tx) error { return tx.Bucket(bucket).Put([]byte("a"), []byte("9")) })
	if view == nil || get(t, db, "a") != "1" {
		t.Errorf("a write in a view: %v", view)
	}
}

// TestCheckpointFails: updates remain effective and durable in the log if they cannot be
// committed to the file, and are committed later.
func TestCheckpointFails(t *testing.T) {
	path := temp(t)
	db := open(t, path, &boltdb.Options{LogSize: 100_000})
	value := strings.Repeat("v", 10_000)
	update(t, db, put("first", "v"))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// The log fits, the pages of the file do not.
	limit(t, 130_000)
	stored := 0
	for i := range 15 {
		if err := db.Update(context.Background(), put(fmt.Sprint(i), value)); err != nil {
			break
		}
		stored++
	}
	logged := int64(0)
	for _, s := range segments(t, path) {
		if info, err := os.Stat(s); err == nil {
			logged += info.Size()
		}
	}
	if stored < 11 || stored == 15 || logged < int64(stored)*10_000 {
		t.Fatalf("%d updates, file of %d bytes, log of %d", stored, info.Size(), logged)
	}
	check := func(db *boltdb.DB) {
		t.Helper()
		for i := range stored {
			if get(t, db, fmt.Sprint(i)) != value {
				t.Fatalf("update %d is lost", i)
			}
		}
	}
	check(db)
	check(open(t, copyOf(t, path), nil))
	limit(t, 0)
	update(t, db, put("after", "v"))
	check(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if s := segments(t, path); len(s) > 0 {
		t.Errorf("segments after Close: %v", s)
	}
	db = open(t, path, nil)
	check(db)
	if get(t, db, "after") != "v" {
		t.Error("the update with room again is lost")
	}
}

var unlimited syscall.Rlimit

// limit sets the largest size of any file, 0 for none.
func limit(t *testing.T, size uint64) {
	t.Helper()
	if unlimited.Max == 0 {
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
			t.Fatal(err)
		}
	}
	l := unlimited
	if size > 0 {
		l.Cur = size
		t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &unlimited) })
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedLogIsReported: the error names the segment and the offset, and nothing is
// changed.
func TestDamagedLogIsReported(t *testing.T) {
	path := temp(t)
	db := open(t, path, nil)
	for i := range 5 {
		update(t, db, put(fmt.Sprint(i), "v"))
	}
	crashed := copyOf(t, path)
	segment := segments(t, crashed)[0]
	whole, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(whole)
	changed[90] ^= 1
	for name, c := range map[string]struct {
		damage func() error
		want   string
	}{
		"changed": {func() error { return os.WriteFile(segment, changed, 0o600) }, "damaged: " + segment + ": at offset 88: record 2 is invalid, and valid ones follow"},
		"another file's log": {func() error {
			other := temp(t)
			db := open(t, other, nil)
			update(t, db, put("x", "v"))
			update(t, db, put("y", "v"))
			data, err := os.ReadFile(segments(t, other)[0])
			return errors.Join(err, os.WriteFile(segment, data, 0o600))
		}, "segment " + segment + " belongs to another data file"},
	} {
		before, err := os.ReadFile(crashed)
		if err := errors.Join(err, c.damage()); err != nil {
			t.Fatal(err)
		}
		if _, err := boltdb.Open(crashed, nil); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if after, err := os.ReadFile(crashed); err != nil || !slices.Equal(before, after) {
			t.Errorf("%s: the file was changed: %v", name, err)
		}
	}
	if err := os.WriteFile(segment, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if get(t, open(t, crashed, nil), "4") != "v" {
		t.Error("the restored log is not read")
	}
}
