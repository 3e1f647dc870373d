package main

import (
	"bufio"
	"io"
	"os"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
)

type tenantExport struct {
	Tenant string `required:"" help:"The tenant."`
	Out    string `type:"path" help:"A file to write to instead of the terminal; it must not be there yet."`
}

// Help is shown by --help.
func (c *tenantExport) Help() string {
	return `One JSON object a line: {"kind":"record",...} for each record of each schema,
{"kind":"usage",...} for each month, {"kind":"entry",...} for each event that was
or is to be published and whose mark still lasts. It is no snapshot: requests
that come meanwhile may be in it or not. API keys have an export of their own:
keys export.`
}

// The lines of an export.
type (
	exportedRecord struct {
		Kind   string          `json:"kind"`
		Tenant events.TenantID `json:"tenant"`
		Schema events.SchemaID `json:"schema"`
		admin.Record
	}
	exportedUsage struct {
		Kind string `json:"kind"`
		admin.Usage
	}
	exportedEntry struct {
		Kind string `json:"kind"`
		admin.EntryInfo
	}
)

// Run writes all that there is.
func (c *tenantExport) Run(s *session) (err error) {
	id, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	var out io.Writer = s.print.out
	if c.Out != "" {
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fault.Errorf(fault.Invalid, "--out: %v", err)
		}
		defer func() {
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
		}()
		out = f
	}
	w := &exporter{session: s, out: bufio.NewWriter(out)}
	if err := w.tenant(id); err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	s.print.note("%d records, %d months of usage, %d entries", w.records, w.months, w.entries)
	return nil
}

type exporter struct {
	*session
	out                      *bufio.Writer
	records, months, entries int
}

func (w *exporter) line(v any) error {
	if err := json.MarshalWrite(w.out, v, json.Deterministic(true)); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

func (w *exporter) tenant(id events.TenantID) error {
	holdings, err := w.admin.Holdings(w.ctx, id)
	if err != nil {
		return err
	}
	for _, schema := range holdings.Schemas {
		if err := w.schema(id, schema); err != nil {
			return err
		}
	}
	for _, month := range holdings.Months {
		usage, err := w.admin.Usage(w.ctx, id, month)
		if err != nil {
			return err
		}
		if err := w.line(exportedUsage{"usage", usage}); err != nil {
			return err
		}
		w.months++
	}
	for q := (admin.EntryQuery{Tenant: id}); ; {
		page, err := w.admin.ListEntries(w.ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if err := w.line(exportedEntry{"entry", e}); err != nil {
				return err
			}
			w.entries++
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return nil
		}
	}
}

func (w *exporter) schema(id events.TenantID, schema events.SchemaID) error {
	for q := (admin.RecordQuery{Tenant: id, Schema: schema, Limit: 1000}); ; {
		page, err := w.admin.ListRecords(w.ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if err := w.line(exportedRecord{"record", id, schema, r}); err != nil {
				return err
			}
			w.records++
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}
