// Command bench measures the event router beside something to compare it with,
// in one run, since machines are noisy and only ratios last. doc/benchmarks.md
// explains the figures.
//
//	go run ./bench [wayin] [handlers] [latency] [taking] [drivers] [costs] [files] [rules] [rest] [pipeline]
//	go run ./bench curves growth   costs by size, with curves in doc/benchmarks; a million local events
//	go run ./bench compare A B     cold start and CPU of bootstrap binaries
//	go run ./bench profile FILE    a CPU profile of the function, for the compiler
//
// Without arguments all sections are measured but curves and growth, which take long.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == plainServer {
		fmt.Fprintln(os.Stderr, servePlain(os.Args[2]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t := newTable()
	if out := os.Getenv(envProfile); out != "" {
		exitOn("profile", serveProfiled(out))
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "compare" {
		exitOn("compare", compare(ctx, t, os.Args[2:]))
		t.print()
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "profile" {
		exitOn("profile", profile(ctx, os.Args[2]))
		return
	}
	for _, section := range []struct {
		name string
		run  func(context.Context, *table) error
	}{
		{"wayin", wayIn}, {"handlers", handlers}, {"latency", latency}, {"taking", taking},
		{"drivers", drivers}, {"costs", costs}, {"files", files}, {"rules", rules},
		{"rest", restPosts}, {"pipeline", pipeline}, {"curves", curves}, {"growth", growth},
	} {
		if long := section.name == "curves" || section.name == "growth"; long && len(os.Args) == 1 {
			continue
		}
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], section.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s ...\n", section.name)
		exitOn(section.name, section.run(ctx, t))
	}
	t.print()
}

func exitOn(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", what, err)
		os.Exit(1)
	}
}

// A table collects one row a measurement.
type table struct{ w *tabwriter.Writer }

func newTable() *table {
	t := &table{tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)}
	fmt.Fprintln(t.w, "WHAT\tOURS\tBESIDE\tRATIO\tAIM")
	return t
}

func (t *table) row(what, ours, beside, ratio, aim string) {
	fmt.Fprintf(t.w, "%s\t%s\t%s\t%s\t%s\n", what, ours, beside, ratio, aim)
}

func (t *table) print() { _ = t.w.Flush() }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
func us(d time.Duration) string { return fmt.Sprintf("%.0f us", float64(d.Nanoseconds())/1000) }
func mb(n int64) string         { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// A spread is the median of several measurements, and the quartiles around it.
type spread struct{ low, median, high time.Duration }

func spreadOf(d []time.Duration) spread {
	return spread{percentile(d, 25), percentile(d, 50), percentile(d, 75)}
}

func (s spread) String() string {
	show := us
	if s.median >= time.Millisecond {
		show = ms
	}
	unit := show(s.high)[len(show(s.high))-2:]
	return fmt.Sprintf("%s (%s to %s)", show(s.median), strings.TrimSuffix(show(s.low), " "+unit), show(s.high))
}

func percentile(d []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
