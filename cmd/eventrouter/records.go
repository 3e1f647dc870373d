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
	Limit  int    `help:"How many to show at most; all unless given."`
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

// listRecords reads page after page: all records, or at most as many as limit
// where that is positive.
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
