package command

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry"
)

// ExportService writes the Go types of a service's events, as schema registries
// describe them, to the folder of one package.
type ExportService struct {
	Service      string   `arg:"" help:"Service whose events to export, such as ec2. Names the package."`
	RegistryName []string `help:"Registry to look in; repeatable. Default: aws.events." sep:"none"`
	Prefix       string   `help:"What the schemas' names begin with. Default: aws.SERVICE." name:"schema-name-prefix"`
	Out          string   `help:"Folder of the package. Default: events/aws/SERVICE."`
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
		c.Out = filepath.Join("events", "aws", c.Service)
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
