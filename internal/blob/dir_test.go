package blob_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/blobtest"
)

func openDir(t *testing.T) blob.Bucket { return dirAt(t, t.TempDir()) }

func dirAt(t testing.TB, name string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestDir(t *testing.T) { blobtest.Run(t, openDir, nil) }

func TestMemory(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blob.Bucket { return blob.NewMemory() }, nil)
}

func TestOpenDirErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "x")
	for name, want := range map[string]fault.Code{
		filepath.Join(t.TempDir(), "none"): fault.NotFound,
		file:                               fault.Invalid,
	} {
		if _, err := blob.OpenDir(name); fault.CodeOf(err) != want || !strings.Contains(err.Error(), name) {
			t.Errorf("OpenDir(%s): %v, want %s", name, err, want)
		}
	}
}

// Files that the Dir did not write are served, and an editor's changes are detected.
func TestDirServesPlainFiles(t *testing.T) {
	root := t.TempDir()
	pet := filepath.Join(root, "schemas/acme/pet.json")
	writeFile(t, pet, "{}")
	d := dirAt(t, root)
	first, err := d.Get(t.Context(), "schemas/acme/pet.json", "")
	if err != nil || string(first.Data) != "{}" || first.Metadata != nil {
		t.Fatalf("got %+v, %v", first, err)
	}
	if _, err := d.Get(t.Context(), "schemas/acme/pet.json", first.ETag); err != blob.ErrNotModified {
		t.Errorf("get with the ETag that it has: %v", err)
	}
	writeFile(t, pet, "[]") // same size, and within the clock's resolution
	second, err := d.Get(t.Context(), "schemas/acme/pet.json", first.ETag)
	if err != nil || second.ETag == first.ETag || string(second.Data) != "[]" {
		t.Errorf("got %+v, %v after an edit", second, err)
	}
	if _, err := d.Put(t.Context(), "schemas/acme/pet.json", nil, nil, blob.Condition{IfMatch: first.ETag}); !fault.Is(err, fault.Precondition) {
		t.Errorf("put over an edit: %v", err)
	}
	for _, name := range []string{".lock", ".pet.json.meta"} {
		if _, err := os.Lstat(filepath.Join(root, "schemas/acme", name)); name != ".lock" && err == nil {
			t.Errorf("reading left %s behind", name)
		}
	}
}

// The cached checksum of a file must not be used after the file changed.
func TestDirDetectsChangesOfOldFiles(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "a")
	writeFile(t, file, "one")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	d := dirAt(t, root)
	first := listOne(t, d)
	if again := listOne(t, d); again != first {
		t.Errorf("listed %+v, then %+v", first, again)
	}
	writeFile(t, file, "two")
	if after := listOne(t, d); after.ETag == first.ETag {
		t.Error("a changed file is listed with its old ETag")
	}
}

// Two changes within the resolution of the file system's clock have the same time.
func TestDirDetectsQuickChanges(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "a")
	now := time.Now()
	d := dirAt(t, root)
	var before blob.Info
	for _, content := range []string{"one", "two"} {
		writeFile(t, file, content)
		if err := os.Chtimes(file, now, now); err != nil {
			t.Fatal(err)
		}
		info := listOne(t, d)
		if info.ETag == before.ETag {
			t.Error("a changed file is listed with its old ETag")
		}
		before = info
	}
}

// Equal bytes written again are another version: a condition on the earlier one fails.
func TestDirVersionsOfEqualBytesDiffer(t *testing.T) {
	d := openDir(t)
	seen := map[blob.ETag]bool{}
	for _, data := range []string{"a", "b", "a", "a"} {
		etag, err := d.Put(t.Context(), "k", []byte(data), nil, blob.Condition{})
		if err != nil || seen[etag] {
			t.Errorf("put %q: %v, ETag %s, among %v", data, err, etag, seen)
		}
		seen[etag] = true
	}
}

func listOne(t *testing.T, b blob.Bucket) blob.Info {
	t.Helper()
	listed, err := b.List(t.Context(), "", "", 2)
	if err != nil || len(listed) != 1 {
		t.Fatalf("listed %+v, %v, want one object", listed, err)
	}
	return listed[0]
}

func TestDirEditRemovesMetadata(t *testing.T) {
	root := t.TempDir()
	d := dirAt(t, root)
	etag, err := d.Put(t.Context(), "a", []byte("ours"), map[string]string{"stamp": "1"}, blob.Condition{})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "a"), "theirs")
	o, err := d.Get(t.Context(), "a", etag)
	if err != nil || o.Metadata != nil || o.ETag == etag {
		t.Errorf("got %+v, %v after an edit", o, err)
	}
	if listed := listOne(t, d); listed.ETag != o.ETag {
		t.Errorf("listed with ETag %s, got with %s", listed.ETag, o.ETag)
	}
}

func TestDirRejectsLinksOutOfIt(t *testing.T) {
	outside, root := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(outside, "secret"), "secret")
	writeFile(t, filepath.Join(root, "in/a"), "a")
	link(t, filepath.Join(outside, "secret"), filepath.Join(root, "file"))
	link(t, outside, filepath.Join(root, "dir"))
	link(t, "../../../../../../../../etc/passwd", filepath.Join(root, "up"))
	link(t, "in/a", filepath.Join(root, "inside"))
	d := dirAt(t, root)
	for _, key := range []string{"file", "dir/secret", "up"} {
		if _, err := d.Get(t.Context(), key, ""); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "leads out") {
			t.Errorf("get %s: %v, want Denied", key, err)
		}
	}
	if _, err := d.Put(t.Context(), "dir/new", nil, nil, blob.Condition{}); !fault.Is(err, fault.Denied) {
		t.Errorf("put through a link: %v, want Denied", err)
	}
	if _, err := d.List(t.Context(), "", "", 10); !fault.Is(err, fault.Denied) {
		t.Errorf("list: %v, want Denied", err)
	}
	if o, err := d.Get(t.Context(), "inside", ""); err != nil || string(o.Data) != "a" {
		t.Errorf("get through a link within: %q, %v", o.Data, err)
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("outside there is %v, %v", entries, err)
	}
}

func TestDirPutBelowAFile(t *testing.T) {
	d := openDir(t)
	for _, key := range []string{"a", "b/c"} {
		if _, err := d.Put(t.Context(), key, nil, nil, blob.Condition{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a/b", "a/b/c", "b"} {
		if _, err := d.Put(t.Context(), key, nil, nil, blob.Condition{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("put %s: %v, want Invalid", key, err)
		}
	}
}

func TestDirReadOnly(t *testing.T) {
	root := t.TempDir()
	writeFile(t, filepath.Join(root, "a"), "a")
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(root, 0o755) })
	d := dirAt(t, root)
	if o, err := d.Get(t.Context(), "a", ""); err != nil || string(o.Data) != "a" {
		t.Errorf("get: %q, %v", o.Data, err)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may write whatever the mode says")
	}
	if _, err := d.Put(t.Context(), "a", nil, nil, blob.Condition{}); !fault.Is(err, fault.Denied) {
		t.Errorf("put: %v, want Denied", err)
	}
}

// Increments of several processes, each with several goroutines, all count.
func TestDirProcesses(t *testing.T) {
	const processes, each = 3, 20
	if root := os.Getenv("OBJECT_TEST_INCREMENT"); root != "" {
		d := dirAt(t, root)
		for done := 0; done < each; {
			switch err := blobtest.Increment(t.Context(), d, "dir/n"); {
			case err == nil:
				done++
			case !fault.Is(err, fault.Precondition):
				t.Fatal(err)
			}
		}
		return
	}
	root := t.TempDir()
	d := dirAt(t, root)
	if _, err := d.Put(t.Context(), "dir/n", []byte("0"), nil, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var started []*exec.Cmd
	var output bytes.Buffer
	for range processes {
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDirProcesses$", "-test.v")
		cmd.Env = append(os.Environ(), "OBJECT_TEST_INCREMENT="+root)
		if len(started) == 0 {
			cmd.Stdout, cmd.Stderr = &output, &output
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		started = append(started, cmd)
	}
	for _, cmd := range started {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, output.Bytes())
		}
	}
	o, err := d.Get(t.Context(), "dir/n", "")
	if err != nil || string(o.Data) != strconv.Itoa(processes*each) {
		t.Errorf("the counter is %q, %v after %d increments", o.Data, err, processes*each)
	}
}

func writeFile(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skip(err)
	}
}
