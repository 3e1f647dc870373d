package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// documents returns the text of every document by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "doc/*.md", "doc/*/*.md"} {
		files, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			texts[strings.TrimPrefix(filepath.ToSlash(file), "../../")] = read(t, file)
		}
	}
	if len(texts) < 10 {
		t.Fatalf("only %d documents found", len(texts))
	}
	return texts
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	codeBlock = regexp.MustCompile("(?s)```.*?```")
	target    = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	makeCall  = regexp.MustCompile("(?m)(?:`|^)make ([a-z][a-z-]*)|&& make ([a-z][a-z-]*)")
	goTest    = regexp.MustCompile("go test [^`\n]*")
	runFlag   = regexp.MustCompile(`-(?:run|bench) '?\^?([A-Za-z]\w+)`)
	pkgArg    = regexp.MustCompile(`\./([a-z/]+)`)
)

// TestLinks checks that the files and sections that the documents link to exist.
func TestLinks(t *testing.T) {
	texts := documents(t)
	for name, text := range texts {
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
			path, section, _ := strings.Cut(m[1], "#")
			if strings.Contains(path, "://") || strings.HasPrefix(path, "mailto:") {
				continue
			}
			file := name
			if path != "" {
				file = filepath.ToSlash(filepath.Join(filepath.Dir(name), path))
			}
			if _, err := os.Stat(filepath.Join("..", "..", file)); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
				continue
			}
			if section != "" && !slices.Contains(sections(texts[file]), section) {
				t.Errorf("%s links to %s, but %s has no such section", name, m[1], file)
			}
		}
	}
}

// sections returns the anchors that GitHub gives to the headings of a text.
func sections(text string) []string {
	var anchors []string
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		anchors = append(anchors, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1]))
	}
	return anchors
}

// TestCommandsOfDocuments checks that the make targets that the documents name
// exist, and the tests and benchmarks that they run by name.
func TestCommandsOfDocuments(t *testing.T) {
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(read(t, "../../Makefile"), -1) {
		targets[m[1]] = true
	}
	cmd := exec.Command("git", "grep", "-oE", `^func (Test|Benchmark|Fuzz)\w+`, "--", "*_test.go")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("the tests cannot be listed: %v", err)
	}
	for name, text := range documents(t) {
		for _, m := range makeCall.FindAllStringSubmatch(text, -1) {
			if called := m[1] + m[2]; !targets[called] {
				t.Errorf("%s names make %s: the Makefile has no such target", name, called)
			}
		}
		for _, command := range goTest.FindAllString(text, -1) {
			run, pkg := runFlag.FindStringSubmatch(command), pkgArg.FindStringSubmatch(command)
			if run == nil || pkg == nil {
				continue
			}
			if !regexp.MustCompile(`(?m)^` + pkg[1] + `/\w+\.go:func (Test|Benchmark|Fuzz)\w*` + run[1]).Match(out) {
				t.Errorf("%s names %q: package %s has no such test or benchmark", name, command, pkg[1])
			}
		}
	}
}

// TestEveryModuleIsTested checks that make test-all tests each module of the
// repository.
func TestEveryModuleIsTested(t *testing.T) {
	makefile := read(t, "../../Makefile")
	all := regexp.MustCompile(`(?m)^test-all: ([^#\n]*)`).FindStringSubmatch(makefile)
	if all == nil {
		t.Fatal("the Makefile has no target test-all")
	}
	recipes := ""
	for _, name := range strings.Fields(all[1]) {
		m := regexp.MustCompile(`(?m)^` + name + `:.*\n((?:\t.*\n)*)`).FindStringSubmatch(makefile)
		if m == nil {
			t.Fatalf("the Makefile has no target %s", name)
		}
		recipes += m[1]
	}
	cmd := exec.Command("git", "ls-files", "go.mod", "*/go.mod")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("the modules cannot be listed: %v", err)
	}
	for file := range strings.FieldsSeq(string(out)) {
		want := "test -C " + filepath.Dir(file) + " ./..."
		if file == "go.mod" {
			want = "test ./..."
		}
		if !strings.Contains(recipes, want) {
			t.Errorf("make test-all does not run go %s", want)
		}
	}
}
