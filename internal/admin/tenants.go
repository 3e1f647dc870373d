package admin

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// Tenants has the operations that are rare in the life of a tenant.
type Tenants interface {
	// CheckExists returns NotFound if no file describes the tenant or, if a schema is
	// given, the schema. Data of a tenant without files can still be read.
	CheckExists(ctx context.Context, t events.TenantID, s events.SchemaID) error
	// Holdings lists the schemas and months with stored data.
	Holdings(ctx context.Context, t events.TenantID) (Holdings, error)
	// PurgeTenant deletes all data of a tenant: records with their objects and
	// files, idempotency records, bills, API keys. The error is Conflict while a key
	// is active.
	PurgeTenant(ctx context.Context, t events.TenantID) (Purged, error)
	// MigrateSchema moves the records of a schema to another backend or key field.
	MigrateSchema(ctx context.Context, m Migration) (Migrated, error)
}

// Holdings lists the stored data of a tenant.
type Holdings struct {
	Schemas []events.SchemaID `json:"schemas"`
	Months  []string          `json:"months"`
}

// Purged reports what a purge has deleted.
type Purged struct {
	Items   int `json:"items"`   // of the ledger: records, idempotency records, bills, API keys
	Objects int `json:"objects"` // that records were projected to
	// Revoked is when the last API key was revoked. Requests may have been accepted
	// until 30 seconds later; another purge then deletes their data.
	Revoked time.Time `json:"revoked,omitzero"`
}

// Migration holds the arguments of MigrateSchema.
type Migration struct {
	Tenant   events.TenantID `json:"tenant"`
	Schema   events.SchemaID `json:"schema"`
	Backend  events.Backend  `json:"backend"`
	KeyField string          `json:"keyField"`
	DryRun   bool            `json:"dryRun"` // count without moving
}

// Migrated reports the result of a migration, or of a dry run.
type Migrated struct {
	Records int `json:"records"` // of the schema
	Moved   int `json:"moved"`   // records that had to be moved
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
		return Purged{}, fault.Errorf(fault.Conflict, "tenant %s has %d active API keys: revoke them first, so that no new requests are accepted", t, active)
	}
	if p.Items, err = d.store.Purge(ctx, t); err != nil {
		return p, fault.Wrap("admin.PurgeTenant", fault.Unavailable, err)
	}
	if p.Objects, err = d.purgeObjects(ctx, t); err != nil {
		return p, fault.Wrap("admin.PurgeTenant", fault.Unavailable, err)
	}
	return p, nil
}

// purgeObjects deletes the objects and files of a tenant's records. It must run
// after the ledger is purged, because a record could otherwise be projected again.
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
	done, err := d.store.Migrate(ctx, projection.Migration{
		Collection: store.Collection{Tenant: m.Tenant, Schema: m.Schema}, Backend: m.Backend, KeyField: m.KeyField,
	}, m.DryRun)
	return Migrated{Records: done.Records, Moved: done.Moved}, err
}

type existsArgs struct {
	Tenant events.TenantID `json:"tenant"`
	Schema events.SchemaID `json:"schema,omitempty"`
}

// CheckExists implements [Tenants].
func (c *client) CheckExists(ctx context.Context, t events.TenantID, s events.SchemaID) error {
	_, err := do[nothing](ctx, c.connection, "check-exists", existsArgs{t, s})
	return err
}

// Holdings implements [Tenants].
func (c *client) Holdings(ctx context.Context, t events.TenantID) (Holdings, error) {
	return do[Holdings](ctx, c.connection, "holdings", tenantArgs{t})
}

// PurgeTenant implements [Tenants].
func (c *client) PurgeTenant(ctx context.Context, t events.TenantID) (Purged, error) {
	return do[Purged](ctx, c.connection, "purge-tenant", tenantArgs{t})
}

// MigrateSchema implements [Tenants].
func (c *client) MigrateSchema(ctx context.Context, m Migration) (Migrated, error) {
	return do[Migrated](ctx, c.connection, "migrate-schema", m)
}

var tenantCalls = []call{
	on("check-exists", func(ctx context.Context, a Admin, in existsArgs) (any, error) {
		return nothing{}, a.CheckExists(ctx, in.Tenant, in.Schema)
	}),
	on("holdings", func(ctx context.Context, a Admin, in tenantArgs) (any, error) { return a.Holdings(ctx, in.Tenant) }),
	on("purge-tenant", func(ctx context.Context, a Admin, in tenantArgs) (any, error) { return a.PurgeTenant(ctx, in.Tenant) }),
	on("migrate-schema", func(ctx context.Context, a Admin, in Migration) (any, error) { return a.MigrateSchema(ctx, in) }),
}
