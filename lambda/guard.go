package lambda

import (
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// Guard is what a tenant.Catalog calls before a schema comes into force: it
// keeps out a backend or key field under which records are not kept (R45).
func Guard(s *store.Store) func(context.Context, events.TenantID, events.SchemaID, events.Backend, string) error {
	return func(ctx context.Context, t events.TenantID, schema events.SchemaID, b events.Backend, keyField string) error {
		return s.CheckCompatible(ctx, store.Collection{Tenant: t, Schema: schema}, b, keyField)
	}
}
