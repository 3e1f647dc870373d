package boltstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/seal"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/boltstore"
	"github.com/blockforger/eventrouter/store/storetest"
)

const fileName = "ledger.db"

// An openedDriver is a driver with the directory of its file, for reopening.
type openedDriver struct {
	*boltstore.Driver
	dir string
}

func openIn(t testing.TB, dir string, e storetest.Env) *openedDriver {
	t.Helper()
	key, err := seal.Open(dir, "ledger.db")
	if err != nil {
		t.Fatal(err)
	}
	d, err := boltstore.Open(filepath.Join(dir, fileName), &boltstore.Options{Clock: e.Clock, Fault: e.Fault, Sealer: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return &openedDriver{d, dir}
}

// copyAfterCrash copies the files as they are on disk while the driver is open, as
// after a crash of the process.
func copyAfterCrash(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files { // with the segments of the log
		name := f.Name()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

var harness = storetest.Harness{
	Open: func(t testing.TB, e storetest.Env) store.Driver { return openIn(t, t.TempDir(), e) },
	Reopen: func(t testing.TB, d store.Driver, e storetest.Env) store.Driver {
		return openIn(t, copyAfterCrash(t, d.(*openedDriver).dir), e)
	},
	SetFormat: func(t testing.TB, d store.Driver, r store.Ref, k store.IdempotencyKey, number int) {
		d.(*openedDriver).SetFormat(t, r, k, number)
	},
}

func TestDriver(t *testing.T) { storetest.Run(t, harness) }

func TestKeys(t *testing.T) {
	storetest.RunKeys(t, func(t testing.TB) apikey.Store { return openIn(t, t.TempDir(), storetest.Env{}) })
}

func BenchmarkDriver(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Driver { return openIn(b, b.TempDir(), storetest.Env{}) })
}
