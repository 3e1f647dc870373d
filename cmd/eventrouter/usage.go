package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/store"
)

type usageCommand struct {
	Tenant string `required:"" help:"The tenant."`
	Month  string `help:"The month in UTC, such as 2026-11. The current one unless given."`
}

// Run shows a tenant's usage: a table, and a bar a day.
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
		return fault.New(fault.Invalid, "--month must be such as 2026-11, not %q", month)
	}
	usage, err := s.admin.Usage(s.ctx, t, month)
	if err != nil {
		return err
	}
	if done, err := s.print.value(usage); done {
		return err
	}
	return s.printUsage(usage)
}

func (s *session) printUsage(u admin.Usage) error {
	var rows [][]string
	for _, schema := range slices.Sorted(maps.Keys(u.BySchema)) {
		for _, op := range []events.Operation{events.Post, events.Put, events.Patch, events.Delete, events.Get} {
			if n := u.BySchema[schema][op]; n > 0 {
				rows = append(rows, []string{string(schema), string(op), fmt.Sprintf("%10d", n)})
			}
		}
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
