package lambda

import (
	"context"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/projection/csvfile"
	"github.com/blockforger/eventrouter/projection/s3object"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// Projecting shows the records of s3 and csv schemas in a bucket, at
// data/{tenant}/..., as layout says. lifetime is how long an invocation can
// live: where it is the relay's age, the relay's first visit is also the last.
func Projecting(b blob.Bucket, layout func(context.Context, store.Collection) (store.Layout, error), lifetime time.Duration) store.Projections {
	return store.Projections{
		ByBackend: map[events.Backend]store.Projection{
			events.S3:  s3object.New(b),
			events.CSV: csvfile.New(b),
		},
		Layout:   layout,
		Lifetime: lifetime,
	}
}

// Layout answers from the schemas in force. The directory's [Guard] must be over
// a store that projects nothing, or each would ask the other.
func Layout(d *tenant.Catalog) func(context.Context, store.Collection) (store.Layout, error) {
	return func(ctx context.Context, c store.Collection) (store.Layout, error) {
		s, err := d.Schema(ctx, c.Tenant, c.Schema)
		if err != nil {
			return store.Layout{}, err
		}
		return store.Layout{Backend: s.Backend, KeyField: s.KeyField, IntegerKey: s.IntegerKey, Columns: s.Columns, HideKey: !s.LogKey}, nil
	}
}

// bucketPrefix is what stands before data/ in the keys of records: the
// projections put that part there themselves.
func bucketPrefix(dataPrefix string) (string, error) {
	prefix, ok := strings.CutSuffix(dataPrefix, names.DataPrefix)
	if !ok || prefix != "" && !strings.HasSuffix(prefix, "/") {
		return "", fault.Errorf(fault.Invalid, "environment variable %s must be %s, or a path that ends in /%s, not %q",
			names.EnvDataPrefix, names.DataPrefix, names.DataPrefix, dataPrefix)
	}
	return prefix, nil
}
