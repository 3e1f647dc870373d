package command

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen"
	"github.com/blockforger/eventrouter/internal/typegen/awsevents"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry"
	"github.com/blockforger/eventrouter/internal/typegen/servicespec"
)

// ExportService writes the Go types of a service's events, as schema registries
// or AWS's service specification describe them, to the folder of one package.
type ExportService struct {
	Service      string   `arg:"" help:"Service whose events to export, such as ec2. Names the package."`
	SpecFile     string   `arg:"" optional:"" name:"spec-file" help:"With --from-spec: file of the specification. Default: that of the installed npm package." type:"existingfile"`
	FromSpec     bool     `help:"Read AWS's service specification (npm package @aws-cdk/aws-service-spec) in place of the API."`
	RegistryName []string `help:"Registry to look in; repeatable. Default: aws.events." sep:"none"`
	Prefix       string   `help:"What the schemas' names begin with. Default: aws.SERVICE." name:"schema-name-prefix"`
	Out          string   `help:"Folder of the package. Default: events/aws/SERVICE, in letters and digits."`
	From         string   `help:"Folder of documents that were saved earlier, in place of the API." type:"existingdir"`
	DryRun       bool     `help:"Show what would be written, and write nothing."`
	API
}

// Run exports. What is wrong with one schema is reported, and stops no other.
func (c ExportService) Run(ctx context.Context, out io.Writer) error {
	if err := checkService(c.Service); err != nil {
		return err
	}
	if c.Prefix == "" {
		c.Prefix = "aws." + c.Service
	}
	if c.Out == "" {
		c.Out = filepath.Join("events", "aws", typegen.PackageName(c.Service))
	}
	if c.FromSpec {
		return c.fromSpec(out)
	}
	if c.SpecFile != "" {
		return fault.Errorf(fault.Invalid, "file %s is a second argument; a file of a service specification needs --from-spec", c.SpecFile)
	}
	from, err := sources(ctx, c.From, c.RegistryName, c.API)
	if err != nil {
		return err
	}
	f := fetcher{out: out}
	for _, source := range from {
		if err := f.fetch(ctx, source, c.Prefix); err != nil {
			return err
		}
	}
	if f.matched == 0 {
		return fault.Errorf(fault.NotFound, "no schema in %s begins with %q; name registries with --registry-name, or another prefix with --schema-name-prefix", list(from), c.Prefix)
	}
	plan, err := typegen.NewPlan(c.Out, c.Service, f.documents)
	if err != nil {
		return err
	}
	plan.Reports = append(f.reports, plan.Reports...)
	return finish(out, plan, c.DryRun)
}

// fromSpec exports what the specification has of the service, refined by AWS's
// sample events: the same types as those of package events/aws.
func (c ExportService) fromSpec(out io.Writer) error {
	if c.From != "" || len(c.RegistryName) > 0 {
		return fault.Errorf(fault.Invalid, "--from-spec reads neither a folder nor a registry; leave out --from and --registry-name")
	}
	path := c.SpecFile
	if path == "" {
		var err error
		if path, err = servicespec.Find(); err != nil {
			return err
		}
	}
	spec, err := servicespec.Open(path)
	if err != nil {
		return err
	}
	all, err := awsevents.Documents(spec)
	if err != nil {
		return err
	}
	var documents []*schema.Document
	for _, d := range all {
		if schemaregistry.Matches(d.Name, c.Prefix) {
			documents = append(documents, d)
		}
	}
	if len(documents) == 0 {
		return fault.Errorf(fault.NotFound, "no event in %s has a name that begins with %q; name another prefix with --schema-name-prefix", path, c.Prefix)
	}
	plan, err := typegen.NewPlan(c.Out, c.Service, documents)
	if err != nil {
		return err
	}
	return finish(out, plan, c.DryRun)
}

func list(from []schemaregistry.Source) string {
	text := ""
	for i, source := range from {
		if i > 0 {
			text += ", "
		}
		text += source.String()
	}
	return text
}

// A fetcher gets documents one after the other, and shows how far it is.
type fetcher struct {
	out       io.Writer
	matched   int
	documents []*schema.Document
	reports   []typegen.Report
}

func (f *fetcher) fetch(ctx context.Context, source schemaregistry.Source, prefix string) error {
	names, err := source.Names(ctx, prefix)
	if err != nil {
		return err
	}
	f.matched += len(names)
	for i, name := range names {
		fmt.Fprintf(f.out, "%s: %d of %d: %s\n", source, i+1, len(names), name)
		text, err := source.Document(ctx, name)
		if fault.Is(err, fault.NotFound) { // taken away since it was listed
			f.report(name, err)
			continue
		}
		if err != nil {
			return err
		}
		document, err := schema.Read(name, text.Content)
		if err != nil {
			f.report(name, err)
			continue
		}
		if text.Version != "" {
			document.Version = text.Version
		}
		f.documents = append(f.documents, document)
	}
	return nil
}

func (f *fetcher) report(name string, err error) {
	f.reports = append(f.reports, typegen.Report{Schema: name, Remark: fault.MessageOf(err)})
}

// finish shows or applies a plan, and says what stays raw.
func finish(out io.Writer, plan *typegen.Plan, dryRun bool) error {
	for _, report := range plan.Reports {
		fmt.Fprintf(out, "! %s\n", report)
	}
	if plan.Written == 0 {
		return fault.Errorf(fault.Invalid, "none of the schemas could be written as Go; nothing is changed")
	}
	if dryRun {
		return plan.Show(out)
	}
	if err := plan.Apply(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s: %d schemas, %d files changed; the registry map has %d events\n",
		plan.Dir, plan.Written, len(plan.Changes), plan.Events)
	return err
}
