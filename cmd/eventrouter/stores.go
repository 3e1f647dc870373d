package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/durable"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// stores are the records, and the schemas by which they are kept.
type stores struct {
	records *store.Store
	tenants *tenant.Catalog
	objects *blob.Dir // in which records of s3 and csv schemas can be seen
}

// recordsFolder is the folder of the objects, in the data folder.
const recordsFolder = "records"

// checkNoObjects returns an error if the data folder holds objects: without their
// ledger it is not known which of them are records, and which idempotency keys
// have been used.
func checkNoObjects(data string) error {
	objects, err := blob.OpenDir(filepath.Join(data, recordsFolder))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer objects.Close()
	found, err := objects.List(context.Background(), "", "", 1)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fault.Errorf(fault.Invalid, "damaged: %s: it is missing, and %s holds the objects of its records; restore a backup, or start with a new ledger by --new-ledger",
			filepath.Join(data, ledgerFile), filepath.Join(data, recordsFolder))
	}
	return nil
}

// openStores opens them over a ledger. Objects lie in the folder records of the
// data folder, by the names that they have in S3's bucket: data/{tenant}/...
// A nil clock is time.Now.
func openStores(ledger store.Driver, tree *blob.Dir, data string, log *slog.Logger, clock func() time.Time) (*stores, error) {
	path := filepath.Join(data, recordsFolder)
	if err := durable.MkdirAll(path, 0o700); err != nil {
		return nil, fault.Errorf(fault.Invalid, "--data: %v", err)
	}
	objects, err := blob.OpenDir(path)
	if err != nil {
		return nil, err
	}
	tenants := tenant.NewCatalog(tree, &tenant.CatalogOptions{
		CompatibilityCheck: lambda.Guard(store.New(ledger, &store.Options{Clock: clock})),
		Report:             func(f diag.Diagnostic) { log.Warn("tenant file", "finding", f.String()) },
	})
	written := tenant.NewCatalog(tree, &tenant.CatalogOptions{Report: func(diag.Diagnostic) {}})
	layout := inForceElseWritten(lambda.Layout(tenants), lambda.Layout(written))
	return &stores{
		objects: objects,
		tenants: tenants,
		records: store.New(ledger, &store.Options{
			Clock:       clock,
			Projections: lambda.Projecting(objects, layout, names.Timeout+names.RelayGrace),
		}),
	}, nil
}

// A layoutFunc is what [store.Projecting] asks.
type layoutFunc func(context.Context, store.Collection) (store.Layout, error)

// inForceElseWritten goes by the schema in force. A schema that is kept out until
// its records are migrated has none after a restart, and `tenant migrate` must
// envelopeOf them: they are heads of another backend, of which no object has a say.
func inForceElseWritten(inForce, written layoutFunc) layoutFunc {
	return func(ctx context.Context, c store.Collection) (store.Layout, error) {
		l, err := inForce(ctx, c)
		if fault.Is(err, fault.Unavailable) {
			return written(ctx, c)
		}
		return l, err
	}
}
