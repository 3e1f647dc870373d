package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// testCommand is a command of the table.
type testCommand struct {
	path  string
	node  *kong.Node
	flags []*kong.Flag
}

// allCommands returns the program and its commands, without hidden ones.
func allCommands(t *testing.T) (list []testCommand) {
	t.Helper()
	parser, err := newParser(&commands{}, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var visit func(n *kong.Node, path string)
	visit = func(n *kong.Node, path string) {
		c := testCommand{path: path, node: n}
		for _, group := range n.AllFlags(true) {
			c.flags = append(c.flags, group...)
		}
		list = append(list, c)
		for _, below := range n.Children {
			if !below.Hidden {
				visit(below, strings.TrimSpace(path+" "+below.Name))
			}
		}
	}
	visit(parser.Model.Node, "")
	return list
}

// TestHelp compares the help of every command with a golden file.
func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "")
	var all bytes.Buffer
	for _, d := range allCommands(t) {
		args := append(strings.Fields(d.path), "--help")
		code, out, errOut := runCLI(t, "", args...)
		if code != 0 || errOut != "" || out == "" {
			t.Errorf("%q: exit code %d, %s", args, code, errOut)
		}
		if !strings.Contains(out, "\nExamples:\n  ") {
			t.Errorf("the help of %q has no examples", d.path)
		}
		all.WriteString("$ eventrouter " + strings.Join(args, " ") + "\n" + out + "\n")
		// help COMMAND prints the same.
		if code, same, _ := runCLI(t, "", append([]string{"help"}, strings.Fields(d.path)...)...); code != 0 || same != out {
			t.Errorf("eventrouter help %s: exit code %d, and not the text of --help", d.path, code)
		}
	}
	golden := filepath.Join("testdata", "help.golden")
	if *update {
		if err := os.WriteFile(golden, all.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("help texts differ from %s; if that is intended: go test ./cmd/eventrouter -run TestHelp -update\n%s", golden, diff)
	}
	if code, out, _ := runCLI(t, ""); code != 0 || !strings.HasPrefix(out, "Usage: eventrouter") {
		t.Errorf("without arguments: exit code %d\n%s", code, out)
	}
}

// TestExamples checks that every example is a valid command line, and that every
// entry of examples belongs to a command.
func TestExamples(t *testing.T) {
	known := map[string]bool{}
	for _, d := range allCommands(t) {
		known[d.path] = true
	}
	for path, list := range examples {
		if !known[path] {
			t.Errorf("examples of %q: there is no such command", path)
		}
		for _, example := range list {
			line := regexp.MustCompile(`^(?:[A-Z_]+=\$\(|source <\()?eventrouter ?(.*?)\)?(?: [<>] \S+)?$`).FindStringSubmatch(example)
			if line == nil {
				t.Errorf("%q: no command line", example)
				continue
			}
			if path != "" && !strings.HasPrefix(line[1], path) {
				t.Errorf("%q is no example of %s", example, path)
			}
			parser, err := newParser(&commands{}, io.Discard, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			args := splitWords(line[1])
			// Files of examples do not exist here.
			if _, err := parser.Parse(args); err != nil && !strings.Contains(err.Error(), "does not exist") {
				t.Errorf("%q: %v", example, err)
			}
		}
	}
}

// splitWords splits a command line at blanks outside of single quotes.
func splitWords(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

func TestVersion(t *testing.T) {
	code, out, errOut := runCLI(t, "", "--version")
	if code != 0 || !regexp.MustCompile(`^eventrouter \S+.*\n$`).MatchString(out) || errOut != "" {
		t.Errorf("exit code %d, %q, %q", code, out, errOut)
	}
}

// TestFormerNames checks that names of earlier versions are accepted, and not shown.
func TestFormerNames(t *testing.T) {
	for former, now := range map[string]string{
		"types infer a.json --out x":           "types from-example a.json --out x",
		"events tail --no-follow":              "events tail",
		"tenant init acme --dir x":             "tenant init acme --schemas x",
		"replay --archive a --from 1h --to 2h": "replay --archive a --since 1h --until 2h",
	} {
		for _, line := range []string{former, now} {
			parser, err := newParser(&commands{}, io.Discard, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(strings.Fields(line)); err != nil && !strings.Contains(err.Error(), "a.json: does not exist") {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	for _, d := range allCommands(t) {
		if d.path == "types infer" {
			t.Error("types infer is not hidden")
		}
	}
}

func TestManualPage(t *testing.T) {
	code, page, errOut := runCLI(t, "", "man")
	if code != 0 || errOut != "" {
		t.Fatalf("exit code %d, %s", code, errOut)
	}
	roff := func(text string) string {
		return strings.NewReplacer("\\", `\e`, "-", `\-`, "'", `\(aq`, "`", "\\(ga").Replace(text)
	}
	for _, d := range allCommands(t)[1:] {
		if !strings.Contains(page, ".SS "+roff("eventrouter "+d.node.Summary())+"\n") {
			t.Errorf("the page has no section of %s", d.path)
		}
		for _, f := range d.flags {
			if !strings.Contains(page, roff(f.String())) {
				t.Errorf("the page does not have the flag --%s of %s", f.Name, d.path)
			}
		}
	}
	for _, want := range []string{"EVENTROUTER_ENDPOINT_URL", "AWS_ENDPOINT_URL", "EXIT STATUS"} {
		if !strings.Contains(page, roff(want)) {
			t.Errorf("the page does not have %s", want)
		}
	}
	request := regexp.MustCompile(`^\.(TH|SH|SS|TP|PP|B|I|nf|fi|RS|RE)\b`)
	for i, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !request.MatchString(line) {
			t.Errorf("line %d is read as a request: %s", i+1, line)
		}
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Log("mandoc is not installed: the page is not checked by it")
		return
	}
	cmd := exec.Command("mandoc", "-Tlint", "-W", "error")
	cmd.Stdin = strings.NewReader(page)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

// TestCompletion completes words in each shell that is installed.
func TestCompletion(t *testing.T) {
	// Each test prints one candidate a line for the last word.
	shells := map[string]struct {
		script string
		args   func(words []string) []string // of the script, after the file
	}{
		"bash": {`source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1));
			_eventrouter; printf '%s\n' "${COMPREPLY[@]}"`, func(words []string) []string { return words }},
		"zsh": {`compdef() { :; }; compadd() { shift; print -l -- "$@" | grep -- "^$cur"; }; compset() { cur=${cur#*=}; }; _files() { ls -d "$cur"*; }
			_describe() { print -l -- ${items%%:*} | grep -- "^$cur"; }
			source "$1"; shift; words=("$@"); CURRENT=$#words; _eventrouter; true`, func(words []string) []string { return words }},
		"fish": {`source $argv[1]; complete -C "$argv[2]" | string replace -r '\t.*' ''; true`,
			func(words []string) []string { return []string{strings.Join(words, " ")} }},
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "samples.json"), "{}")
	for shell, s := range shells {
		t.Run(shell, func(t *testing.T) {
			require(t, shell, shell+" is missing: apt-get install "+shell, shell, "--version")
			code, script, errOut := runCLI(t, "", "completion", shell)
			if code != 0 {
				t.Fatalf("exit code %d, %s", code, errOut)
			}
			file := filepath.Join(dir, "completion."+shell)
			write(t, file, script)
			for _, c := range []struct {
				line   string // the last word is completed
				want   []string
				absent []string
			}{
				{"eventrouter ke", []string{"keys"}, []string{"records", "keys create"}},
				{"eventrouter keys ", []string{"create", "list", "rotate", "revoke", "export", "import"}, []string{"keys", "serve"}},
				{"eventrouter keys create --te", []string{"--tenant"}, []string{"--quiet", "--limit"}},
				{"eventrouter keys create --", []string{"--tenant", "--quiet", "--output", "--aws"}, []string{"--limit"}},
				{"eventrouter --output ", []string{"text", "json"}, []string{"keys"}},
				{"eventrouter usage --tenant acme --output j", []string{"json"}, []string{"text"}},
				{"eventrouter completion ", []string{"bash", "zsh", "fish"}, nil},
				{"eventrouter tenant lint --format g", []string{"github"}, []string{"text"}},
				{"eventrouter tenant add-schema schemas/acme x --from samp", nil, []string{"text"}},
				{"eventrouter types ", []string{"export", "from-example", "publish", "decode"}, []string{"infer"}},
				{"eventrouter tenant lint samp", []string{"samples.json"}, nil},
			} {
				args := []string{"-c", s.script}
				if shell != "fish" {
					args = append(args, shell)
				}
				args = append(args, file)
				cmd := exec.Command(shell, append(args, s.args(strings.Split(c.line, " "))...)...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Errorf("%q: %v\n%s", c.line, err, out)
				}
				got := strings.Fields(string(out))
				for _, want := range c.want {
					if !slices.Contains(got, want) {
						t.Errorf("%q does not offer %s, but %q", c.line, want, got)
					}
				}
				for _, absent := range c.absent {
					if slices.Contains(got, absent) {
						t.Errorf("%q offers %s: %q", c.line, absent, got)
					}
				}
			}
		})
	}
}
