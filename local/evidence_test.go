package local_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/local"
)

// evidence is what the tests know of an operation: how many errors they expect of
// it, and where the expectations come from.
type evidence struct {
	cases, errors int
	sources       []string // "recorded 2024-12-06", "model", "documentation"
}

// source lists the sources: the span of the recordings, and the others.
func (e evidence) source() string {
	var dates, others []string
	for _, s := range e.sources {
		date := strings.TrimPrefix(s, "recorded ")
		if _, err := time.Parse(time.DateOnly, date); err == nil {
			dates = append(dates, date)
		} else if !slices.Contains(others, s) {
			others = append(others, s)
		}
	}
	slices.Sort(dates)
	slices.Sort(others)
	switch dates = slices.Compact(dates); len(dates) {
	case 0:
	case 1:
		others = append([]string{"recorded " + dates[0]}, others...)
	default:
		others = append([]string{"recorded " + dates[0] + " to " + dates[len(dates)-1]}, others...)
	}
	if len(others) == 0 {
		return "documentation"
	}
	return strings.Join(others, ", ")
}

// readEvidence collects the recorded cases and the exchanges by SERVICE.Operation.
func readEvidence(t *testing.T, served map[string][]local.Operation) map[string]evidence {
	t.Helper()
	known := map[string]evidence{}
	add := func(operation, source string, failed bool) {
		e := known[operation]
		e.cases++
		if failed {
			e.errors++
		}
		e.sources = append(e.sources, source)
		known[operation] = e
	}
	for _, c := range readRecorded(t) {
		for i, step := range c.steps {
			if step.verb == "call" && i+1 < len(c.steps) {
				verdict := c.steps[i+1].verb
				service, rest, _ := strings.Cut(step.rest, " ")
				operation, _, _ := strings.Cut(rest, " ")
				if verdict == "want" || verdict == "until" || verdict == "error" {
					add(service+"."+operation, "recorded "+c.date, verdict == "error")
				}
			}
		}
	}
	paths := http.NewServeMux()
	byPath := map[string]string{}
	for service, ops := range served {
		for _, op := range ops {
			if op.Path != "" && byPath[op.Path] == "" {
				byPath[op.Path] = service + "." + op.Name
				paths.HandleFunc(op.Path, http.NotFound)
			}
		}
	}
	for _, x := range readExchanges(t) {
		operation := x.operation
		if method, path, isPath := strings.Cut(operation, " "); isPath {
			r, err := http.NewRequest(method, "http://x"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, pattern := paths.Handler(r)
			operation = byPath[pattern]
		}
		add(operation, x.source, x.code != "")
	}
	return known
}

// readExchanges reads source, operation and code of the exchanges in the sources of
// the tests. An operation may be the beginning of an expression.
func readExchanges(t *testing.T) []exchange {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{} // of the constants
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i := range min(len(spec.Names), len(spec.Values)) {
					texts[spec.Names[i].Name] = textOf(spec.Values[i], texts)
				}
			}
			return true
		})
		ast.Inspect(file, func(n ast.Node) bool {
			list, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			var rows []ast.Expr
			switch of := list.Type.(type) {
			case *ast.ArrayType:
				if id, ok := of.Elt.(*ast.Ident); ok && id.Name == "exchange" {
					rows = list.Elts
				}
			case *ast.Ident:
				if of.Name == "exchange" {
					rows = []ast.Expr{list}
				}
			}
			for _, row := range rows {
				if row, ok := row.(*ast.CompositeLit); ok && len(row.Elts) >= 5 {
					all = append(all, exchange{source: textOf(row.Elts[0], texts), operation: textOf(row.Elts[1], texts), code: textOf(row.Elts[4], texts)})
				}
			}
			return rows == nil
		})
	}
	slices.SortFunc(all, func(x, y exchange) int { return strings.Compare(x.operation, y.operation) })
	return all
}

// textOf returns the text of an expression, as far as it is constant.
func textOf(e ast.Expr, texts map[string]string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.Ident:
		return texts[e.Name]
	case *ast.BinaryExpr:
		return textOf(e.X, texts) + textOf(e.Y, texts)
	case *ast.ParenExpr:
		return textOf(e.X, texts)
	}
	return ""
}

// TestConformance prints how many cases there are for each service. The cases run
// in tests of their own.
func TestConformance(t *testing.T) {
	m := start(t, t.TempDir(), local.Options{}, nil)
	served := m.Operations()
	known := readEvidence(t, served)
	recorded := map[string]int{}
	for _, c := range readRecorded(t) {
		recorded[c.file]++
	}
	for _, file := range slices.Sorted(maps.Keys(recorded)) {
		t.Logf("testdata/recorded/%s.txt: %d cases", file, recorded[file])
	}
	for _, service := range slices.Sorted(maps.Keys(served)) {
		n, withCases, cases, failures := 0, 0, 0, 0
		for _, op := range served[service] {
			e := known[service+"."+op.Name]
			n++
			cases += e.cases
			failures += e.errors
			if e.cases > 0 {
				withCases++
			}
			if service == "events" {
				failures += len(badInputs(op.Input))
			}
		}
		t.Logf("%-10s %3d operations, %3d of them with recorded or documented cases: %4d cases; %4d error cases", service, n, withCases, cases, failures)
		if service == "events" && (withCases < 38 || cases < 350) {
			t.Errorf("events: only %d operations and %d cases", withCases, cases)
		}
	}
}
