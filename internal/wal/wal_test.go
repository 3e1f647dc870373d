package wal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
)

var testID = ID{1, 2, 3}

// openLog opens a log and returns the records after a number.
func openLog(t testing.TB, dir string, after uint64) (*Log, []string) {
	t.Helper()
	var records []string
	l, err := Open(filepath.Join(dir, "x.wal-"), testID, after, func(record []byte) error {
		records = append(records, string(record))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, records
}

func appendAll(t testing.TB, l *Log, records ...string) {
	t.Helper()
	for _, r := range records {
		if err := l.Append([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
}

// files returns the names and the contents of the files in a directory.
func files(t testing.TB, dir string) (names []string, contents map[string][]byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	contents = map[string][]byte{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name())
		contents[e.Name()] = data
	}
	return names, contents
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRecordsAreReplayed(t *testing.T) {
	dir := t.TempDir()
	l, _ := openLog(t, dir, 0)
	long := strings.Repeat("x", 100_000)
	appendAll(t, l, "", "a", "bb", long)
	if l.Seq() != 4 || l.Size() == 0 {
		t.Errorf("number %d, size %d", l.Seq(), l.Size())
	}
	l, got := openLog(t, dir, 0)
	if want := []string{"", "a", "bb", long}; !slices.Equal(got, want) {
		t.Errorf("%d records", len(got))
	}
	appendAll(t, l, "later")
	l, got = openLog(t, dir, 3)
	if want := []string{long, "later"}; !slices.Equal(got, want) {
		t.Errorf("after record 3: %d records", len(got))
	}
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	if names, _ := files(t, dir); len(names) != 0 || l.Size() != 0 {
		t.Errorf("files after the removal: %v, size %d", names, l.Size())
	}
	appendAll(t, l, "new")
	if _, got = openLog(t, dir, 5); !slices.Equal(got, []string{"new"}) {
		t.Errorf("after the removal: %q", got)
	}
	if names, _ := files(t, dir); !slices.Equal(names, []string{"x.wal-0000000000000006"}) {
		t.Errorf("segments are %v", names)
	}
}

// TestIncompleteRecordIsDiscarded cuts the last record at each of its bytes, and
// replaces each of them.
func TestIncompleteRecordIsDiscarded(t *testing.T) {
	dir := t.TempDir()
	l, _ := openLog(t, dir, 0)
	appendAll(t, l, "one", "two")
	before := l.Size()
	appendAll(t, l, "three")
	names, contents := files(t, dir)
	whole := contents[names[0]]
	check := func(what string, content []byte) {
		t.Helper()
		dir := t.TempDir()
		write(t, filepath.Join(dir, names[0]), content)
		l, got := openLog(t, dir, 0)
		if !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("%s: %q", what, got)
		}
		if _, now := files(t, dir); !bytes.Equal(now[names[0]], content) {
			t.Errorf("%s: opening changed the segment", what)
		}
		appendAll(t, l, "3")
		if _, got = openLog(t, dir, 0); !slices.Equal(got, []string{"one", "two", "3"}) {
			t.Errorf("%s, then an append: %q", what, got)
		}
	}
	end := recordHeader + len("three")
	for i := range end {
		at := int(before) + i
		check(fmt.Sprintf("cut at %d", i), whole[:at])
		changed := bytes.Clone(whole)
		changed[at] ^= 1
		check(fmt.Sprintf("changed at %d", i), changed)
	}
	check("zeros", append(whole[:before:before], make([]byte, 4096)...))
}

// TestDamageIsReported changes each byte of the header and of records that others
// follow.
func TestDamageIsReported(t *testing.T) {
	dir := t.TempDir()
	l, _ := openLog(t, dir, 0)
	appendAll(t, l, "one")
	second := l.Size()
	appendAll(t, l, "two")
	last := l.Size()
	appendAll(t, l, "three")
	names, contents := files(t, dir)
	path, whole := filepath.Join(dir, names[0]), contents[names[0]]
	for at := range int(last) {
		padding := at >= 36 && at < headerSize || at >= headerSize && (at-headerSize)%24 >= recordHeader+3
		if padding {
			continue
		}
		changed := bytes.Clone(whole)
		changed[at] ^= 1
		write(t, path, changed)
		offset := 0
		switch {
		case at >= int(second):
			offset = int(second)
		case at >= headerSize:
			offset = headerSize
		}
		_, err := Open(filepath.Join(dir, "x.wal-"), testID, 0, func([]byte) error { return nil })
		want := fmt.Sprintf("damaged: %s: at offset %d: ", path, offset)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Fatalf("byte %d changed: %v, want %q", at, err, want)
		}
		if _, now := files(t, dir); !bytes.Equal(now[names[0]], changed) {
			t.Fatalf("byte %d changed: opening changed the segment", at)
		}
	}
}

func TestSegmentsAreChecked(t *testing.T) {
	dir := t.TempDir()
	l, _ := openLog(t, dir, 0)
	appendAll(t, l, "one", "two")
	if _, err := Open(filepath.Join(dir, "x.wal-"), ID{9}, 0, nil); !fault.Is(err, fault.Invalid) ||
		!strings.Contains(err.Error(), "belongs to another data file; restore both from the same backup") {
		t.Errorf("another log: %v", err)
	}
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, "three")
	if _, err := Open(filepath.Join(dir, "x.wal-"), testID, 1, nil); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "records 2 to 2 are missing") {
		t.Errorf("a gap: %v", err)
	}
	path := filepath.Join(dir, "x.wal-0000000000000003")
	if err := os.Rename(path, filepath.Join(dir, "x.wal-0000000000000002")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "x.wal-"), testID, 2, nil); err == nil || !strings.Contains(err.Error(), "begins with record 3, its name says 2") {
		t.Errorf("another name: %v", err)
	}
}

// TestFailedSync: a record whose sync failed is not part of the log, whether or not the
// disk has it.
func TestFailedSync(t *testing.T) {
	for _, first := range []bool{false, true} {
		dir := t.TempDir()
		l, _ := openLog(t, dir, 0)
		want := []string{"one", "two"}
		if first {
			want = want[1:]
		} else {
			appendAll(t, l, "one")
		}
		appendAll(t, l, "failed")
		l.seq-- // as Append leaves it
		l.suspect = true
		appendAll(t, l, "two")
		l, got := openLog(t, dir, 0)
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if err := l.Remove(); err != nil {
			t.Fatal(err)
		}
		if names, _ := files(t, dir); len(names) > 0 {
			t.Errorf("segments after the removal: %v", names)
		}
	}
}

// TestFailedWrite: after a write that failed, the log is as it was before.
func TestFailedWrite(t *testing.T) {
	dir := t.TempDir()
	l, _ := openLog(t, dir, 0)
	appendAll(t, l, "one")
	file := l.file
	readOnly, err := os.Open(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	l.file = readOnly
	if err := l.Append([]byte("two")); err == nil {
		t.Fatal("an append to a read-only file succeeded")
	}
	l.file = file
	if _, err := file.WriteAt([]byte("part of a record"), l.end); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, "3")
	if _, got := openLog(t, dir, 0); !slices.Equal(got, []string{"one", "3"}) {
		t.Errorf("%q", got)
	}
}

// TestUnfinishedSegment: a crash while a segment is created leaves a file without a
// complete header.
func TestUnfinishedSegment(t *testing.T) {
	for size := range headerSize {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "x.wal-0000000000000001"), make([]byte, size))
		l, got := openLog(t, dir, 0)
		appendAll(t, l, "one")
		if _, again := openLog(t, dir, 0); len(got) != 0 || !slices.Equal(again, []string{"one"}) {
			t.Fatalf("%d bytes: %q, then %q", size, got, again)
		}
	}
}
