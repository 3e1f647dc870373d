package blob

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/blockforger/eventrouter/fault"
)

// TestDirInterruptedWrite checks that a write that is interrupted at any step leaves
// the old or the new object with its metadata, and that the next write succeeds.
func TestDirInterruptedWrite(t *testing.T) {
	old := map[string]string{"stamp": "old"}
	next := map[string]string{"stamp": "new"}
	for _, data := range []string{"new", "old"} { // equal bytes are the harder case
		for n := 0; ; n++ {
			d := interruptibleDir(t)
			must(t)(d.Put(t.Context(), "dir/a", []byte("old"), old, Condition{}))
			cut := interruptAfter(d, n, syscall.ENOSPC)
			_, err := d.Put(t.Context(), "dir/a", []byte(data), next, Condition{})
			if !*cut {
				if err != nil || n < 5 {
					t.Fatalf("after %d steps: %v", n, err)
				}
				break
			}
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "disk is full") {
				t.Errorf("step %d: %v, want Unavailable that names the disk", n, err)
			}
			o, err := d.Get(t.Context(), "dir/a", "")
			if err != nil {
				t.Fatalf("step %d: %v", n, err)
			}
			was := string(o.Data) == "old" && maps.Equal(o.Metadata, old)
			is := string(o.Data) == data && maps.Equal(o.Metadata, next)
			if !was && !is {
				t.Errorf("step %d: got %q with %v", n, o.Data, o.Metadata)
			}
			d.before = func(string) error { return nil }
			must(t)(d.Put(t.Context(), "dir/a", []byte("then"), next, Condition{IfMatch: o.ETag}))
			noTemporaryFiles(t, d)
		}
	}
}

func TestDirInterruptedDelete(t *testing.T) {
	for n := 0; ; n++ {
		d := interruptibleDir(t)
		must(t)(d.Put(t.Context(), "a", []byte("old"), map[string]string{"stamp": "old"}, Condition{}))
		cut := interruptAfter(d, n, syscall.EIO)
		err := d.Delete(t.Context(), "a", Condition{})
		if !*cut {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("step %d: %v, want Unavailable", n, err)
		}
		d.before = func(string) error { return nil }
		if err := d.Delete(t.Context(), "a", Condition{}); err != nil {
			t.Errorf("step %d: deleting again: %v", n, err)
		}
		if err := d.root.WriteFile("a", []byte("old"), 0o644); err != nil { // by another program
			t.Fatal(err)
		}
		if o, err := d.Get(t.Context(), "a", ""); err != nil || o.Metadata != nil {
			t.Errorf("step %d: got %v, %v: the metadata of the deleted object is back", n, o.Metadata, err)
		}
	}
}

func TestDirFaults(t *testing.T) {
	for err, want := range map[error]fault.Code{
		fs.ErrNotExist:      fault.NotFound,
		syscall.ENOTDIR:     fault.NotFound,
		syscall.EROFS:       fault.Denied,
		syscall.EACCES:      fault.Denied,
		syscall.ENOSPC:      fault.Unavailable,
		syscall.EIO:         fault.Unavailable,
		syscall.EISDIR:      fault.Invalid,
		errNoFile:           fault.NotFound,
		errors.New("other"): fault.Unavailable,
	} {
		got := dirFault("put", "dir/a", &fs.PathError{Op: "open", Path: "dir/a", Err: err})
		if fault.CodeOf(got) != want {
			t.Errorf("%v becomes %v, want %s", err, fault.CodeOf(got), want)
		}
	}
}

func interruptibleDir(t *testing.T) *Dir {
	t.Helper()
	d, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// interruptAfter makes all steps after the first n fail.
func interruptAfter(d *Dir, n int, err error) *bool {
	cut := new(bool)
	d.before = func(string) error {
		if n--; n < 0 {
			*cut = true
			return err
		}
		return nil
	}
	return cut
}

func noTemporaryFiles(t *testing.T, d *Dir) {
	t.Helper()
	err := fs.WalkDir(d.root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(name), temporaryPrefix) {
			t.Errorf("%s remains", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T) func(ETag, error) {
	return func(_ ETag, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}
