package aws_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const packages = "github.com/blockforger/eventrouter/events/aws"

// TestOneServiceLinksOne: a program with one service has nothing of the others,
// and neither it nor one with all services does work at its start.
func TestOneServiceLinksOne(t *testing.T) {
	dir := t.TempDir()
	sizes := make(map[string]int64)
	for name, services := range map[string]int{"one": 1, "all": 125} {
		file := filepath.Join(dir, name)
		goRun(t, "build", "-trimpath", "-ldflags=-s -w", "-o", file, "./testdata/"+name)
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		sizes[name] = info.Size()

		linked := 0
		for pkg := range strings.Lines(goRun(t, "list", "-deps", "./testdata/"+name)) {
			if strings.HasPrefix(pkg, packages+"/") && !strings.Contains(pkg, "/testdata/") {
				linked++
			}
		}
		if linked != services {
			t.Errorf("program %s links %d services, want %d", name, linked, services)
		}

		cmd := exec.Command(file)
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		cmd.Stdin = bytes.NewReader(taskChange(t))
		var trace bytes.Buffer
		cmd.Stderr = &trace
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), "ecs.TaskStateChange") {
			t.Fatalf("program %s: %s %v\n%s", name, out, err, &trace)
		}
		if !strings.Contains(trace.String(), "init runtime @") {
			t.Fatalf("no trace of initializations:\n%s", &trace)
		}
		for line := range strings.Lines(trace.String()) {
			if strings.HasPrefix(line, "init "+packages) {
				t.Errorf("program %s does work at its start: %s", name, line)
			}
		}
	}
	t.Logf("one service %d kB, all services %d kB", sizes["one"]>>10, sizes["all"]>>10)
	if sizes["one"] > 6<<20 || sizes["all"] > 16<<20 {
		t.Errorf("a program of one service has %d bytes, of all %d; want at most 6 MiB and 16 MiB", sizes["one"], sizes["all"])
	}
}

// TestCompileTime measures how long the packages take to compile, when
// EVENTROUTER_MEASURE is set: the build cache is not used for them.
func TestCompileTime(t *testing.T) {
	if os.Getenv("EVENTROUTER_MEASURE") == "" {
		t.Skip("EVENTROUTER_MEASURE is not set")
	}
	for name, limit := range map[string]time.Duration{"ecs": 10 * time.Second, "...": time.Minute} {
		pattern := packages + "/" + name
		goRun(t, "build", pattern) // what they import
		start := time.Now()
		goRun(t, "build", fmt.Sprintf("-gcflags=%s=-trimpath=/nowhere%d", pattern, start.UnixNano()), pattern)
		took := time.Since(start)
		t.Logf("%s compiles in %v", pattern, took.Round(time.Millisecond))
		if took > limit {
			t.Errorf("%s compiles in %v, want %v at most", pattern, took, limit)
		}
	}
}

func goRun(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}
