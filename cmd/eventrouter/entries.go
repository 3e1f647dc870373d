package main

import (
	"fmt"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
)

type entryCommands struct {
	List  entriesList  `cmd:"" help:"List entries."`
	Retry entriesRetry `cmd:"" help:"Make entries pending again: the relay publishes them within a minute or two."`
	Drop  entriesDrop  `cmd:"" help:"Give entries up."`
}

// entryChoice are the flags that choose entries.
type entryChoice struct {
	ID     string    `name:"id" help:"The entry with this output id."`
	Tenant string    `help:"Entries of this tenant."`
	Bus    string    `help:"Entries for the bus with this ARN."`
	State  string    `enum:"pending,published,failed,dropped," default:"" help:"Entries in this state: pending, published, failed or dropped."`
	Since  time.Time `help:"Entries of changes from this time on, such as 2026-11-21T03:00:00Z."`
	Until  time.Time `help:"Entries of changes before this time."`
}

func (c *entryChoice) query() (admin.EntryQuery, error) {
	q := admin.EntryQuery{OutputID: c.ID, State: c.State, Since: c.Since, Until: c.Until}
	var err error
	if c.Tenant != "" {
		if q.Tenant, err = events.ParseTenantID(c.Tenant); err != nil {
			return q, err
		}
	}
	if c.Bus != "" {
		if q.Bus, err = events.ParseBusARN(c.Bus); err != nil {
			return q, err
		}
	}
	return q, nil
}

type entriesList struct {
	entryChoice `embed:""`
}

// Run lists entries.
func (c *entriesList) Run(s *session) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	all := []admin.EntryInfo{}
	for {
		page, err := s.admin.ListEntries(s.ctx, q)
		if err != nil {
			return err
		}
		all = append(all, page.Entries...)
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if done, err := s.print.value(struct {
		Entries []admin.EntryInfo `json:"entries"`
	}{all}); done {
		return err
	}
	rows := make([][]string, len(all))
	for i, e := range all {
		rows[i] = []string{e.OutputID, e.State, fmt.Sprint(e.Attempts), date(e.Time), string(e.Tenant), string(e.DetailType), string(e.Bus), e.Error}
	}
	return s.print.table([]string{"OUTPUT ID", "STATE", "ATTEMPTS", "TIME", "TENANT", "DETAIL-TYPE", "BUS", "ERROR"}, rows)
}

type entriesRetry struct {
	entryChoice `embed:""`
}

// Run makes entries pending again.
func (c *entriesRetry) Run(s *session) error { return c.act(s, "retry") }

type entriesDrop struct {
	entryChoice `embed:""`
}

// Run gives entries up.
func (c *entriesDrop) Run(s *session) error { return c.act(s, "drop") }

func (c *entryChoice) act(s *session, action string) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	if q == (admin.EntryQuery{}) {
		return fault.Errorf(fault.Invalid, "say which entries: --id, --state, --tenant, --bus, --since or --until")
	}
	acted, err := s.admin.SettleEntries(s.ctx, admin.EntryAction{Query: q, Action: action})
	if err != nil {
		return err
	}
	if done, err := s.print.value(acted); done {
		return err
	}
	s.print.line("%s: %d entries", action, acted.Count)
	return nil
}
