// Package awsevents generates the packages below events/aws: the types of every
// kind of AWS's service specification, refined and completed by what AWS's sample
// events show. The same specification gives the same bytes.
package awsevents

import (
	"embed"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/internal/typegen/servicespec"
)

// packagesDir is the directory of the generated packages in the repository.
const packagesDir = "events/aws"

// listFile lists the packages in package aws.
const listFile = "services_gen.go"

//go:embed samples.jsonl
var samples []byte

// schemas holds documents of the schema registry for kinds that the
// specification lacks.
//
//go:embed schemas
var schemas embed.FS

// Documents returns the documents of all kinds: those of the specification,
// refined by samples, and those that only samples show. They are sorted by name
// and are the caller's to change.
func Documents(spec *servicespec.Spec) ([]*schema.Document, error) {
	facts, err := readFacts(samples)
	if err != nil {
		return nil, err
	}
	var all []*schema.Document
	for _, d := range spec.Events() {
		kind := kindOf(d)
		if f := facts[kind]; f != nil {
			f.refine(d)
			delete(facts, kind)
		}
		if strings.HasSuffix(d.DetailType, " via CloudTrail") {
			cloudTrail.refine(d)
		}
		all = append(all, d)
	}
	registered, err := registeredSchemas()
	if err != nil {
		return nil, err
	}
	for _, d := range registered {
		known := func(other *schema.Document) bool { return kindOf(other) == kindOf(d) }
		if !slices.ContainsFunc(all, known) {
			delete(facts, kindOf(d))
			all = append(all, d)
		}
	}
	for _, f := range facts {
		if d := f.document(); d != nil {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b *schema.Document) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func registeredSchemas() ([]*schema.Document, error) {
	files, err := schemas.ReadDir("schemas")
	if err != nil {
		return nil, fault.Wrap("awsevents.Documents", fault.Internal, err)
	}
	var all []*schema.Document
	for _, file := range files {
		text, err := schemas.ReadFile("schemas/" + file.Name())
		if err != nil {
			return nil, fault.Wrap("awsevents.Documents", fault.Internal, err)
		}
		d, err := schema.Read(strings.TrimSuffix(file.Name(), ".json"), text)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// serviceOf returns the service of a source: ecs for aws.ecs.
func serviceOf(source string) string {
	return strings.TrimSuffix(strings.TrimPrefix(source, "aws."), ".amazonaws.com")
}

// Plan plans all packages of the repository at root.
func Plan(root string, spec *servicespec.Spec) ([]*typegen.Plan, error) {
	documents, err := Documents(spec)
	if err != nil {
		return nil, err
	}
	services := make(map[string][]*schema.Document)
	names := make(map[string]string) // package to service
	for _, d := range documents {
		service := serviceOf(d.Source)
		pkg := typegen.PackageName(service)
		if other, taken := names[pkg]; taken && other != service {
			return nil, fault.Errorf(fault.Internal, "services %s and %s would be the one package %s", other, service, pkg)
		}
		names[pkg] = service
		services[pkg] = append(services[pkg], d)
	}
	var plans []*typegen.Plan
	for _, pkg := range slices.Sorted(maps.Keys(services)) {
		plan, err := typegen.NewPlan(filepath.Join(root, packagesDir, pkg), names[pkg], services[pkg])
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	list, err := listSource(slices.Sorted(maps.Keys(services)))
	if err != nil {
		return nil, err
	}
	if table, ok := docTable(filepath.Join(root, docFile), services); ok {
		plans[0].Changes = append(plans[0].Changes, typegen.Changed(filepath.Join(root, docFile), table)...)
	}
	return append(plans,
		&typegen.Plan{Dir: filepath.Join(root, packagesDir), Changes: typegen.Changed(filepath.Join(root, packagesDir, listFile), list)},
		&typegen.Plan{Dir: filepath.Dir(filepath.Join(root, arnFile)), Changes: typegen.Changed(filepath.Join(root, arnFile), arnSource(spec))}), nil
}

// docFile has the table of services and kinds, between two comments.
const docFile = "doc/typed-events.md"

const tableBegin, tableEnd = "<!-- The table is written by make events-aws. -->\n", "<!-- End of the table. -->\n"

// docTable returns the file with the table anew; false where there is no file.
func docTable(path string, services map[string][]*schema.Document) ([]byte, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	before, rest, begins := strings.Cut(string(text), tableBegin)
	_, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		return nil, false
	}
	var b strings.Builder
	b.WriteString(before + tableBegin + "| package | source | detail-types |\n|---|---|---|\n")
	for _, pkg := range slices.Sorted(maps.Keys(services)) {
		bySource := make(map[string][]string)
		for _, d := range services[pkg] {
			mark := ""
			if d.Inferred {
				mark = "\\*"
			}
			bySource[d.Source] = append(bySource[d.Source], d.DetailType+mark)
		}
		for _, source := range slices.Sorted(maps.Keys(bySource)) {
			slices.Sort(bySource[source])
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", pkg, source, strings.Join(bySource[source], "; "))
		}
	}
	b.WriteString(tableEnd + after)
	return []byte(b.String()), true
}

// arnFile is the table of ARNs in package typed.
const arnFile = "events/typed/arns_gen.go"

func arnSource(spec *servicespec.Spec) []byte {
	var b strings.Builder
	b.WriteString(typegen.Marker + "\n\npackage typed\n\n" +
		"// arnTypes has a line for each form of ARNs that is of one CloudFormation type:\n// service, resource with * for what differs, type.\nconst arnTypes = `\n")
	for _, f := range spec.ARNForms() {
		fmt.Fprintf(&b, "%s %s %s\n", f.Service, f.Resource, f.Type)
	}
	b.WriteString("`\n")
	return []byte(b.String())
}

// listSource is the file of package aws that names every service's package.
func listSource(packages []string) ([]byte, error) {
	var imports, elements strings.Builder
	for _, pkg := range packages {
		alias := ""
		if pkg == "events" { // ours has the name
			alias = "awsevents "
		}
		fmt.Fprintf(&imports, "\t%s\"github.com/blockforger/eventrouter/events/aws/%s\"\n", alias, pkg)
		name := pkg
		if alias != "" {
			name = strings.TrimSpace(alias)
		}
		fmt.Fprintf(&elements, "\t%s.Events,\n", name)
	}
	text := typegen.Marker + "\n\npackage aws\n\nimport (\n" + imports.String() +
		"\t\"github.com/blockforger/eventrouter/events/typed\"\n)\n\n" +
		"// services returns the map of each package below this one.\nvar services = [...]func() typed.Map{\n" + elements.String() + "}\n"
	out, err := format.Source([]byte(text))
	if err != nil {
		return nil, fault.Wrap("awsevents.Plan", fault.Internal, err)
	}
	return out, nil
}
