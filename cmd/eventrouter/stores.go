package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/deployment"
	"github.com/blockforger/eventrouter/internal/object"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// stores are the records, and the schemas by which they are kept.
type stores struct {
	records *store.Store
	tenants *tenant.Directory
	objects *object.Dir // in which records of s3 and csv schemas can be seen
}

// openStores opens them over a ledger. Objects lie in the folder records of the
// data folder, by the names that they have in S3's bucket: data/{tenant}/...
// A nil clock is time.Now.
func openStores(ledger store.Driver, tree *object.Dir, data string, log *slog.Logger, clock func() time.Time) (*stores, error) {
	path := filepath.Join(data, "records")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fault.New(fault.Invalid, "--data: %v", err)
	}
	objects, err := object.OpenDir(path)
	if err != nil {
		return nil, err
	}
	tenants := tenant.NewDirectory(tree, &tenant.DirectoryOptions{
		Guard:  lambda.Guard(store.New(ledger, &store.Options{Clock: clock})),
		Report: func(f tenant.Finding) { log.Warn("tenant file", "finding", f.String()) },
	})
	written := tenant.NewDirectory(tree, &tenant.DirectoryOptions{Report: func(tenant.Finding) {}})
	layout := inForceElseWritten(lambda.Layout(tenants), lambda.Layout(written))
	return &stores{
		objects: objects,
		tenants: tenants,
		records: store.New(ledger, &store.Options{
			Clock:      clock,
			Projecting: lambda.Projecting(objects, layout, deployment.Timeout+deployment.RelayGrace),
		}),
	}, nil
}

// A layoutFunc is what [store.Projecting] asks.
type layoutFunc func(context.Context, store.Collection) (store.Layout, error)

// inForceElseWritten goes by the schema in force. A schema that is kept out until
// its records are migrated has none after a restart, and `tenant migrate` must
// read them: they are heads of another backend, of which no object has a say.
func inForceElseWritten(inForce, written layoutFunc) layoutFunc {
	return func(ctx context.Context, c store.Collection) (store.Layout, error) {
		l, err := inForce(ctx, c)
		if err != nil && fault.CodeOf(err) == fault.Unavailable {
			return written(ctx, c)
		}
		return l, err
	}
}
