// Command mutation changes single expressions of packages, runs the tests against each
// changed program, and lists the changes that no test noticed.
//
//	make mutation                                   40 mutants of each package
//	go run ./internal/mutation -n 10 -seed 2 outbox bus
//
// A mutant is one textual change: a comparison or a logical operator replaced, a
// condition negated, a call or an assignment removed, a number or a boolean changed.
// The seed chooses among all that a package allows. The change is an overlay of the go
// command: the tree is not touched. A mutant that does not compile is replaced by
// another one. A mutant is killed if a test fails or exceeds the time limit.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/internal/overlay"
)

// tests lists the packages whose tests a mutant of a package must survive, in order.
var tests = map[string][]string{
	"router":              {"./router", "./lambda", "./internal/simulation"},
	"store":               {"./store", "./store/memstore", "./router", "./outbox", "./internal/simulation", "./store/boltstore"},
	"outbox":              {"./outbox", "./router", "./lambda", "./internal/simulation"},
	"projection":          {"./projection", "./internal/simulation", "./projection/s3object", "./projection/csvfile"},
	"projection/csvfile":  {"./projection/csvfile", "./projection", "./internal/simulation"},
	"projection/s3object": {"./projection/s3object", "./projection", "./internal/simulation"},
	"bus":                 {"./bus", "./bus/eventbridgebus", "./outbox", "./router"},
	"tenant":              {"./tenant", "./router", "./lambda"},
	"apikey":              {"./apikey", "./router", "./internal/admin"},
	"lambda":              {"./lambda"},
	"rest":                {"./rest", "./lambda"},
}

var (
	perPackage = flag.Int("n", 40, "mutants of each package")
	seed       = flag.Uint64("seed", 1, "chooses the mutants")
	limit      = flag.Duration("timeout", 5*time.Minute, "how long the tests of one package may take")
)

func main() {
	flag.Parse()
	packages := flag.Args()
	if len(packages) == 0 {
		for name := range tests {
			packages = append(packages, name)
		}
		slices.Sort(packages)
	}
	killed, all := 0, 0
	for _, name := range packages {
		k, n, err := mutatePackage(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, "mutation:", err)
			os.Exit(1)
		}
		killed, all = killed+k, all+n
	}
	fmt.Printf("%d of %d mutants killed (%.1f %%), seed %d\n", killed, all, 100*float64(killed)/float64(max(all, 1)), *seed)
}

// mutatePackage tries mutants of one package and prints each.
func mutatePackage(name string) (killed, all int, err error) {
	runs, ok := tests[name]
	if !ok {
		return 0, 0, fmt.Errorf("package %s is not in the table of tests", name)
	}
	found, err := mutants(name)
	if err != nil {
		return 0, 0, err
	}
	rng := rand.New(rand.NewPCG(*seed, uint64(len(found))))
	rng.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	var existing []string
	for _, run := range runs {
		if _, err := os.Stat(run); err == nil {
			existing = append(existing, run)
		}
	}
	for _, m := range found {
		if all == *perPackage {
			break
		}
		verdict, err := m.test(existing)
		if err != nil {
			return killed, all, err
		}
		if verdict == "" {
			continue // it does not compile
		}
		all++
		if verdict != survived {
			killed++
		}
		fmt.Printf("%-32s %s:%d  %s\n", verdict, m.file, m.line, m.what)
	}
	fmt.Printf("%s: %d of %d killed, of %d possible mutants\n\n", name, killed, all, len(found))
	return killed, all, nil
}

const survived = "SURVIVED"

// A mutant replaces a part of a file.
type mutant struct {
	file     string
	line     int
	from, to int // offsets
	text     string
	what     string
}

// mutants returns all mutants of a package, in the order of its files.
func mutants(dir string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var found []mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, file, source, 0)
		if err != nil {
			return nil, err
		}
		add := func(from, to token.Pos, text, what string) {
			a, b := set.Position(from), set.Position(to)
			if what == negated {
				text = "!(" + string(source[a.Offset:b.Offset]) + ")"
			}
			found = append(found, mutant{file: file, line: a.Line, from: a.Offset, to: b.Offset, text: text,
				what: what + ": " + clip(string(source[a.Offset:b.Offset]))})
		}
		ast.Inspect(tree, func(n ast.Node) bool { return visit(n, add) })
	}
	return found, nil
}

// operators are what an operator is replaced by.
var operators = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD: token.SUB, token.SUB: token.ADD,
}

// negated is a mutation whose text is made of the original one.
const negated = "negated"

// visit adds the mutants of one node.
func visit(n ast.Node, add func(from, to token.Pos, text, what string)) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok != token.IMPORT
	case *ast.BinaryExpr:
		if other, ok := operators[n.Op]; ok {
			end := n.OpPos + token.Pos(len(n.Op.String()))
			add(n.OpPos, end, other.String(), "now "+other.String())
		}
	case *ast.IfStmt:
		add(n.Cond.Pos(), n.Cond.End(), "", negated)
	case *ast.ExprStmt:
		if _, ok := n.X.(*ast.CallExpr); ok {
			add(n.Pos(), n.End(), "", "call removed")
		}
	case *ast.AssignStmt:
		if n.Tok == token.ASSIGN {
			add(n.Pos(), n.End(), "", "assignment removed")
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			add(n.Pos(), n.End(), "("+n.Value+" + 1)", "number plus 1")
		}
	case *ast.Ident:
		switch n.Name {
		case "true":
			add(n.Pos(), n.End(), "false", "now false")
		case "false":
			add(n.Pos(), n.End(), "true", "now true")
		}
	}
	return true
}

func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// test runs the tests against the mutant. It returns what killed it, survived, or ""
// if it does not compile.
func (m *mutant) test(packages []string) (verdict string, err error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	changed := slices.Concat(source[:m.from], []byte(m.text), source[m.to:])
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	flag, err := overlay.Write(dir, m.file, changed)
	if err != nil {
		return "", err
	}
	if exec.Command("go", "build", "-overlay", flag, "./"+filepath.ToSlash(filepath.Dir(m.file))).Run() != nil {
		return "", nil
	}
	for _, name := range packages {
		ctx, cancel := context.WithTimeout(context.Background(), *limit+time.Minute)
		out, err := exec.CommandContext(ctx, "go", "test", "-overlay", flag, "-failfast", "-timeout", limit.String(), name).CombinedOutput()
		cancel()
		switch {
		case err == nil:
		case bytes.Contains(out, []byte("[build failed]")):
			return "", nil
		case bytes.Contains(out, []byte("panic: test timed out")):
			return "killed by " + name + " (time)", nil
		default:
			return "killed by " + name, nil
		}
	}
	return survived, nil
}
