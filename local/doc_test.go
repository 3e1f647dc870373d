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

// TestOperationsTable compares the table of doc/local.md with what is served and
// tested. It needs botocore, whose models say which members are not served.
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
	table := operationsTable(t, m)
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

// operationsTable is the table of doc/local.md.
func operationsTable(t *testing.T, m *machine) string {
	served := m.Operations()
	models := loadModels(t, slices.Sorted(maps.Keys(served))...)
	known := readEvidence(t, served)
	var table strings.Builder
	table.WriteString("\n| service | operation | served | error cases | source of the expectation |\n|---|---|---|---|---|\n")
	for _, service := range slices.Sorted(maps.Keys(served)) {
		names := map[string]local.Operation{}
		for _, op := range served[service] {
			names[op.Name] = op
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			e := known[service+"."+name]
			if service == "events" {
				e.errors += len(badInputs(names[name].Input))
				e.sources = append(e.sources, "model")
			}
			fmt.Fprintf(&table, "| `%s` | %s | %s | %d | %s |\n", service, kebab(name), servedMembers(models[service], names[name]), e.errors, e.source())
		}
	}
	return table.String()
}

// servedMembers says which members of an input are not served.
func servedMembers(of model, op local.Operation) string {
	shape := of.Shapes[of.Operations[op.Name].Input.Shape]
	has := map[string]bool{}
	for i := range op.Input.NumField() {
		tag := op.Input.Field(i).Tag
		for _, key := range []string{"json", "path", "query"} {
			if name, _, _ := strings.Cut(tag.Get(key), ","); name != "" {
				has[name] = true
			}
		}
	}
	var missing []string
	for name, member := range shape.Members {
		if !has[name] && !has[member.LocationName] {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return "yes"
	}
	slices.Sort(missing)
	return "without " + strings.Join(missing, ", ")
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
