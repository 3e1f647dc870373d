package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A benchmark of a package is what `go test -bench` printed of it: the time of
// an operation in ns, and what it reports besides, by unit.
type benchmark map[string]float64

func (b benchmark) took() time.Duration { return time.Duration(b["ns/op"]) }

// goBench runs benchmarks of a package and answers them by name, without
// "Benchmark" and the number of processors. One that was skipped is not there.
func goBench(ctx context.Context, pkg, pattern, benchtime string) (map[string]benchmark, error) {
	out, err := goTest(ctx, pkg, "-run", "^$", "-bench", pattern, "-benchtime", benchtime)
	if err != nil {
		return nil, err
	}
	found := map[string]benchmark{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
		b := benchmark{}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				b[fields[i+1]] = v
			}
		}
		found[name] = b
	}
	return found, nil
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
		found, err := goBench(ctx, "./store/"+d.name, "BenchmarkDriver/commit$/writers", d.benchtime)
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
	found, err := goBench(ctx, "./projection/csvfile", "BenchmarkChange", "3x")
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
	found, err := goBench(ctx, "./events/pattern", "BenchmarkMatcher", "100ms")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		many := found[name]
		set, isMany := strings.CutSuffix(name, "/10000")
		one := found[set+"/1"]
		if !isMany || one == nil {
			continue
		}
		t.row("match, 10,000 rules, "+strings.TrimPrefix(set, "Matcher/"), many.took().String(), one.took().String()+" with 1 rule", ratio(many.took(), one.took()), "at most 2")
	}
	return nil
}

// taking measures PutEvents over HTTP, durable before the answer, beside what
// bbolt does with the same bytes: one transaction each, or its Batch, whichever
// is faster.
func taking(ctx context.Context, t *table) error {
	found, err := goBench(ctx, "./local", "BenchmarkPutEvents/^(http|bare-update|bare-batch)$", "500ms")
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
	found, err := goBench(ctx, "./router", "BenchmarkEventToChange", "500ms")
	if err != nil {
		return err
	}
	for name, b := range found {
		t.row("bytes in to change ready"+strings.TrimPrefix(name, "EventToChange"), b.took().Round(100*time.Nanosecond).String(), "", fmt.Sprintf("%.0f allocs", b["allocs/op"]), "15 us, 120 allocs")
	}
	return nil
}
