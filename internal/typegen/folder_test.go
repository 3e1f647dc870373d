package typegen_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestForeignFilesAreLeftAlone exports into a folder that has files of others:
// they stay as they are, and what they declare is not declared again.
func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := map[string]string{
		"wrapper.go": "// Package cloud has machines.\npackage cloud\n\n// EC2InstanceStateChangeNotification was here first.\ntype EC2InstanceStateChangeNotification int\n",
		"ec2_instance_state_change_notification_gen.go": "package cloud\n",
		"broken.go":  "package cloud\n\nfunc Half( {\n",
		"x_test.go":  "package cloud_test\n",
		"notes.txt":  "mine\n",
		"image.json": "{",
	}
	for name, text := range foreign {
		put(t, dir, name, text)
	}
	p := plan(t, dir, "ec2", documents(t, "testdata/registry", "aws.ec2"))
	if err := p.Apply(); err != nil {
		t.Fatal(err)
	}
	for name, text := range foreign {
		if get(t, dir, name) != text {
			t.Errorf("%s was changed", name)
		}
	}
	text := get(t, dir, "ec2_instance_state_change_notification2_gen.go")
	if !strings.Contains(text, "package cloud\n") || !strings.Contains(text, "type EC2InstanceStateChangeNotification2 struct") {
		t.Errorf("generated:\n%s", text)
	}
	if registry := get(t, dir, "registry_gen.go"); strings.Contains(registry, "Package cloud") {
		t.Errorf("the package has a comment already:\n%s", registry)
	}
	if again := plan(t, dir, "ec2", documents(t, "testdata/registry", "aws.ec2")); len(again.Changes) > 0 {
		t.Errorf("exporting again changes %s", again.Changes[0].Path)
	}
}

func TestFoldersThatCannotBeUsed(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a registry of others": {"registry_gen.go": "package ec2\n"},
		"two packages":         {"a.go": "package a\n", "b.go": "package b\n"},
		"no Go":                {"a.go": "hello"},
	} {
		dir := t.TempDir()
		for file, text := range files {
			put(t, dir, file, text)
		}
		_, err := typegen.NewPlan(dir, "ec2", documents(t, "testdata/registry", "aws.ec2"))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v; want Invalid, naming the file", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	put(t, filepath.Dir(file), "file", "")
	if _, err := typegen.NewPlan(file, "ec2", nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file as folder: %v", err)
	}
}

// TestChangedSchema exports a newer version: the file is changed in place, and
// the plan shows by which lines.
func TestChangedSchema(t *testing.T) {
	const before = `{"x-amazon-events-source":"shop","x-amazon-events-detail-type":"Paid","properties":{"detail":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}}}`
	after := strings.Replace(before, `"b":{"type":"string"}`, `"c":{"type":"string"}`, 1)
	read := func(text, version string) []*schema.Document {
		d, err := schema.Read("shop@Paid", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		d.Version = version
		return []*schema.Document{d}
	}
	dir := t.TempDir()
	if err := plan(t, dir, "shop", read(before, "9")).Apply(); err != nil {
		t.Fatal(err)
	}
	p := plan(t, dir, "shop", read(after, "10"))
	var out strings.Builder
	if err := p.Show(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"~ " + filepath.Join(dir, "paid_gen.go"), `- // Version: "9"`, `+ // Version: "10"`, "- \tB *string", "+ \tC *string"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the plan lacks %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "A *string") {
		t.Errorf("the plan shows a line that stays:\n%s", &out)
	}
	if len(p.Changes) != 1 {
		t.Errorf("%d files change, want 1", len(p.Changes))
	}
}

// FuzzSchemaToGo checks that whatever can be read as a schema becomes Go that
// parses, the same each time.
func FuzzSchemaToGo(f *testing.F) {
	for _, dir := range []string{"testdata/registry", "testdata/nasty"} {
		files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(strings.TrimSuffix(filepath.Base(file), ".json"), data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		d, err := schema.Read(name, data)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		first, err := typegen.NewPlan("testdata/none", "fuzz", []*schema.Document{d})
		if err != nil {
			t.Fatal(err)
		}
		second, _ := typegen.NewPlan("testdata/none", "fuzz", []*schema.Document{d})
		for i, c := range first.Changes {
			if string(c.New) != string(second.Changes[i].New) {
				t.Fatal("not the same twice")
			}
		}
	})
}
