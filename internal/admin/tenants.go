package admin

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/store"
)

// Tenants does what is done once in the life of a tenant.
type Tenants interface {
	// Holdings names the schemas and months of which something is kept.
	Holdings(ctx context.Context, t events.TenantID) (Holdings, error)
	// PurgeTenant deletes all that is kept of a tenant: records with their
	// objects and files, marks, bills, API keys. Conflict while a key is active.
	PurgeTenant(ctx context.Context, t events.TenantID) (Purged, error)
	// MigrateSchema moves the records of a schema to another backend or key field.
	MigrateSchema(ctx context.Context, m Migration) (Migrated, error)
}

// Holdings are what there is of a tenant.
type Holdings struct {
	Schemas []events.SchemaID `json:"schemas"`
	Months  []string          `json:"months"`
}

// Purged tells what a purge has deleted.
type Purged struct {
	Items   int `json:"items"`   // of the ledger: heads, marks, bills, API keys
	Objects int `json:"objects"` // in which records were shown
	// Revoked is when the last API key was revoked. Until 30 seconds later it
	// may still have let something in, which another purge finds.
	Revoked time.Time `json:"revoked,omitzero"`
}

// Migration asks for records to be moved.
type Migration struct {
	Tenant   events.TenantID `json:"tenant"`
	Schema   events.SchemaID `json:"schema"`
	Backend  events.Backend  `json:"backend"`
	KeyField string          `json:"keyField"`
	DryRun   bool            `json:"dryRun"` // only look
}

// Migrated tells of a migration, or of what one would do.
type Migrated struct {
	Records int `json:"records"` // that there are
	Moved   int `json:"moved"`   // of them, that had to be moved
}

// Holdings implements [Tenants].
func (d *Direct) Holdings(ctx context.Context, t events.TenantID) (Holdings, error) {
	if _, err := events.ParseTenantID(string(t)); err != nil {
		return Holdings{}, err
	}
	h, err := d.store.Inventory(ctx, t)
	return Holdings{Schemas: orEmpty(h.Schemas), Months: orEmpty(h.Months)}, err
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// PurgeTenant implements [Tenants].
func (d *Direct) PurgeTenant(ctx context.Context, t events.TenantID) (Purged, error) {
	keys, err := d.ListKeys(ctx, t)
	if err != nil {
		return Purged{}, err
	}
	var p Purged
	active := 0
	for _, k := range keys {
		if k.State == "active" {
			active++
		}
		if k.Revoked.After(p.Revoked) {
			p.Revoked = k.Revoked
		}
	}
	if active > 0 {
		return Purged{}, fault.Errorf(fault.Conflict, "tenant %s has %d active API keys: revoke them first, so that nothing new comes in", t, active)
	}
	if p.Items, err = d.store.Purge(ctx, t); err != nil {
		return p, fault.Wrap("admin.PurgeTenant", fault.Unavailable, err)
	}
	if p.Objects, err = d.purgeObjects(ctx, t); err != nil {
		return p, fault.Wrap("admin.PurgeTenant", fault.Unavailable, err)
	}
	return p, nil
}

// purgeObjects deletes the objects and files that show a tenant's records. It
// comes after the ledger: without a head nothing is shown anew.
func (d *Direct) purgeObjects(ctx context.Context, t events.TenantID) (n int, err error) {
	if d.Objects == nil {
		return 0, nil
	}
	for {
		infos, err := d.Objects.List(ctx, "data/"+string(t)+"/", "", 500)
		if err != nil || len(infos) == 0 {
			return n, err
		}
		for _, info := range infos {
			if err := d.Objects.Delete(ctx, info.Key, blob.Condition{}); err != nil {
				return n, err
			}
			n++
		}
	}
}

// MigrateSchema implements [Tenants].
func (d *Direct) MigrateSchema(ctx context.Context, m Migration) (Migrated, error) {
	if _, err := events.ParseTenantID(string(m.Tenant)); err != nil {
		return Migrated{}, err
	}
	if _, err := events.ParseSchemaID(string(m.Schema)); err != nil {
		return Migrated{}, err
	}
	if _, err := events.ParseBackend(string(m.Backend)); err != nil {
		return Migrated{}, err
	}
	if m.KeyField == "" {
		return Migrated{}, fault.Errorf(fault.Invalid, "the name of the key field is empty")
	}
	done, err := d.store.Migrate(ctx, store.Migration{
		Collection: store.Collection{Tenant: m.Tenant, Schema: m.Schema}, Backend: m.Backend, KeyField: m.KeyField,
	}, m.DryRun)
	return Migrated{Records: done.Records, Moved: done.Moved}, err
}

// Holdings implements [Tenants].
func (c *client) Holdings(ctx context.Context, t events.TenantID) (Holdings, error) {
	return do[Holdings](ctx, c, "holdings", tenantArgs{t})
}

// PurgeTenant implements [Tenants].
func (c *client) PurgeTenant(ctx context.Context, t events.TenantID) (Purged, error) {
	return do[Purged](ctx, c, "purge-tenant", tenantArgs{t})
}

// MigrateSchema implements [Tenants].
func (c *client) MigrateSchema(ctx context.Context, m Migration) (Migrated, error) {
	return do[Migrated](ctx, c, "migrate-schema", m)
}

var tenantCalls = []call{
	on("holdings", func(ctx context.Context, a Admin, in tenantArgs) (any, error) { return a.Holdings(ctx, in.Tenant) }),
	on("purge-tenant", func(ctx context.Context, a Admin, in tenantArgs) (any, error) { return a.PurgeTenant(ctx, in.Tenant) }),
	on("migrate-schema", func(ctx context.Context, a Admin, in Migration) (any, error) { return a.MigrateSchema(ctx, in) }),
}
