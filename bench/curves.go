package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
)

// curvesFolder is the folder of the curves.
const curvesFolder = "doc/benchmarks"

// curves measures how costs grow with what is stored, and draws a curve of each.
func curves(ctx context.Context, t *table) error {
	if err := os.MkdirAll(curvesFolder, 0o755); err != nil {
		return err
	}
	for _, c := range []struct {
		file string
		make func(context.Context) (curve, error)
	}{{"rules.svg", growthOfRules}, {"tenants.svg", growthOfTenants}, {"csv.svg", growthOfFile}} {
		fmt.Fprintf(os.Stderr, "measuring %s ...\n", c.file)
		made, err := c.make(ctx)
		if err != nil {
			return err
		}
		for _, p := range made.points {
			t.row(made.title, fmt.Sprintf("%.3g %s", p.y, made.y), "", fmt.Sprintf("%.0f %s", p.x, made.x), made.aim)
		}
		if err := os.WriteFile(filepath.Join(curvesFolder, c.file), []byte(made.svg()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func growthOfRules(ctx context.Context) (curve, error) {
	c := curve{title: "parse and match an event of 1.1 kB", x: "rules", y: "us of CPU", aim: "flat"}
	found, err := goBench(ctx, "./events/pattern", "BenchmarkMatchJSON/^[0-9]+$", "100ms", 3*rounds)
	for _, n := range []int{1, 100, 10_000} {
		c.points = append(c.points, point{float64(n), found[fmt.Sprintf("MatchJSON/%d", n)]["cpu"] / 1000})
	}
	return c, err
}

func growthOfFile(ctx context.Context) (curve, error) {
	c := curve{title: "one change in a CSV file", x: "MB", y: "ms for a MB of the file", aim: "flat"}
	found, err := goBench(ctx, "./projection/csvfile", "BenchmarkChange", "5x", 1)
	for _, n := range []int{1, 10, 49} {
		c.points = append(c.points, point{float64(n), found[fmt.Sprintf("Change/%dMB", n)]["ns/op"] / 1e6 / float64(n)})
	}
	return c, err
}

// counted counts the reads of a bucket.
type counted struct {
	blob.Bucket
	reads atomic.Int64
}

func (c *counted) Get(ctx context.Context, key string, known blob.ETag) (blob.Object, error) {
	c.reads.Add(1)
	return c.Bucket.Get(ctx, key, known)
}

func (c *counted) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	c.reads.Add(1)
	return c.Bucket.List(ctx, prefix, after, limit)
}

// growthOfTenants measures the memory of the catalog for each tenant, where tenants are
// used in turn and each must be read once only.
func growthOfTenants(ctx context.Context) (curve, error) {
	c := curve{title: "catalog of tenants with a schema each", x: "tenants", y: "kB for each tenant", aim: "6.4 kB, and no read of a cached tenant"}
	files, err := sampleFiles()
	if err != nil {
		return c, err
	}
	for _, n := range []int{100, 1000, 2000, 5000, 10_000} {
		bucket := &counted{Bucket: blob.NewMemory()}
		for i := range n {
			for name, text := range files {
				if _, err := bucket.Put(ctx, fmt.Sprintf("t%d/%s", i, filepath.Base(name)), []byte(text), nil, blob.Condition{}); err != nil {
					return c, err
				}
			}
		}
		catalog := tenant.NewCatalog(bucket, nil)
		before := heap()
		for round := range 2 {
			bucket.reads.Store(0)
			for i := range n {
				if _, err := catalog.Schema(ctx, events.TenantID(fmt.Sprint("t", i)), "evented"); err != nil {
					return c, err
				}
			}
			if reads := bucket.reads.Load(); round == 1 && reads > 0 {
				return c, fmt.Errorf("%d reads of %d cached tenants", reads, n)
			}
		}
		c.points = append(c.points, point{float64(n), float64(heap()-before) / float64(n) / 1000})
		runtime.KeepAlive(catalog)
	}
	return c, nil
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A curve is a measurement by size.
type curve struct {
	title, x, y, aim string
	points           []point
}

type point struct{ x, y float64 }

// svg draws the curve; the steps of the horizontal axis are the sizes.
func (c *curve) svg() string {
	const width, height, left, bottom, top = 480.0, 240.0, 56.0, 44.0, 28.0
	most := 0.0
	for _, p := range c.points {
		most = max(most, p.y)
	}
	var b, line strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="11">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%.0f" y="16" font-size="12">%s: %s</text>`+"\n", left, c.title, c.y)
	fmt.Fprintf(&b, `<path d="M%.0f %.0fV%.0fH%.0f" fill="none" stroke="#666"/>`+"\n", left, top, height-bottom, width-12)
	for _, share := range []float64{0, 0.5, 1} {
		y := height - bottom - share*(height-bottom-top)
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="end">%.3g</text>`+"\n", left-6, y+4, share*most)
	}
	for i, p := range c.points {
		x := left + 20 + float64(i)*(width-left-60)/float64(max(1, len(c.points)-1))
		y := height - bottom - p.y/most*(height-bottom-top)
		fmt.Fprintf(&line, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[i == 0], x, y)
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="#06c"/>`+"\n", x, y)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.0f" text-anchor="middle">%.0f</text>`+"\n", x, height-bottom+16, p.x)
	}
	fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="#06c" stroke-width="2"/>`+"\n", line.String())
	fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="end">%s</text>`+"\n</svg>\n", width-12, height-8, c.x)
	return b.String()
}
