package tenant_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant"
)

// heapBytes returns the memory of reachable objects.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Tenants that are used uniformly take at most 64 MB for 10,000, are read once, and then
// once in each refresh.
func TestManyTenants(t *testing.T) {
	const n, budget = 3_000, 3 * (64 << 20) / 10
	properties, err := os.ReadFile("../schemas/petstore/tenant.properties")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile("../schemas/petstore/petstore.json")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, tenant.CatalogOptions{MaxBytes: budget})
	for i := range n {
		w.put(fmt.Sprintf("t%d/tenant.properties", i), string(properties))
		w.put(fmt.Sprintf("t%d/petstore.json", i), string(schema))
	}
	use := func() (reads int64) {
		t.Helper()
		before := w.bucket.reads.Load()
		for i := range n {
			if _, err := w.dir.Schema(t.Context(), events.TenantID(fmt.Sprint("t", i)), "petstore"); err != nil {
				t.Fatal(err)
			}
		}
		return w.bucket.reads.Load() - before
	}
	empty := heapBytes()
	if reads := use(); reads != 2*n {
		t.Errorf("%d reads of %d tenants with a schema each, want %d", reads, n, 2*n)
	}
	if used := heapBytes() - empty; used > budget {
		t.Errorf("%d tenants take %d bytes, want at most %d", n, used, budget)
	} else {
		t.Logf("%d bytes for each tenant", used/n)
	}
	if reads := use(); reads != 0 {
		t.Errorf("%d reads of cached tenants", reads)
	}
	w.wait(tenant.MaxPositive + time.Second)
	if reads := use(); reads != n {
		t.Errorf("a refresh takes %d reads, want %d", reads, n)
	}
	if used := heapBytes() - empty; used > budget {
		t.Errorf("after a refresh, %d tenants take %d bytes, want at most %d", n, used, budget)
	} else {
		t.Logf("%d bytes for each tenant after a refresh", used/n)
	}
	runtime.KeepAlive(w)
}
