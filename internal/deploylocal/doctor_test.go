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

// sends runs `doctor --send --alarm`. moto delivers no event to a function, so the
// steps that need one are not checked; nothing may be reported as wrong.
func (d doctor) sends(t *testing.T, c *cloud) {
	t.Helper()
	cmd := exec.Command(string(d), "doctor", "--aws", "--environment", "dev", "--output", "json", "--send", "--alarm")
	cmd.Env = c.environ
	out, err := cmd.Output()
	var said struct{ Findings []finding }
	if json.Unmarshal(out, &said) != nil || err != nil {
		t.Fatalf("doctor --send: %v\n%s", err, out)
	}
	got := map[string]string{}
	for _, f := range said.Findings {
		if f.NotChecked != "" {
			got[f.Check] = "not checked"
		} else {
			got[f.Check] = "passed"
		}
	}
	for _, want := range []struct{ check, result string }{
		{"test tenant", "passed"}, {"input event", "not checked"}, {"ledger", "not checked"}, {"output event", "not checked"},
		{"test function", "not checked"}, {"dead letter", "not checked"}, {"retry", "not checked"}, {"clean up", "passed"},
	} {
		if got[want.check] != want.result {
			t.Errorf("%s: %s, want %s\n%s", want.check, got[want.check], want.result, out)
		}
	}
	t.Logf("doctor --send --alarm:\n%s", out)
}
