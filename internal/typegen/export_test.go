package typegen_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/internal/typegen"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry"
)

var update = flag.Bool("update", false, "write the golden files anew")

// services are the packages that the schemas in testdata/registry become.
var services = map[string]string{
	"codecommit": "aws.codecommit", "ec2": "aws.ec2", "mongodb": "aws.partner-mongodb.com", "s3": "aws.s3",
	"ssm": "aws.ssm", "noname": "noname", "order": "order", "2p": "2PSchema1",
}

// documents reads the schemas of a folder, leaving out what cannot be read.
func documents(t testing.TB, dir, prefix string) []*schema.Document {
	t.Helper()
	folder, err := schemaregistry.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	names, err := folder.Names(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	var found []*schema.Document
	for _, name := range names {
		text, err := folder.Document(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := schema.Read(name, text.Content); err == nil {
			found = append(found, d)
		}
	}
	return found
}

func plan(t testing.TB, dir, service string, documents []*schema.Document) *typegen.Plan {
	t.Helper()
	p, err := typegen.NewPlan(dir, service, documents)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGolden(t *testing.T) {
	for service, prefix := range services {
		checkGolden(t, service, documents(t, "testdata/registry", prefix))
	}
	checkGolden(t, "nasty", documents(t, "testdata/nasty", "nasty"))
}

func checkGolden(t *testing.T, service string, documents []*schema.Document) {
	t.Helper()
	p := plan(t, filepath.Join(t.TempDir(), service), service, documents)
	golden := filepath.Join("testdata", "golden", service)
	got := map[string]string{"REPORTS.txt": reports(p)}
	for _, c := range p.Changes {
		got[filepath.Base(c.Path)+".txt"] = string(c.New)
	}
	if *update {
		_ = os.RemoveAll(golden)
		_ = os.MkdirAll(golden, 0o755)
		for name, text := range got {
			if err := os.WriteFile(filepath.Join(golden, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := make(map[string]string)
	files, _ := filepath.Glob(filepath.Join(golden, "*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want[filepath.Base(file)] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-golden +got; -update writes them anew):\n%s", service, diff)
	}
}

func reports(p *typegen.Plan) string {
	var b strings.Builder
	for _, r := range p.Reports {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

// TestSameInputSameBytes reverses what order the documents come in, and exports
// onto what an export wrote.
func TestSameInputSameBytes(t *testing.T) {
	docs := documents(t, "testdata/nasty", "nasty")
	dir := t.TempDir()
	first := plan(t, dir, "nasty", docs)
	slices.Reverse(docs)
	if diff := cmp.Diff(first, plan(t, dir, "nasty", docs)); diff != "" {
		t.Errorf("order of the documents shows:\n%s", diff)
	}
	if err := first.Apply(); err != nil {
		t.Fatal(err)
	}
	if again := plan(t, dir, "nasty", docs); len(again.Changes) > 0 {
		t.Errorf("exporting again changes %s", again.Changes[0].Path)
	}
	// One schema alone: the others stay, in their files and in the map.
	alone := plan(t, dir, "nasty", documents(t, "testdata/nasty", "nasty@NamesCity"))
	if len(alone.Changes) > 0 || alone.Events != first.Events {
		t.Errorf("exporting one schema again: %d changes, %d events; want none, %d", len(alone.Changes), alone.Events, first.Events)
	}
}

// TestExportCompilesAndDecodes builds what is exported, has vet look at it, and
// decodes and encodes each sample event whose kind was exported. Other data can
// be checked the same way: EVENTROUTER_TEST_DATA names a folder with registry
// and events.
func TestExportCompilesAndDecodes(t *testing.T) {
	dir := newModule(t)
	packages := make(map[string]string)
	export := func(service string, docs []*schema.Document) {
		t.Helper()
		p := plan(t, filepath.Join(dir, service), service, docs)
		if err := p.Apply(); err != nil {
			t.Fatal(err)
		}
		packages[service] = packageOf(t, filepath.Join(dir, service))
	}
	registry, samples := "testdata/registry", "testdata/events"
	if data := os.Getenv("EVENTROUTER_TEST_DATA"); data != "" {
		registry, samples = filepath.Join(data, "registry"), filepath.Join(data, "events")
	}
	for i, d := range documents(t, registry, "") {
		export(fmt.Sprintf("schema%d", i), []*schema.Document{d})
	}
	export("nasty", documents(t, "testdata/nasty", "nasty"))
	export("large", []*schema.Document{large(t)})

	writeProgram(t, dir, packages)
	goRun(t, dir, "vet", "./...")
	if out, err := exec.Command("gofmt", "-l", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt: %s %v", out, err)
	}
	var report struct{ Typed, Raw int }
	if err := json.Unmarshal(goRun(t, dir, "run", ".", abs(t, samples)), &report); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events decoded by a type, %d have no schema here", report.Typed, report.Raw)
	if report.Typed == 0 {
		t.Error("no event was decoded by a type")
	}
}

// large is a document of more than 5 MB.
func large(t testing.TB) *schema.Document {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(`{"x-amazon-events-source":"large","x-amazon-events-detail-type":"Large","properties":{"detail":{"$ref":"#/definitions/Large"}},"definitions":{"Large":{"type":"object","properties":{`)
	pad := strings.Repeat("x", 5<<10)
	for i := range 1100 {
		fmt.Fprintf(&b, `"p%d":{"type":"object","description":%q,"properties":{"v":{"type":"integer"}}},`, i, pad)
	}
	b.WriteString(`"last":{"type":"string"}}}}}`)
	if b.Len() < 5<<20 {
		t.Fatal("not large enough")
	}
	d, err := schema.Read("large@Large", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// newModule makes a module beside ours that needs nothing from the network.
func newModule(t *testing.T) string {
	t.Helper()
	dir, root := t.TempDir(), abs(t, "../..")
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(mod), "module github.com/blockforger/eventrouter\n", "module exported\n", 1) +
		"\nrequire github.com/blockforger/eventrouter v0.0.0\nreplace github.com/blockforger/eventrouter => " + root + "\n"
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"go.mod": []byte(text), "go.sum": sum} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func packageOf(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "registry_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\npackage ")
	name, _, _ := strings.Cut(rest, "\n")
	return name
}

func writeProgram(t *testing.T, dir string, packages map[string]string) {
	t.Helper()
	var imports, maps strings.Builder
	for service := range packages {
		fmt.Fprintf(&imports, "\t_%s \"exported/%s\"\n", service, service)
		fmt.Fprintf(&maps, "\t\t_%s.Events(),\n", service)
	}
	program, err := os.ReadFile("testdata/decode.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("\t// IMPORTS\n", imports.String(), "\t\t// MAPS\n", maps.String()).Replace(string(program))
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gofmt", "-w", filepath.Join(dir, "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("%s %v", out, err)
	}
}

func goRun(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}
