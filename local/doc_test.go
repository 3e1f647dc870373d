package local_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/blockforger/eventrouter/local"
)

var update = flag.Bool("update", false, "write doc/local.md's table of operations anew")

// TestOperationsTable keeps the table of doc/local.md true.
//
//	go test ./local -run OperationsTable -update
func TestOperationsTable(t *testing.T) {
	t.Parallel()
	const file, from, until = "../doc/local.md", "<!-- operations -->\n", "<!-- end -->\n"
	m := start(t, t.TempDir(), local.Options{}, nil)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), from)
	_, after, ended := strings.Cut(rest, until)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", file)
	}
	served := m.Operations()
	table := "\n| service | number | operations |\n|---|---|---|\n"
	for _, service := range slices.Sorted(maps.Keys(served)) {
		var names []string
		for _, op := range served[service] {
			names = append(names, kebab(op.Name))
		}
		slices.Sort(names)
		names = slices.Compact(names)
		table += fmt.Sprintf("| `%s` | %d | %s |\n", service, len(names), strings.Join(names, ", "))
	}
	want := before + from + table + "\n" + until + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("the table of %s is not that of Server.Operations; write it anew: go test ./local -run OperationsTable -update", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// kebab is an operation's name as the AWS CLI has it.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
