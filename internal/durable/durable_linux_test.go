package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/blockforger/eventrouter/internal/durable"
	"github.com/blockforger/eventrouter/internal/powerfailure"
)

func TestPowerFailure(t *testing.T) {
	powerfailure.Run(t, func(d *powerfailure.Disk) {
		dir := filepath.Join("a", "b", "c")
		for range 2 { // the second time it exists
			if err := durable.MkdirAll(filepath.Join(d.Dir, dir), 0o700); err != nil {
				t.Fatal(err)
			}
			d.Acknowledge()
		}
		d.Check(func(t testing.TB, root string, acknowledged int) {
			if _, err := os.Stat(filepath.Join(root, dir)); acknowledged > 0 && err != nil {
				t.Errorf("%v", err)
			}
		})
	})
}

func TestMkdirAllOverFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "dir")} {
		if err := durable.MkdirAll(dir, 0o700); err == nil {
			t.Errorf("%s was created over a file", dir)
		}
	}
}
