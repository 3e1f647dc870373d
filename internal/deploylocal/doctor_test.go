package deploylocal

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// A doctor is the command line's: what it says of the deployed stack.
type doctor string

func buildDoctor(t *testing.T) doctor {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "eventrouter")
	build := exec.Command("go", "build", "-o", binary, "./cmd/eventrouter")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return doctor(binary)
}

// finds fails the test unless these checks, and no others, find something wrong.
func (d doctor) finds(t *testing.T, c *cloud, want ...string) {
	t.Helper()
	cmd := exec.Command(string(d), "doctor", "--aws", "--environment", "dev", "--output", "json")
	cmd.Env = c.environ
	out, err := cmd.Output()
	if (err != nil) != (len(want) > 0) {
		t.Errorf("doctor: %v", err)
	}
	var said struct {
		Findings []struct{ Check, Wrong, Do string }
	}
	if err := json.Unmarshal(out, &said); err != nil || len(said.Findings) == 0 {
		t.Fatalf("doctor says %s, %v", out, err)
	}
	var got []string
	for _, f := range said.Findings {
		if f.Wrong != "" {
			got = append(got, f.Check)
			if f.Do == "" && f.Check != "table" {
				t.Errorf("doctor does not say what to type about %s: %s", f.Check, f.Wrong)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("doctor finds wrong: %q, want %q\n%s", got, want, out)
	}
}
