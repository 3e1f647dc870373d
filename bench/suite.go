package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A benchmark of a package has the medians of what `go test -bench` printed of it in
// several rounds, by unit: the time of an operation in ns, and what it reports besides.
// "low" and "high" are the quartiles of the time; "cpu" is the time multiplied by the
// share of it for which the process had a processor: the CPU of an operation.
type benchmark map[string]float64

func (b benchmark) took() time.Duration { return time.Duration(b["ns/op"]) }

// spread returns the median of the time, the quartiles, and the CPU.
func (b benchmark) spread() string {
	return fmt.Sprintf("%s (%s to %s), CPU %s", short(b["ns/op"]), short(b["low"]), short(b["high"]), short(b["cpu"]))
}

func short(ns float64) string {
	switch {
	case ns >= 1e6:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	case ns >= 1e4:
		return fmt.Sprintf("%.0f us", ns/1e3)
	case ns >= 1e3:
		return fmt.Sprintf("%.2f us", ns/1e3)
	}
	return fmt.Sprintf("%.0f ns", ns)
}

// rounds is how often a benchmark is run. In each round all benchmarks of a package run
// once, so that the noise of the machine meets what is compared.
const rounds = 5

// goBench runs benchmarks of a package and returns them by name, without
// "Benchmark" and the number of processors. One that was skipped is absent.
func goBench(ctx context.Context, pkg, pattern, benchtime string, rounds int) (map[string]benchmark, error) {
	dir, err := os.MkdirTemp("", "eventrouter-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bench.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, pkg).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go test -c %s: %w\n%s", pkg, err, out)
	}
	series := map[string]map[string][]float64{}
	for range rounds {
		cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchtime", benchtime, "-test.benchmem")
		cmd.Dir, cmd.Stderr = filepath.FromSlash(pkg), os.Stderr
		start := time.Now()
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("benchmarks of %s: %w\n%s", pkg, err, out)
		}
		busy := float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / float64(time.Since(start))
		for line := range strings.Lines(string(out)) {
			addLine(series, strings.Fields(line), busy)
		}
	}
	found := map[string]benchmark{}
	for name, units := range series {
		found[name] = benchmark{}
		for unit, values := range units {
			slices.Sort(values)
			found[name][unit] = values[len(values)/2]
			if unit == "ns/op" {
				found[name]["low"], found[name]["high"] = values[len(values)/4], values[len(values)*3/4]
			}
		}
	}
	return found, nil
}

// addLine adds a line of the output of a benchmark to its series.
func addLine(series map[string]map[string][]float64, fields []string, busy float64) {
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return
	}
	name := strings.TrimPrefix(fields[0], "Benchmark")
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		name = name[:i]
	}
	if series[name] == nil {
		series[name] = map[string][]float64{}
	}
	for i := 2; i+1 < len(fields); i += 2 {
		if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
			series[name][fields[i+1]] = append(series[name][fields[i+1]], v)
			if fields[i+1] == "ns/op" {
				series[name]["cpu"] = append(series[name]["cpu"], v*busy)
			}
		}
	}
}

func goTest(ctx context.Context, pkg string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"test", "-count=1"}, args...), pkg)...)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go test %s: %w\n%s", pkg, err, out.String())
	}
	return out.String(), nil
}

// drivers measures commits a second of each ledger, DynamoDB by DynamoDB Local:
// what AWS needs for them is AWS's.
func drivers(ctx context.Context, t *table) error {
	for _, d := range []struct{ name, benchtime string }{{"memstore", "500ms"}, {"boltstore", "500ms"}, {"dynamostore", "200x"}} {
		found, err := goBench(ctx, "./store/"+d.name, "BenchmarkDriver/commit$/writers", d.benchtime, 3)
		if err != nil {
			return err
		}
		one, many := found["Driver/commit/writers=1"], found["Driver/commit/writers=64"]
		if one == nil || many == nil {
			t.row("commits a second, "+d.name, "not measured: its tool is missing (make tools)", "", "", "reported")
			continue
		}
		t.row("commits a second, "+d.name, fmt.Sprintf("%.0f by 1 writer, %.0f by 64", one["op/s"], many["op/s"]), "", "", "reported")
	}
	return nil
}

var costLine = regexp.MustCompile(`cost: (.*): (.*), ([0-9.]+) units`)

// costs counts AWS calls and capacity units of an event, by operation.
func costs(ctx context.Context, t *table) error {
	out, err := goTest(ctx, "./store/dynamostore", "-v", "-run", "TestCosts")
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(strings.NewReader(out))
	counted := 0
	for lines.Scan() {
		if m := costLine.FindStringSubmatch(lines.Text()); m != nil {
			t.row("DynamoDB calls of an event, "+m[1], m[2], "", "", m[3]+" capacity units")
			counted++
		}
	}
	if counted == 0 {
		t.row("DynamoDB calls of an event", "not counted: DynamoDB Local is missing (make tools)", "", "", "")
	}
	return nil
}

// files measures one change of one record in CSV files of several sizes: what a
// megabyte costs must not grow with the file.
func files(ctx context.Context, t *table) error {
	found, err := goBench(ctx, "./projection/csvfile", "BenchmarkChange", "3x", 1)
	if err != nil {
		return err
	}
	small := found["Change/1MB"]
	for _, size := range []struct {
		name string
		mb   float64
	}{{"1MB", 1}, {"10MB", 10}, {"49MB", 49}} {
		b, ok := found["Change/"+size.name]
		if !ok || small == nil {
			return fmt.Errorf("BenchmarkChange/%s was not run", size.name)
		}
		t.row("CSV, one change in "+size.name, ms(b.took()), "", fmt.Sprintf("%.2f a MB", b["ns/op"]/size.mb/small["ns/op"]), "linear: about 1.00 a MB")
	}
	return nil
}

// rules measures matching one event against many rules.
func rules(ctx context.Context, t *table) error {
	found, err := goBench(ctx, "./events/pattern", "BenchmarkMatcher|BenchmarkMatchJSON", "20ms", rounds)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		many := found[name]
		set, isMany := strings.CutSuffix(name, "/10000")
		one := found[set+"/1"]
		if !isMany || one == nil || set == "MatchJSON" {
			continue
		}
		t.row("match, 10,000 rules, "+strings.TrimPrefix(set, "Matcher/"), many.spread(), one.spread()+" with 1 rule", fmt.Sprintf("%.2f", many["cpu"]/one["cpu"]), "at most 2")
	}
	for _, n := range []string{"1", "10000"} {
		if b := found["MatchJSON/"+n]; b != nil {
			t.row("parse and match 1.1 kB, rules: "+n, b.spread(), "", fmt.Sprintf("%.0f allocs", b["allocs/op"]), "1.5 us")
		}
	}
	return nil
}

// taking measures PutEvents over HTTP, durable before the answer, beside what
// bbolt does with the same bytes: one transaction each, or its Batch, whichever
// is faster.
func taking(ctx context.Context, t *table) error {
	found, err := goBench(ctx, "./local", "BenchmarkPutEvents/^(http|bare-update|bare-batch)$", "300ms", 3)
	if err != nil {
		return err
	}
	for _, writers := range []string{"1", "64"} {
		ours, update, batch := found["PutEvents/http/"+writers], found["PutEvents/bare-update/"+writers], found["PutEvents/bare-batch/"+writers]
		if ours == nil || update == nil || batch == nil {
			return fmt.Errorf("BenchmarkPutEvents was not run with %s writers", writers)
		}
		bare := min(update["ns/op"], batch["ns/op"])
		t.row("local PutEvents, durable, senders: "+writers, fmt.Sprintf("%.0f/s", 1e9/ours["ns/op"]), fmt.Sprintf("bare bbolt %.0f/s", 1e9/bare),
			fmt.Sprintf("%.2f", bare/ours["ns/op"]), "at least 0.5")
	}
	return nil
}

// wayIn measures from the event's bytes to the ledger's change.
func wayIn(ctx context.Context, t *table) error {
	found, err := goBench(ctx, "./router", "BenchmarkEventToChange", "100ms", 3*rounds)
	if err != nil {
		return err
	}
	for name, b := range found {
		t.row("bytes in to change ready"+strings.TrimPrefix(name, "EventToChange"), b.spread(), "", fmt.Sprintf("%.0f allocs", b["allocs/op"]), "8 us, 80 allocs, with the request")
	}
	return nil
}
