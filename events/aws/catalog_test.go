package aws_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/typegen/servicespec"
)

// TestCatalog counts what package doc and README promise.
func TestCatalog(t *testing.T) {
	all := aws.Events()
	sources := make(map[string]bool)
	for kind := range all {
		sources[kind.Source] = true
	}
	if len(all) < 450 || len(sources) < 100 {
		t.Errorf("%d kinds of %d sources; want 450 of 100 at least", len(all), len(sources))
	}
	t.Logf("%d kinds of %d sources", len(all), len(sources))
}

// TestSpecificationIsComplete: every kind of AWS's service specification has a
// type.
func TestSpecificationIsComplete(t *testing.T) {
	spec, err := servicespec.Open(awstest.ServiceSpec(t))
	if err != nil {
		t.Fatal(err)
	}
	all, found := aws.Events(), 0
	for _, d := range spec.Events() {
		if all[typed.Kind{Source: d.Source, DetailType: events.DetailType(d.DetailType)}] == nil {
			t.Errorf("%q from %s has no type", d.DetailType, d.Source)
		}
		found++
	}
	if found != 378 {
		t.Errorf("the specification has %d kinds, want 378", found)
	}
}

// TestEveryPackageIsInTheDefault fails when a package is added but not listed, or
// two packages have one kind.
func TestEveryPackageIsInTheDefault(t *testing.T) {
	folders, err := filepath.Glob("*/registry_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile("services_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	for _, file := range folders {
		pkg := filepath.Dir(file)
		if !strings.Contains(string(list), "/events/aws/"+pkg+"\"\n") {
			t.Errorf("package %s is not in services_gen.go; run make events-aws", pkg)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kinds += strings.Count(string(text), "typed.Decode[")
	}
	if all := aws.Events(); len(all) != kinds {
		t.Errorf("the default has %d kinds, the packages together %d", len(all), kinds)
	}
}
