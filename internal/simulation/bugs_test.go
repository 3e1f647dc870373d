package simulation

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/internal/overlay"
)

var (
	findBugs  = flag.Bool("bugs", false, "build the program with each bug of the project's history, and search for it")
	firstOnly = flag.Bool("first", false, "report the first seed that fails, and stop")
)

// A bug is one that the project had. It is made again by replacing a text.
type bug struct {
	name     string
	file     string // in the module
	old, new string
	missed   string // why no seed can find it; "" for a bug that must be found
}

// TestBugs shows what the simulation is worth: it builds the program with each bug in
// turn, by an overlay that leaves the tree alone, and runs seeds until one fails.
//
//	go test ./internal/simulation -run TestBugs -bugs -seeds 2000 -v -timeout 0
func TestBugs(t *testing.T) {
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			path := filepath.Join("../..", b.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), b.old); n != 1 {
				t.Fatalf("the text that the bug replaces occurs %d times in %s: the table is out of date", n, b.file)
			}
			if !*findBugs {
				return
			}
			out, failed := runWith(t, path, strings.Replace(string(text), b.old, b.new, 1))
			found := regexp.MustCompile(`FOUND seed (\d+)[^\n]*\n[^\n]*`).FindString(out)
			switch {
			case b.missed != "" && !failed:
				t.Logf("not found by %d seeds: %s", *seeds, b.missed)
			case b.missed != "":
				t.Errorf("found, although it cannot be: %s", out)
			case found == "":
				t.Errorf("not found by %d seeds: %s", *seeds, out)
			default:
				t.Log(found)
			}
		})
	}
}

// runWith runs the seeds with a file replaced.
func runWith(t *testing.T, path, text string) (out string, failed bool) {
	t.Helper()
	replaced, err := overlay.Write(t.TempDir(), path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", replaced, "-count=1", "-timeout=0", "-run=^TestSeeds$", ".",
		"-args", "-seeds", fmt.Sprint(*seeds), "-first")
	all, err := cmd.CombinedOutput()
	return string(all), err != nil
}

// bugs are from the history of the project: doc/reliability.md names what was wrong.
var bugs = []bug{
	{
		name: "an event dated ahead has a second effect when its idempotency record has expired",
		file: "store/store.go",
		old:  "if c.Sent.After(now) {",
		new:  "if false {",
	},
	{
		name: "a record that an instance with the old schema deleted after its migration stays pending",
		file: "projection/project.go",
		old:  "if h.Version == \"\" || c.isForeign(&h) {",
		new:  "if h.Backend != c.layout.Backend {",
	},
	{
		name: "a record that was deleted under another backend stays in the file",
		file: "projection/project.go",
		old:  "if c.isForeign(&h) {",
		new:  "if h.Version != \"\" && h.Backend != c.layout.Backend {",
	},
	{
		name: "a record that was migrated before its object was written stays pending",
		file: "projection/project.go",
		old:  "case err != nil || c.isForeign(&h):",
		new:  "default:",
	},
	{
		name: "a row of an old copy of a file reverts a later change",
		file: "projection/projection.go",
		old:  "return h.Version != \"\" && !h.Deleted && r.isOf(h)",
		new:  "return true",
	},
	{
		name: "a row that is missing from an old copy removes a record",
		file: "projection/projection.go",
		old:  "return r.FileWrite > 0 && r.FileWrite >= h.FileWrite",
		new:  "return true",
	},
	{
		name: "a late writer's object is not compared again",
		file: "projection/project.go",
		old:  "if c.driver != nil {\n\t\tif err := c.recheck(ctx, ref); err != nil {",
		new:  "if false {\n\t\tif err := c.recheck(ctx, ref); err != nil {",
	},
	{
		name: "an object that was read before a rejected request is taken for the current one",
		file: "projection/project.go",
		old:  "if kept && len(dirty) == 1 && matches(&dirty[0], v.Observed(keys[0])) {",
		new:  "if kept && false {",
	},
	{
		name: "the write numbers of a file begin anew after the file was lost",
		file: "projection/project.go",
		old:  "after = max(after, heads[i].FileWrite)",
		new:  "after = 0 * heads[i].FileWrite",
	},
	{
		name: "progress of an older projection marks a newer record as projected",
		file: "store/rules.go",
		old:  "if s.Projected != \"\" && (h == nil || h.Version == s.Projected) {",
		new:  "if s.Projected != \"\" {",

		missed: "the recheck writes the object again before anything compares it",
	},
}
