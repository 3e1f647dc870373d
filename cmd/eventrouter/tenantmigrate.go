package main

import (
	"fmt"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/admin"
)

type tenantMigrate struct {
	Tenant  string `required:"" help:"The tenant."`
	Schema  string `required:"" help:"The schema, without .json."`
	Backend string `required:"" enum:"dynamodb,s3,csv" help:"Where the records are to be: dynamodb, s3 or csv."`
	Key     string `default:"id" help:"The member that is to be the key."`
	DryRun  bool   `name:"dry-run" help:"Say what there is to move, and move nothing."`
	Yes     bool   `short:"y" help:"Do not ask."`
}

// Help is shown by --help.
func (c *tenantMigrate) Help() string {
	return `A schema whose backend or key has changed is not put into force while there are
records of the old kind. So: push the schema; run this; it comes into force
within 30 seconds. Each record is moved at once, whole or not at all, without
bill or output events, and all are checked at the end. Requests that come
meanwhile are carried out the old way: with a new key, stop them first; with a
new backend, run this again when the schema is in force, until nothing is moved.`
}

// Run says what there is to move, asks, and moves it.
func (c *tenantMigrate) Run(s *session) error {
	m := admin.Migration{KeyField: c.Key, DryRun: true}
	var err error
	if m.Tenant, err = events.ParseTenantID(c.Tenant); err != nil {
		return err
	}
	if m.Schema, err = events.ParseSchemaID(c.Schema); err != nil {
		return err
	}
	if m.Backend, err = events.ParseBackend(c.Backend); err != nil {
		return err
	}
	plan, err := s.admin.MigrateSchema(s.ctx, m)
	if err != nil {
		return err
	}
	if c.DryRun || plan.Moved == 0 {
		return c.show(s, plan, "to move")
	}
	if !c.Yes {
		question := fmt.Sprintf("%d of %d records of %s/%s will be moved to %s, with %s as their key.", plan.Moved, plan.Records, m.Tenant, m.Schema, m.Backend, m.KeyField)
		if err := s.confirm(question, "migrate"); err != nil {
			return err
		}
	}
	m.DryRun = false
	done, err := s.admin.MigrateSchema(s.ctx, m)
	if err != nil {
		return err
	}
	return c.show(s, done, "moved, and checked")
}

func (c *tenantMigrate) show(s *session, m admin.Migrated, what string) error {
	if done, err := s.print.value(m); done {
		return err
	}
	s.print.line("%s/%s: %d records, %d %s", c.Tenant, c.Schema, m.Records, m.Moved, what)
	return nil
}
