package main

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// documents lists the documents of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../doc/*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(files, "../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md")
}

// documentBlock is a block of code in a document.
type documentBlock struct {
	file, marker, language, text string
	line                         int
}

var fencedBlock = regexp.MustCompile("(?ms)(?:^ *<!-- ([^\n]*?) -->\n)?^( *)```([a-z]*)\n(.*?)^ *```$")

func blocksOf(t *testing.T, file string) (list []documentBlock) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fencedBlock.FindAllSubmatchIndex(text, -1) {
		b := documentBlock{file: filepath.Base(file), line: bytes.Count(text[:m[0]], []byte("\n")) + 1, language: string(text[m[6]:m[7]])}
		if m[2] >= 0 {
			b.marker = string(text[m[2]:m[3]])
		}
		indent := string(text[m[4]:m[5]])
		for line := range strings.Lines(string(text[m[8]:m[9]])) {
			b.text += strings.TrimPrefix(line, indent)
		}
		list = append(list, b)
	}
	return list
}

// runBlocks are the markers of blocks that a test runs, by document.
var runBlocks = map[string]*regexp.Regexp{
	"README.md":  regexp.MustCompile(`^test: (key|aws|eventrouter|look|rest)$`), // TestReadme
	"local.md":   regexp.MustCompile(`^test: [a-z]+$`),                          // TestEverydayWork, TestPythonBlock
	"tenants.md": regexp.MustCompile(`^run$`),                                   // TestTenantsDoc
}

// gnuOnly matches flags that the tools of macOS and BSD do not have.
var gnuOnly = regexp.MustCompile(`\bdate (-u )?(-d|--date)|\bsed -i |\bgrep -P|\breadlink -f|\bbase64 -w|\bxargs -r`)

// TestBlocks checks that a test runs every block of every document. A block that no test
// can run is marked with the reason; its syntax is checked, and it is listed.
func TestBlocks(t *testing.T) {
	require(t, "bash", "bash is missing: apt-get install bash", "bash", "--version")
	require(t, "zsh", "zsh is missing: apt-get install zsh", "zsh", "--version")
	require(t, "python3", "Python is missing: apt-get install python3", "python3", "--version")
	notRun := regexp.MustCompile(`^test: none, (\S.*)$`)
	comment := regexp.MustCompile(`(^|\s)#\s`)
	var listed []string
	total := 0
	for _, file := range documents(t) {
		for _, b := range blocksOf(t, file) {
			total++
			at := fmt.Sprintf("%s:%d", b.file, b.line)
			switch b.language {
			case "sh":
				if found := gnuOnly.FindString(b.text); found != "" {
					t.Errorf("%s: %s exists only in the GNU tools", at, found)
				}
				reason := notRun.FindStringSubmatch(b.marker)
				run := runBlocks[b.file] != nil && runBlocks[b.file].MatchString(b.marker)
				switch {
				case reason != nil:
					listed = append(listed, at+": "+reason[1])
					for _, shell := range [][]string{{"bash", "-n"}, {"zsh", "-f", "-n"}} {
						cmd := exec.Command(shell[0], shell[1:]...)
						cmd.Stdin = strings.NewReader(b.text)
						if out, err := cmd.CombinedOutput(); err != nil {
							t.Errorf("%s: %s: %v\n%s", at, shell[0], err, out)
						}
					}
					// zsh does not know comments on its command line.
					if comment.MatchString(b.text) {
						t.Errorf("%s: a comment, which zsh rejects on its command line: write it outside of the block", at)
					}
				case !run:
					t.Errorf("%s: no test runs the block, and <!-- test: none, REASON --> does not say why", at)
				}
			case "json":
				text := strings.TrimSpace(b.text)
				if text[0] != '{' && text[0] != '[' { // members of an object
					text = "{" + text + "}"
				}
				if !jsontext.Value(text).IsValid() {
					t.Errorf("%s: not valid JSON", at)
				}
			case "go":
				if !parsesAsGo(b.text) {
					t.Errorf("%s: not valid Go", at)
				}
			case "python":
				if b.marker != "test: python" {
					t.Errorf("%s: no test runs the block", at)
				}
			case "properties":
				if !strings.HasPrefix(b.marker, "file: ") { // TestTenantsDoc serves it
					t.Errorf("%s: no test uses the block", at)
				}
			case "":
				if !strings.HasPrefix(b.marker, "shows") {
					t.Errorf("%s: output that no test compares; text that is no output is marked with ```text", at)
				}
			case "text", "mermaid":
			default:
				t.Errorf("%s: a block in %s", at, b.language)
			}
		}
	}
	if total < 60 {
		t.Errorf("only %d blocks found", total)
	}
	slices.Sort(listed)
	t.Logf("%d of %d blocks are not run; their syntax is checked:\n%s", len(listed), total, strings.Join(listed, "\n"))
}

// parsesAsGo reports whether a text consists of declarations or statements.
func parsesAsGo(text string) bool {
	for _, file := range []string{"package p\n" + text, "package p\nfunc f() {\n" + text + "\n}"} {
		if _, err := parser.ParseFile(token.NewFileSet(), "block.go", file, 0); err == nil {
			return true
		}
	}
	return false
}

// inShell runs a script in bash, or in zsh as a user types it: line by line in an
// interactive shell without start-up files. It ends at the first error.
func inShell(t *testing.T, shell, script string) *exec.Cmd {
	t.Helper()
	if shell == "bash" {
		return exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	}
	cmd := exec.CommandContext(t.Context(), "zsh", "-f", "-i", "-e", "-o", "pipefail")
	cmd.Stdin = strings.NewReader(script)
	return cmd
}

// eachShell runs a test in bash and in zsh.
func eachShell(t *testing.T, test func(t *testing.T, shell string)) {
	t.Helper()
	for _, shell := range []string{"bash", "zsh"} {
		t.Run(shell, func(t *testing.T) {
			require(t, shell, shell+" is missing: apt-get install "+shell, shell, "--version")
			test(t, shell)
		})
	}
}

// TestInteractiveZsh checks that inShell finds what only zsh rejects.
func TestInteractiveZsh(t *testing.T) {
	require(t, "zsh", "zsh is missing: apt-get install zsh", "zsh", "--version")
	for script, fails := range map[string]bool{
		"true\n":                               false,
		"# a comment\n":                        true,
		"curl='echo -n'\n$curl x\n":            true,
		"call() { echo -n \"$@\"; }\ncall x\n": false,
		"false\ntrue\n":                        true,
	} {
		out, err := inShell(t, "zsh", script).CombinedOutput()
		if (err != nil) != fails {
			t.Errorf("%q: %v, %s", script, err, out)
		}
	}
}

// TestPythonBlock runs the Python of doc/local.md.
func TestPythonBlock(t *testing.T) {
	t.Parallel()
	require(t, "boto3", "boto3 is missing: pip install boto3==1.43.11", "python3", "-c", "import boto3")
	srv, _ := serveHere(t, sampleSchemas)
	run := 0
	for _, b := range blocksOf(t, "../../doc/local.md") {
		if b.language != "python" {
			continue
		}
		run++
		script := strings.ReplaceAll(b.text, "http://127.0.0.1:4010", srv.url) + "\nprint('sent')\n"
		if out, err := exec.CommandContext(t.Context(), "python3", "-c", script).CombinedOutput(); err != nil || string(out) != "sent\n" {
			t.Errorf("line %d: %v\n%s", b.line, err, out)
		}
	}
	if run == 0 {
		t.Error("doc/local.md has no block of Python")
	}
}
