package main

import (
	"fmt"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
)

type recordsCommands struct {
	List recordsList `cmd:"" help:"List the records of a schema, in key order."`
}

type recordsList struct {
	Tenant string `required:"" help:"The tenant."`
	Schema string `required:"" help:"The schema, without .json."`
	After  string `help:"Start after this key."`
	Limit  int    `default:"100" help:"How many to show, 1 to 1000."`
}

// Run lists records.
func (c *recordsList) Run(s *session) error {
	q := admin.RecordQuery{After: events.Key(c.After), Limit: c.Limit}
	var err error
	if q.Tenant, err = events.ParseTenantID(c.Tenant); err != nil {
		return err
	}
	if q.Schema, err = events.ParseSchemaID(c.Schema); err != nil {
		return err
	}
	if c.Limit < 1 || c.Limit > 1000 {
		return fault.New(fault.Invalid, "--limit must be 1 to 1000")
	}
	page, err := s.admin.ListRecords(s.ctx, q)
	if err != nil {
		return err
	}
	if page.Records == nil {
		page.Records = []admin.Record{}
	}
	if done, err := s.print.value(page); done {
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
