package csvfile_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/store"
)

const (
	functionMemory = 512 << 20 // of the function in the stack
	envPeak        = "CSVFILE_PEAK"
)

// A function of 512 MB updates the largest file that is supported, with the settings of
// the stack. The peak is that of the process, changes included that follow one another.
func TestPeakOfLargestFile(t *testing.T) {
	if directory := os.Getenv(envPeak); directory != "" {
		changeLargestFile(t, directory)
		return
	}
	if testing.Short() {
		t.Skip("the file has 49 MB")
	}
	directory := t.TempDir()
	bucket, err := blob.OpenDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	padding := strings.Repeat("x", 153)
	var heads []store.Record
	for i := range 49 << 20 / 256 {
		k := fmt.Sprintf("pet-%08d", i)
		heads = append(heads, head(k, fmt.Sprintf(`{"id":%q,"name":"Rex of Example","tag":"a, b, %s","n":%d.25,"more":{"owner":"someone","weight":12}}`, k, padding, i)))
	}
	project(t, bucket, layout, heads...)
	if size := len(content(t, bucket)); size < 45<<20 {
		t.Fatalf("the file has %d bytes", size)
	}
	if err := bucket.Close(); err != nil { // for the other process
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPeakOfLargestFile$", "-test.v")
	cmd.Env = append(os.Environ(), envPeak+"="+directory, names.EnvGC+"="+names.GC, names.EnvMemoryLimit+"="+names.MemoryLimit(functionMemory>>20))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, text, _ := bytes.Cut(out, []byte("VmHWM:"))
	peak, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("peak: %d MB", peak>>10)
	if peak<<10 > functionMemory {
		t.Errorf("the peak is %d MB, the function has %d", peak>>10, functionMemory>>20)
	}
}

func changeLargestFile(t *testing.T, directory string) {
	bucket, err := blob.OpenDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	p := csvfile.New(bucket)
	for i := range 5 {
		k := fmt.Sprintf("pet-%08d", i)
		file, err := p.Open(t.Context(), pets, layout, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(t.Context(), []store.Record{head(k, fmt.Sprintf(`{"id":%q,"n":%d}`, k, -i))}, 0); err != nil {
			t.Fatal(err)
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Print(line)
		}
	}
}
