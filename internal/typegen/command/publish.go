package command

import (
	"context"
	"fmt"
	"io"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/outputschema"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry"
	"github.com/blockforger/eventrouter/tenant"
)

// PublishSchemas writes what a tenant's output events look like to a schema
// registry, so that consumers get them typed.
type PublishSchemas struct {
	Tenant   string `help:"Tenant whose schemas to publish." required:""`
	Registry string `help:"Registry to publish to." required:""`
	DryRun   bool   `help:"Show what would be published, and publish nothing."`
	API

	// Directory has the tenant's files.
	Directory *tenant.Catalog `kong:"-"`
}

// Run publishes one document for each source and detail-type. Those that the
// registry has already are skipped, so that a run that failed can be repeated.
func (c PublishSchemas) Run(ctx context.Context, out io.Writer) error {
	documents, err := c.documents(ctx)
	if err != nil {
		return err
	}
	client, err := schemaregistry.NewClient(ctx, c.options())
	if err != nil {
		return err
	}
	registry := schemaregistry.New(client, c.Registry)
	count := make(map[schemaregistry.Outcome]int)
	for _, d := range documents {
		do := registry.Publish
		if c.DryRun {
			do = registry.Compare
		}
		outcome, err := do(ctx, schemaregistry.Document{Name: d.Name, Content: d.Content})
		if err != nil {
			return err
		}
		count[outcome]++
		remark := ""
		if !d.Ruled {
			remark = " (no output rule sends it yet)"
		}
		fmt.Fprintf(out, "%-9s %s%s\n", outcome, d.Name, remark)
	}
	verb := "published"
	if c.DryRun {
		verb = "would be published"
	}
	_, err = fmt.Fprintf(out, "%s to %s: %d new, %d updated, %d unchanged\n", verb, registry,
		count[schemaregistry.Created], count[schemaregistry.Updated], count[schemaregistry.Unchanged])
	return err
}

func (c PublishSchemas) documents(ctx context.Context) ([]outputschema.Document, error) {
	id, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return nil, err
	}
	names, err := c.Directory.Schemas(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fault.Errorf(fault.NotFound, "tenant %q has no schemas", id)
	}
	var schemas []*tenant.Schema
	for _, name := range names {
		s, err := c.Directory.Schema(ctx, id, name)
		if err != nil {
			return nil, err
		}
		schemas = append(schemas, s)
	}
	return outputschema.Documents(id, schemas)
}
