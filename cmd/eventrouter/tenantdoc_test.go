package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/internal/admin"
)

var docBlock = regexp.MustCompile("(?s)<!-- (file|run|shows):? ?([^ ]*) ?-->\n```[a-z]*\n(.*?)```")

// TestTenantsDoc serves the files that doc/tenants.md shows, types what it
// types, and looks for what it says comes out.
func TestTenantsDoc(t *testing.T) { eachShell(t, testTenantsDoc) }

func testTenantsDoc(t *testing.T, shell string) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	text, err := os.ReadFile("../../doc/tenants.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := docBlock.FindAllStringSubmatch(string(text), -1)
	dir := t.TempDir()
	for _, b := range blocks {
		if b[1] == "file" {
			write(t, filepath.Join(dir, "schemas", b[2]), b[3])
		}
	}
	srv, _ := serveHere(t, filepath.Join(dir, "schemas"))
	key := makeKey(t, srv.url, "acme").Key
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "bin", "eventrouter")); err != nil {
		t.Fatal(err)
	}
	before, output, ran, shown := "", "", 0, 0
	for _, b := range blocks {
		switch b[1] {
		case "run":
			// Functions and variables of earlier blocks are used in later ones.
			script := b[3]
			cmd := inShell(t, shell, before+script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), asCommand+"=1", "EVENTROUTER_ENDPOINT_URL="+srv.url, "SERVER="+srv.url, "EVENTROUTER_KEY="+key)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v:\n%s\n%s", err, b[3], out)
			}
			output = strings.ReplaceAll(string(out), "\r", "")
			if i := strings.Index(script, "\n\n"); i > 0 && before == "" && strings.Contains(script, "api()") {
				before = script[:i] + "\n"
			}
			if ran++; ran == 1 {
				waitForRecord(t, srv)
			}
		case "shows":
			shown++
			for line := range strings.Lines(b[3]) {
				pattern := ".*" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), "…", ".*")
				pattern = strings.ReplaceAll(pattern, "  ", " +")
				if !regexp.MustCompile(pattern).MatchString(output) {
					t.Errorf("this does not come out: %s\n%s", line, output)
				}
			}
		}
	}
	if ran < 8 || shown < 7 {
		t.Errorf("%d blocks were typed, and %d compared", ran, shown)
	}
}

func waitForRecord(t *testing.T, srv *server) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		page, err := srv.admin.ListRecords(t.Context(), admin.RecordQuery{Tenant: "acme", Schema: "orders"})
		if err == nil && len(page.Records) == 1 {
			return
		}
	}
	t.Fatal("the event had no effect")
}
