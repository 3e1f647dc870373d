package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/store"
)

type recordsCommands struct {
	Get  recordsGet  `cmd:"" help:"Show one record."`
	List recordsList `cmd:"" help:"List the records of a schema, in key order."`
}

type recordsGet struct {
	Tenant string `required:"" help:"The tenant."`
	Schema string `required:"" help:"The schema, without .json."`
	Key    string `arg:"" help:"The key of the record."`
}

// Run prints a record as JSON, and its revision to standard error.
func (c *recordsGet) Run(s *session) error {
	t, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	schema, err := events.ParseSchemaID(c.Schema)
	if err != nil {
		return err
	}
	key, err := events.ParseRecordKey(c.Key)
	if err != nil {
		return err
	}
	page, err := s.admin.ListRecords(s.ctx, admin.RecordQuery{Tenant: t, Schema: schema, Key: key})
	if err != nil {
		return err
	}
	record := page.Records[0]
	if done, err := s.print.printJSON(record); done {
		return err
	}
	text := record.Data.Clone()
	if err := text.Indent(jsontext.WithIndent("  ")); err != nil {
		return fault.Wrap("records get", fault.Internal, err)
	}
	s.print.line("%s", text)
	s.print.note("revision %d", record.Revision)
	return nil
}

type recordsList struct {
	Tenant string `required:"" help:"The tenant."`
	Schema string `required:"" help:"The schema, without .json."`
	After  string `help:"Start with the record after this key."`
	Limit  int    `help:"The maximum number of records. Default: all."`
}

// Run lists records.
func (c *recordsList) Run(s *session) error {
	q := admin.RecordQuery{After: events.RecordKey(c.After)}
	var err error
	if q.Tenant, err = events.ParseTenantID(c.Tenant); err != nil {
		return err
	}
	if q.Schema, err = events.ParseSchemaID(c.Schema); err != nil {
		return err
	}
	if c.Limit < 0 {
		return fault.Errorf(fault.Invalid, "--limit must be positive")
	}
	page, err := s.listRecords(q, c.Limit)
	if err != nil {
		return err
	}
	if len(page.Records) == 0 {
		if err := s.admin.CheckExists(s.ctx, q.Tenant, q.Schema); err != nil {
			return err
		}
	}
	if done, err := s.print.printJSON(page); done {
		return err
	}
	rows := make([][]string, len(page.Records))
	for i, r := range page.Records {
		rows[i] = []string{string(r.Key), fmt.Sprint(r.Revision), string(r.Data)}
	}
	if err := s.print.table([]string{"KEY", "REVISION", "DATA"}, rows); err != nil {
		return err
	}
	if page.Next != "" {
		s.print.note("There are more: --after %q", page.Next)
	}
	return nil
}

// listRecords returns all records, page by page, or at most limit records if limit is
// positive.
func (s *session) listRecords(q admin.RecordQuery, limit int) (admin.RecordPage, error) {
	const most = 1000 // of one page
	all := admin.RecordPage{Records: []admin.Record{}}
	for {
		q.Limit = most
		if limit > 0 {
			q.Limit = min(most, limit-len(all.Records))
		}
		page, err := s.admin.ListRecords(s.ctx, q)
		if err != nil {
			return all, err
		}
		all.Records = append(all.Records, page.Records...)
		all.Next = page.Next
		if q.After = page.Next; page.Next == "" || limit > 0 && len(all.Records) >= limit {
			return all, nil
		}
	}
}

type usageCommand struct {
	Tenant string `required:"" help:"The tenant."`
	Month  string `help:"The month in UTC, for example 2026-11. Default: the current month."`
	CSV    bool   `name:"csv" help:"Print one line of CSV for each schema and operation."`
}

// Run prints a tenant's usage: a table and a chart per day, or CSV.
func (c *usageCommand) Run(s *session) error {
	t, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	month := c.Month
	if month == "" {
		month = store.Month(time.Now())
	}
	if _, err := time.Parse("2006-01", month); err != nil {
		return fault.Errorf(fault.Invalid, "--month must have the form YYYY-MM, for example 2026-11, not %q", month)
	}
	usage, err := s.admin.Usage(s.ctx, t, month)
	if err != nil {
		return err
	}
	if usage.Tokens == 0 {
		if err := s.admin.CheckExists(s.ctx, t, ""); err != nil {
			return err
		}
	}
	if c.CSV {
		return writeUsage(s.print.out, usage)
	}
	if done, err := s.print.printJSON(usage); done {
		return err
	}
	return s.printUsage(usage)
}

// usageLine is the usage of one schema and operation.
type usageLine struct {
	schema    events.SchemaID
	operation events.Operation
	tokens    int64
}

func usageLines(u admin.Usage) (lines []usageLine) {
	for _, schema := range slices.Sorted(maps.Keys(u.BySchema)) {
		for _, op := range []events.Operation{events.Post, events.Put, events.Patch, events.Delete, events.Get} {
			if n := u.BySchema[schema][op]; n > 0 {
				lines = append(lines, usageLine{schema, op, n})
			}
		}
	}
	return lines
}

// writeUsage writes CSV (RFC 4180). No value needs quotes: ids and operations consist
// of letters, digits, _ and -.
func writeUsage(out io.Writer, u admin.Usage) error {
	text := "tenant,month,schema,operation,tokens\r\n"
	for _, l := range usageLines(u) {
		text += fmt.Sprintf("%s,%s,%s,%s,%d\r\n", u.Tenant, u.Month, l.schema, l.operation, l.tokens)
	}
	_, err := io.WriteString(out, text)
	return err
}

func (s *session) printUsage(u admin.Usage) error {
	var rows [][]string
	for _, l := range usageLines(u) {
		rows = append(rows, []string{string(l.schema), string(l.operation), fmt.Sprintf("%10d", l.tokens)})
	}
	rows = append(rows, []string{"all", "", fmt.Sprintf("%10d", u.Tokens)})
	s.print.line("%s, %s", u.Tenant, u.Month)
	if err := s.print.table([]string{"SCHEMA", "OPERATION", "    TOKENS"}, rows); err != nil {
		return err
	}
	most := int64(1)
	for _, n := range u.ByDay {
		most = max(most, n)
	}
	for _, day := range slices.Sorted(maps.Keys(u.ByDay)) {
		const width = 40
		n := u.ByDay[day]
		bar := strings.Repeat("█", int((n*width+most-1)/most))
		s.print.line("%s %10d  %s", day, n, s.print.green(bar))
	}
	return nil
}
