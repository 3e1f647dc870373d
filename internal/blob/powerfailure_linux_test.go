package blob_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/powerfailure"
)

// A write or removal that has returned survives a power failure at any later
// point, with its metadata, and an object is always complete.
func TestDirPowerFailure(t *testing.T) {
	powerfailure.Run(t, func(d *powerfailure.Disk) {
		type write struct{ key, data string } // no data: removed
		content := func(i int) string { return strings.Repeat(fmt.Sprint(i), 2000) }
		writes := []write{
			{"killed/x", content(5)}, // in a directory that exists and was not synced
			{"tenants/a/1", content(0)},
			{"tenants/a/2", content(1)},
			{"tenants/a/1", content(2)}, // replaced
			{"tenants/a/2", ""},         // removed
			{"top", content(4)},
			{"tenants/a/2", content(6)},
		}
		// A process that was killed had created it.
		if err := os.Mkdir(filepath.Join(d.Dir, "killed"), 0o700); err != nil {
			t.Fatal(err)
		}
		dir, err := blob.OpenDir(d.Dir)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		metadata := func(data string) map[string]string { return map[string]string{"first": data[:1]} }
		for _, w := range writes {
			if w.data == "" {
				err = dir.Delete(t.Context(), w.key, blob.Condition{})
			} else {
				_, err = dir.Put(t.Context(), w.key, []byte(w.data), metadata(w.data), blob.Condition{})
			}
			if err != nil {
				t.Fatal(err)
			}
			d.Acknowledge()
		}
		d.Check(func(tb testing.TB, root string, acknowledged int) {
			dir, err := blob.OpenDir(root)
			if err != nil {
				tb.Fatalf("%v", err)
			}
			defer dir.Close()
			for _, w := range writes {
				// The last acknowledged write of the key, or the one after it.
				allowed := []string{""}
				for i, other := range writes {
					switch {
					case other.key != w.key:
					case i < acknowledged:
						allowed = []string{other.data}
					case i == acknowledged:
						allowed = append(allowed, other.data)
					}
				}
				o, err := dir.Get(t.Context(), w.key, "")
				if err != nil && fault.CodeOf(err) != fault.NotFound {
					tb.Fatalf("%v", err)
				}
				got := string(o.Data)
				if got != allowed[0] && got != allowed[len(allowed)-1] {
					tb.Fatalf("%s holds %.5q (%d bytes), want one of %.5q", w.key, got, len(got), allowed)
				}
				if got != "" && got == allowed[0] && len(allowed) == 1 && !maps.Equal(o.Metadata, metadata(got)) {
					tb.Errorf("%s has metadata %v, want %v", w.key, o.Metadata, metadata(got))
				}
			}
		})
	})
}
