package main

import (
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/aws"
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/typegen/command"
	"github.com/blockforger/eventrouter/tenant"
)

// eventsCommands follow and trace events, and make and use Go types of them.
type eventsCommands struct {
	Tail           tailCommand           `cmd:"" help:"Show the events that the buses take, as they take them. API keys are masked."`
	Trace          traceCommand          `cmd:"" help:"Tell one event's whole story: its rules, deliveries, effect, bill, and the events that it led to."`
	ExportService  exportServiceCommand  `cmd:"" help:"Write the Go types of a service's events, as schema registries describe them."`
	FromExample    fromExampleCommand    `cmd:"" help:"Infer schema and Go type of events from samples; more samples only widen."`
	PublishSchemas publishSchemasCommand `cmd:"" help:"Publish what a tenant's output events look like to a schema registry."`
	Decode         decodeCommand         `cmd:"" help:"Print events as the registry of typed events decodes them."`
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

// givenEndpoint is the endpoint where the command line names one. The default,
// and the environment's, are those of the router's own server, which has no
// Schemas API.
func givenEndpoint(s *session, k *kong.Context) string {
	for _, p := range k.Path {
		if p.Flag != nil && p.Flag.Name == "endpoint-url" {
			return s.endpoint
		}
	}
	return ""
}

type tailCommand struct {
	Bus      string `help:"Only events of this bus: its name or ARN."`
	Pattern  string `help:"Only events that match this event pattern: file://PATH, or the JSON itself."`
	Last     int    `short:"n" default:"10" help:"How many of the newest events to begin with."`
	NoFollow bool   `help:"Show those and end."`
}

// Run shows events until it is interrupted.
func (c *tailCommand) Run(s *session) error {
	q, err := c.query(s)
	if err != nil {
		return err
	}
	for {
		page, err := s.admin.Tail(s.ctx, q)
		if err != nil {
			if s.ctx.Err() != nil {
				return nil
			}
			return err
		}
		if c.Last <= 0 && q.From < 0 {
			page.Events = nil // it was asked for to learn where the end is
		}
		for i := range page.Events {
			if err := s.printEvent(&page.Events[i]); err != nil {
				return err
			}
		}
		more := q.From >= 0 && page.Next > q.From
		q.From = page.Next
		switch {
		case more: // perhaps there is yet more
			continue
		case c.NoFollow:
			return nil
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

func (c *tailCommand) query(s *session) (admin.TailQuery, error) {
	q := admin.TailQuery{Bus: c.Bus, From: -int64(max(c.Last, 1))}
	if c.Pattern == "" {
		return q, nil
	}
	text, err := fileOrText("--pattern", c.Pattern)
	if err != nil {
		return q, err
	}
	if _, err := pattern.Compile(text); err != nil {
		return q, s.refuse(err, text)
	}
	q.Pattern = string(text)
	return q, nil
}

// printEvent shows an event on one line.
func (s *session) printEvent(e *admin.EventInfo) error {
	if s.print.json {
		line, err := json.Marshal(e, jsontext.AllowDuplicateNames(true))
		if err == nil {
			s.print.line("%s", line)
		}
		return err
	}
	at, sent := s.print.faint(e.Received.UTC().Format("15:04:05.000")), read(e)
	replay := ""
	if e.Replay != "" {
		replay = "  " + s.print.faint("replay "+e.Replay)
	}
	s.print.line("%s  %s  %s  %s  %s%s  %s", at, busName(e.Bus), e.ID, sent.Source, s.print.bold(string(sent.DetailType)), replay, sent.Detail)
	return nil
}

// read is the event as its sender made it; what it is not shows as empty.
func read(e *admin.EventInfo) (sent events.Envelope) {
	_ = json.Unmarshal(e.Event, &sent, jsontext.AllowDuplicateNames(true))
	return sent
}

// busName is the name in a bus's ARN.
func busName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
