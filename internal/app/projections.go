package app

import (
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/projection/s3object"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// projections keeps the records of s3 and csv schemas in objects, at
// data/{tenant}/... in the bucket.
func (a *App) projections() *projection.Options {
	layout := layoutIn(a.Catalog)
	if a.config.InactiveSchemas {
		unchecked := tenant.NewCatalog(a.config.Files, &tenant.CatalogOptions{Report: func(diag.Diagnostic) {}})
		layout = activeOr(layout, layoutIn(unchecked))
	}
	return &projection.Options{
		ByBackend: map[events.Backend]projection.Projection{
			events.S3:  s3object.New(a.config.Objects),
			events.CSV: csvfile.New(a.config.Objects),
		},
		Layout: layout,
		// As long as the relay's age, so that the relay's first visit of a record is
		// also the last.
		Lifetime: a.config.Lifetime,
	}
}

// A layoutFunc returns the layout of a collection; see [projection.Options].
type layoutFunc func(context.Context, store.Collection) (projection.Layout, error)

// layoutIn returns the layouts of the schemas in a catalog.
func layoutIn(catalog *tenant.Catalog) layoutFunc {
	return func(ctx context.Context, c store.Collection) (projection.Layout, error) {
		s, err := catalog.Schema(ctx, c.Tenant, c.Schema)
		if err != nil {
			return projection.Layout{}, err
		}
		return projection.Layout{Backend: s.Backend, KeyField: s.KeyField, IntegerKey: s.IntegerKey, Columns: s.Columns, HideKey: !s.LogKey}, nil
	}
}

// activeOr returns the layout of the active schema, or of the file if no schema
// is active. After a restart that is so for a schema whose records have not been
// migrated. `tenant migrate` must read them: they are records of another
// backend, which have no objects.
func activeOr(active, file layoutFunc) layoutFunc {
	return func(ctx context.Context, c store.Collection) (projection.Layout, error) {
		l, err := active(ctx, c)
		if fault.Is(err, fault.Unavailable) {
			return file(ctx, c)
		}
		return l, err
	}
}
