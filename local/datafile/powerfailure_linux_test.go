package datafile_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/blockforger/eventrouter/internal/powerfailure"
	"github.com/blockforger/eventrouter/local/datafile"
)

// A commit that has returned survives a power failure at any later point, from
// the creation of the directory on, and can be read with the key of its folder.
func TestPowerFailure(t *testing.T) {
	powerfailure.Run(t, func(d *powerfailure.Disk) {
		const dir = "data/aws"
		f, err := datafile.Open(filepath.Join(d.Dir, dir), 0, "b")
		if err != nil {
			t.Fatal(err)
		}
		key := func(i int) []byte { return fmt.Append(nil, i) }
		for i := range 5 {
			if err := f.Commit(t.Context(), []datafile.Write{f.Put("b", key(i), make([]byte, 2000))}); err != nil {
				t.Fatal(err)
			}
			d.Acknowledge()
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		d.Check(func(t testing.TB, root string, acknowledged int) {
			f, err := datafile.Open(filepath.Join(root, dir), 0, "b")
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			defer f.Close()
			for i := range acknowledged {
				if _, err := f.Get("b", key(i)); err != nil {
					t.Fatalf("commit %d: %v", i, err)
				}
			}
		})
	})
}
