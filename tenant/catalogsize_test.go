package tenant

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestCatalogIsSizedByMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for limit, want := range map[int64]int64{math.MaxInt64: 64 << 20, 120 << 20: 20 << 20, 2400 << 20: 400 << 20} {
		debug.SetMemoryLimit(limit)
		if got := defaultBytes(); got != want {
			t.Errorf("limit %d: the catalog may take %d bytes, want %d", limit, got, want)
		}
	}
}
