package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/store"
)

type demoCommand struct {
	Schemas string `default:"schemas" type:"path" help:"The folder with a folder for each tenant; it must contain the sample tenant evented."`
}

const (
	demoTenant  = events.TenantID("evented")
	demoSchema  = events.SchemaID("evented")
	demoTimeout = 20 * time.Second // of the whole demo
)

// Run sends one event through a temporary server and prints what it caused. It
// returns an error unless it finds the record, the bill, the output event and the
// log line.
func (c *demoCommand) Run(s *session) (err error) {
	data, err := os.MkdirTemp("", "eventrouter-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	srv, err := openServer("127.0.0.1:0", data, c.Schemas, (&awsFlags{}).options(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- srv.run(ctx) }()
	defer func() {
		stop()
		if runErr := <-ended; err == nil {
			err = runErr
		}
		if closeErr := srv.close(); err == nil {
			err = closeErr
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	return s.demo(ctx, srv)
}

func (s *session) demo(ctx context.Context, srv *server) error {
	p, client := s.print, admin.NewClient(srv.url)
	key, err := client.CreateKey(ctx, admin.NewKey{Tenant: demoTenant, Permissions: []apikey.Permission{apikey.BackendCalls}})
	if err != nil {
		return err
	}
	shown := `{"tenant":"evented","rootSchema":"evented","api_key":"%s","payload":{"numeric":12345678901234567890.10,"string":"hello"}}`
	p.line("%s\n  to        %s\n  source    %s\n  type      %s\n  detail    "+shown, p.bold("1. an event goes in"), srv.url, events.InputSource,
		events.InputDetailType(demoSchema, events.Post), "****")
	entry := putEntry{Source: events.InputSource, DetailType: string(events.InputDetailType(demoSchema, events.Post)), Detail: detail(fmt.Sprintf(shown, key.Key))}
	results := make([]entryResult, 1)
	if err := putEntries(ctx, srv.url, []putEntry{entry}, results); err != nil {
		return err
	}
	if results[0].Error != "" {
		return fault.Errorf(fault.Internal, "PutEvents refused the event: %s", results[0].Error)
	}
	outcome, err := poll(ctx, "the outcome", func() (trace.Outcome, bool, error) {
		outcomes, err := client.Outcomes(ctx, []admin.OutcomeQuery{{EventID: results[0].EventID}})
		if err != nil {
			return trace.Outcome{}, false, err
		}
		return outcomes[0], outcomes[0].State != "" && !outcomes[0].Running, nil
	})
	if err != nil {
		return err
	}
	if !outcome.Succeeded() {
		return fault.Errorf(fault.Internal, "the event had no effect: %s", &outcome)
	}
	p.line("  event id  %s\n  outcome   %s", results[0].EventID, p.green(outcome.String()))

	record, err := poll(ctx, "the record", func() (admin.Record, bool, error) {
		page, err := client.ListRecords(ctx, admin.RecordQuery{Tenant: demoTenant, Schema: demoSchema})
		if err != nil || len(page.Records) != 1 {
			return admin.Record{}, false, err
		}
		return page.Records[0], true, nil
	})
	if err != nil {
		return err
	}
	p.line("%s\n  key       %s\n  revision  %d\n  data      %s", p.bold("2. one record"), record.Key, record.Revision, record.Data)

	usage, err := client.Usage(ctx, demoTenant, store.Month(time.Now()))
	if err != nil {
		return err
	}
	if got := usage.BySchema[demoSchema][events.Post]; got != usage.Tokens || got == 0 {
		return fault.Errorf(fault.Internal, "the bill is wrong: %d tokens for the POST, %d in all", got, usage.Tokens)
	}
	p.line("%s\n  tokens    %d for %s, in %s", p.bold("3. one bill"), usage.Tokens, demoTenant, usage.Month)

	output, err := poll(ctx, "the output event", func() (string, bool, error) {
		return findLine(ctx, client, testFunction, `"detail-type":"evented.POST"`, string(record.Key))
	})
	if err != nil {
		return err
	}
	p.line("%s\n%s", p.bold("4. one output event, as the test function received it"), indent(output))

	line, err := poll(ctx, "the log line", func() (string, bool, error) {
		return findLine(ctx, client, function, `"outcome":"carried-out"`, results[0].EventID)
	})
	if err != nil {
		return err
	}
	p.line("%s\n%s", p.bold("5. one log line with all of it"), indent(line))
	if strings.Contains(line+output, key.Key) {
		return fault.Errorf(fault.Internal, "the API key is in a log")
	}
	p.line("%s", p.green("one event in: one record, one bill, one output event, one log line"))
	return nil
}

// poll calls ask until it returns a value or an error, or until ctx ends.
func poll[T any](ctx context.Context, what string, ask func() (T, bool, error)) (T, error) {
	for {
		v, ok, err := ask()
		if ok || err != nil && ctx.Err() == nil {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, fault.Errorf(fault.Unavailable, "%s did not appear within %v", what, demoTimeout)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func findLine(ctx context.Context, a admin.Functions, function string, parts ...string) (string, bool, error) {
	page, err := a.Logs(ctx, function, 0, 0)
	if err != nil {
		return "", false, err
	}
	for _, l := range page.Lines {
		found := true
		for _, part := range parts {
			found = found && strings.Contains(l.Text, part)
		}
		if found {
			return l.Text, true, nil
		}
	}
	return "", false, nil
}

// indent formats a JSON object with one member per line; nested values stay on
// their line.
func indent(line string) string {
	var members map[string]jsontext.Value
	dec := jsontext.NewDecoder(strings.NewReader(line))
	if err := json.UnmarshalDecode(dec, &members); err != nil {
		return "  " + line
	}
	delete(members, "_aws") // CloudWatch's description of the metrics
	order := jsontext.NewDecoder(strings.NewReader(line))
	_, _ = order.ReadToken()
	var b strings.Builder
	for order.PeekKind() == '"' {
		tok, err := order.ReadToken()
		if err != nil {
			break
		}
		name := tok.String()
		if value, ok := members[name]; ok {
			fmt.Fprintf(&b, "  %-17s %s\n", name, value)
		}
		if order.SkipValue() != nil {
			break
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
