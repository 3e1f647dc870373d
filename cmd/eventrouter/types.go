package main

import (
	"github.com/alecthomas/kong"

	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/internal/typegen/command"
	"github.com/blockforger/eventrouter/tenant"
)

// typesCommands generate and use Go types of events.
type typesCommands struct {
	Export      exportServiceCommand  `cmd:"" help:"Write the Go types of a service's events, as schema registries or AWS's service specification describe them."`
	FromExample fromExampleCommand    `cmd:"" help:"Infer schema and Go type of events from samples; more samples only widen them."`
	Publish     publishSchemasCommand `cmd:"" help:"Publish the schemas of a tenant's output events to a schema registry."`
	Decode      decodeCommand         `cmd:"" help:"Print events as the registry of typed events decodes them."`

	Infer fromExampleCommand `cmd:"" hidden:"" help:"The former name of from-example."`
}

type publishSchemasCommand struct {
	command.PublishSchemas
	Schemas string `type:"path" default:"schemas" help:"The folder with a folder for each tenant."`
}

// Run publishes the schemas of a tenant in a local tree.
func (c *publishSchemasCommand) Run(s *session, k *kong.Context) error {
	tree, err := openSchemas(c.Schemas)
	if err != nil {
		return err
	}
	c.Directory = tenant.NewCatalog(tree, nil)
	c.EndpointURL = givenEndpoint(s, k)
	return c.PublishSchemas.Run(s.ctx, s.print.out)
}

type exportServiceCommand struct{ command.ExportService }

// Run exports.
func (c *exportServiceCommand) Run(s *session, k *kong.Context) error {
	c.EndpointURL = givenEndpoint(s, k)
	return c.ExportService.Run(s.ctx, s.print.out)
}

type fromExampleCommand struct{ command.FromExample }

// Run infers.
func (c *fromExampleCommand) Run(s *session) error { return c.FromExample.Run(s.ctx, s.print.out) }

type decodeCommand struct{ command.Decode }

// Run decodes with the default registry.
func (c *decodeCommand) Run(s *session) error {
	c.Registry = aws.Registry()
	return c.Decode.Run(s.ctx, s.print.out)
}

// givenEndpoint returns the endpoint if the command line names one. The default and
// EVENTROUTER_ENDPOINT_URL are those of the router; the registry is usually the one on
// AWS. AWS_ENDPOINT_URL selects the registry of a local server.
func givenEndpoint(s *session, k *kong.Context) string {
	for _, p := range k.Path {
		if p.Flag != nil && p.Flag.Name == "endpoint-url" {
			return s.endpoint
		}
	}
	return ""
}
