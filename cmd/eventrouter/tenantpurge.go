package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
)

type tenantPurge struct {
	Tenant     string `required:"" help:"The tenant."`
	RevokeKeys bool   `name:"revoke-keys" help:"Revoke its API keys first."`
	Yes        bool   `short:"y" help:"Do not ask."`
}

// Help is shown by --help.
func (c *tenantPurge) Help() string {
	return `Records with their objects and files, marks, bills, output events that are still
to be published, API keys: all of it goes, and there is no way back but an export
(tenant export, keys export). Other tenants are not touched; the tenant's own
files are not either: remove them from where they are served.`
}

// Run asks, and deletes.
func (c *tenantPurge) Run(s *session) error {
	id, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	holdings, err := s.admin.Holdings(s.ctx, id)
	if err != nil {
		return err
	}
	keys, err := s.admin.ListKeys(s.ctx, id)
	if err != nil {
		return err
	}
	if !c.Yes {
		names := make([]string, len(holdings.Schemas))
		for i, schema := range holdings.Schemas {
			names[i] = string(schema)
		}
		question := fmt.Sprintf("All that is kept of tenant %s will be deleted: records of %d schemas (%s), usage of %d months, %d API keys.",
			id, len(names), strings.Join(names, ", "), len(holdings.Months), len(keys))
		if err := s.confirm(question, string(id)); err != nil {
			return err
		}
	}
	if c.RevokeKeys {
		for _, k := range keys {
			if k.State != "active" {
				continue
			}
			if _, err := s.admin.RevokeKey(s.ctx, k.KeyID); err != nil {
				return err
			}
		}
	}
	purged, err := s.admin.PurgeTenant(s.ctx, id)
	if err != nil {
		return err
	}
	if done, err := s.print.value(purged); done {
		return err
	}
	s.print.line("%s: %d items and %d objects deleted", id, purged.Items, purged.Objects)
	if until := purged.Revoked.Add(apikey.MaxPositive); time.Now().Before(until) {
		s.print.line("Its keys were still known until %s: purge again after that, to be sure.", until.Local().Format(time.TimeOnly))
	}
	return nil
}
