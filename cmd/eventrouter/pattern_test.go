package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + path
	}
	event := file("event.json", `{"source":"shop","detail":{"total":50}}`)
	wants := file("pattern.json", "{\n  \"source\": [\"shop\"],\n  \"detail\": {\"total\": [{\"numeric\": [\">\", 100]}]}\n}")
	for _, c := range []struct {
		args []string
		code int
		want []string // in what is printed and said together
	}{
		{[]string{"test", "--pattern", `{"source":["shop"]}`, "--event", event}, 0, []string{"the event matches\n"}},
		{[]string{"test", "--pattern", wants, "--event", event}, 1, []string{"the event does not match\n"}},
		{[]string{"test", "--pattern", wants, "--event", `{"source":"shop","detail":{"total":101}}`, "--output", "json"}, 0, []string{"{\n  \"matches\": true\n}\n"}},
		{[]string{"test", "--pattern", wants, "--event", event, "--output", "json"}, 1, []string{"\"matches\": false"}},
		{[]string{"test", "--pattern", "{\n \"source\":\"shop\"}", "--event", event}, 2,
			[]string{`Event pattern is not valid. Reason: "source" must be an object or an array (line 2, column 11)`, "\n \"source\":\"shop\"}\n          ^ ", `"source": ["shop"]`}},
		{[]string{"test", "--pattern", `{"source":"shop"}`, "--event", event, "--output", "json"}, 2, []string{`"error": "Event pattern is not valid.`, `"line": 1`}},
		{[]string{"test", "--pattern", `{"source":["` + strings.Repeat("x", 2100) + `"]}`, "--event", event}, 2, []string{"at most 2048 are allowed"}},
		{[]string{"test", "--pattern", `{"source":["` + strings.Repeat("x", 2100) + `"]}`, "--event", event, "--max-length", "4096"}, 1, nil},
		{[]string{"test", "--pattern", wants, "--event", `{"source":`}, 2, []string{"--event: event is not valid at line 1"}},
		{[]string{"test", "--pattern", "file:///nowhere.json", "--event", event}, 2, []string{"--pattern: /nowhere.json: does not exist"}},
		{[]string{"test", "--event", event}, 2, []string{"missing flags: --pattern"}},
		{[]string{"explain", "--pattern", wants, "--event", event}, 1, []string{"✗ the event does not match\n├─ ✗ detail\n│  └─ ✗ total  wanted [{\"numeric\":[\">\",100]}]\n", "found  50", "└─ ✓ source"}},
		{[]string{"explain", "--ascii", "--pattern", wants, "--event", event}, 1, []string{"- the event does not match\n|- - detail\n"}},
		{[]string{"explain", "--pattern", `{"source":["shop"]}`, "--event", event}, 0, []string{"✓ the event matches\n"}},
		{[]string{"explain", "--pattern", wants, "--event", event, "--output", "json"}, 1, []string{`"path": "detail.total"`, `"matched": false`}},
		{[]string{"explain", "--pattern", `{"source":[{"prefiks":"a"}]}`, "--event", event}, 2, []string{"Unrecognized match type prefiks", "^ "}},
	} {
		var out, errOut bytes.Buffer
		code := run(t.Context(), append([]string{"pattern"}, c.args...), strings.NewReader(""), &out, &errOut)
		said := out.String() + errOut.String()
		if code != c.code {
			t.Errorf("%q: exit status %d, want %d:\n%s", c.args, code, c.code, said)
		}
		for _, want := range c.want {
			if !strings.Contains(said, want) {
				t.Errorf("%q: %q is missing in\n%s", c.args, want, said)
			}
		}
		if strings.Contains(said, "\x1b") {
			t.Errorf("%q: coloured where nothing is a terminal", c.args)
		}
	}
}

// TestPaintMark: only the mark is coloured, and nothing that an event holds.
func TestPaintMark(t *testing.T) {
	t.Parallel()
	p := printer{colour: true}
	for line, want := range map[string]string{
		"│  └─ ✗ total  wanted [\"✓\"]": "│  └─ \x1b[31m✗\x1b[0m total  wanted [\"✓\"]",
		"✓ the event matches":           "\x1b[32m✓\x1b[0m the event matches",
		"│     found  \"✗\"":            "│     found  \"✗\"",
	} {
		if got := p.paintMark(line); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
