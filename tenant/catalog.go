package tenant

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/cache"
	"github.com/blockforger/eventrouter/tenant/diag"
)

const (
	// MaxPositive and MaxNegative are how long an answer is kept at most: one
	// that something is there, and one that it is not.
	MaxPositive = 30 * time.Second
	MaxNegative = 5 * time.Second

	propertiesFile = "tenant.properties"
	schemaSuffix   = ".json"
)

// CatalogOptions say what a [Catalog] needs not be told. The zero value,
// and nil, are defaults.
type CatalogOptions struct {
	// Prefix stands before every key of the bucket.
	Prefix string
	// DefaultBus is the bus of rules that name none; by default that of account
	// 000000000000 in us-east-1, which is where a local server is.
	DefaultBus events.BusARN
	// AllowBus decides where each rule may publish, the default bus included;
	// nil allows every well-formed ARN.
	AllowBus BusPolicy
	// Guard is asked before a version of a schema comes into force that is the
	// first one read, or has another backend or key field than the one in force.
	// Its error keeps that version out, and is its reason; the guard is asked
	// again while the file stays as it is.
	CompatibilityCheck func(ctx context.Context, t events.TenantID, s events.SchemaID, b events.Backend, keyField string) error
	// Report takes what is found in the files, once for each version of a file;
	// by default it is logged. It may be called by several goroutines at once.
	Report func(diag.Diagnostic)
	// Clock is the time; by default [time.Now].
	Clock func() time.Time
	// Positive and Negative are how long answers are kept, at most and by
	// default [MaxPositive] and [MaxNegative].
	Positive, Negative time.Duration
	// MaxEntries bounds the tenants, and the schemas, that are kept; 2,000 by
	// default.
	MaxEntries int
}

// A Catalog is a cached view of the tree of tenants in a bucket. What it
// answers is at most 30 seconds old while the bucket can be read; while it
// cannot, the last good version stays in force.
//
// Faults: NotFound where there is no such tenant or schema; Unavailable where
// there is one but no good version of it is known, because its file is
// malformed, is kept out by the guard, or cannot be read.
type Catalog struct {
	files   fileReader
	prefix  string
	policy  policy
	guard   func(context.Context, events.TenantID, events.SchemaID, events.Backend, string) error
	tenants *cache.Cache[events.TenantID, loadedFile[*Tenant]]
	schemas *cache.Cache[schemaName, loadedFile[*schemaFile]]
}

type schemaName struct {
	tenant events.TenantID
	schema events.SchemaID
}

// NewCatalog makes a view of a bucket. Nothing is read before it is asked for.
func NewCatalog(b blob.Bucket, o *CatalogOptions) *Catalog {
	if o == nil {
		o = &CatalogOptions{}
	}
	d := &Catalog{
		files: fileReader{bucket: b, report: o.Report, clock: o.Clock,
			positive: atMost(o.Positive, MaxPositive), negative: atMost(o.Negative, MaxNegative)},
		prefix: folder(o.Prefix),
		policy: policy{standard: o.DefaultBus, allow: o.AllowBus},
		guard:  o.CompatibilityCheck,
	}
	if d.files.report == nil {
		d.files.report = logDiagnostic
	}
	if d.files.clock == nil {
		d.files.clock = time.Now
	}
	if d.policy.standard == "" {
		d.policy.standard = events.DefaultBus("aws", "us-east-1", "000000000000")
	}
	most := o.MaxEntries
	if most <= 0 {
		most = 2000
	}
	d.tenants = cache.New[events.TenantID, loadedFile[*Tenant]](d.files.clock, most)
	d.schemas = cache.New[schemaName, loadedFile[*schemaFile]](d.files.clock, most)
	return d
}

func atMost(d, most time.Duration) time.Duration {
	if d <= 0 || d > most {
		return most
	}
	return d
}

func folder(prefix string) string {
	if prefix == "" || strings.HasSuffix(prefix, "/") {
		return prefix
	}
	return prefix + "/"
}

func logDiagnostic(f diag.Diagnostic) {
	level := slog.LevelWarn
	if f.Severity == diag.SeverityError {
		level = slog.LevelError
	}
	slog.Log(context.Background(), level, "tenant file", "place", f.Position(), "finding", f.Message)
}

// Tenant reads one tenant.
func (d *Catalog) Tenant(ctx context.Context, id events.TenantID) (*Tenant, error) {
	if _, err := events.ParseTenantID(string(id)); err != nil {
		return nil, err
	}
	s, err := d.tenants.Get(ctx, id, func(ctx context.Context, was cache.Loaded[loadedFile[*Tenant]]) cache.Loaded[loadedFile[*Tenant]] {
		key := d.prefix + string(id) + "/" + propertiesFile
		return update(ctx, &d.files, key, was, func(data []byte) (*Tenant, []diag.Diagnostic) {
			return parseTenant(id, key, data, d.policy)
		}, nil)
	})
	if fault.Is(err, fault.NotFound) {
		return nil, &fault.Error{Code: fault.NotFound, Op: "tenant.Tenant", Message: "tenant \"" + string(id) + "\" does not exist", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return s.active, nil
}

// A schemaFile is one version of a schema, and what it was last asked for with.
type schemaFile struct {
	file  string
	alone *Schema
	bound atomic.Pointer[boundSchema]
}

// A boundSchema is a schema below one version of its tenant.
type boundSchema struct {
	tenant *Tenant
	schema *Schema
}

// Schema reads one schema of a tenant.
func (d *Catalog) Schema(ctx context.Context, t events.TenantID, id events.SchemaID) (*Schema, error) {
	if _, err := events.ParseSchemaID(string(id)); err != nil {
		return nil, err
	}
	owner, err := d.Tenant(ctx, t)
	if err != nil {
		return nil, err
	}
	s, err := d.schemas.Get(ctx, schemaName{t, id}, func(ctx context.Context, was cache.Loaded[loadedFile[*schemaFile]]) cache.Loaded[loadedFile[*schemaFile]] {
		key := d.prefix + string(t) + "/" + string(id) + schemaSuffix
		return update(ctx, &d.files, key, was, func(data []byte) (*schemaFile, []diag.Diagnostic) {
			s, findings := parseSchema(t, id, key, data, d.policy)
			return &schemaFile{file: key, alone: s}, findings
		}, func(now, next loadedFile[*schemaFile]) error {
			return d.admit(ctx, owner, now, next)
		})
	})
	if fault.Is(err, fault.NotFound) {
		return nil, &fault.Error{Code: fault.NotFound, Op: "tenant.Schema", Message: "schema \"" + string(id) + "\" does not exist", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return d.bind(s.active, owner)
}

// admit decides whether a version of a schema comes into force.
func (d *Catalog) admit(ctx context.Context, owner *Tenant, now, next loadedFile[*schemaFile]) error {
	s := next.active.alone
	if f, refused := diag.FirstFatal(s.checkMatches(owner, next.active.file)); refused {
		return fault.Errorf(fault.Invalid, "%s", f.Message)
	}
	moved := !now.good || now.active.alone.Backend != s.Backend ||
		now.active.alone.KeyField != s.KeyField || now.active.alone.IntegerKey != s.IntegerKey
	if d.guard == nil || !moved {
		return nil
	}
	return d.guard(ctx, owner.ID, s.ID, s.Backend, s.KeyField)
}

// bind puts a schema below the tenant's version of now. Where the two have come
// to have too many rules, the schema stays below the version that it was below.
func (d *Catalog) bind(f *schemaFile, owner *Tenant) (*Schema, error) {
	b := f.bound.Load()
	if b != nil && b.tenant == owner {
		return b.schema, nil
	}
	bound := &boundSchema{tenant: owner}
	if finding, refused := diag.FirstFatal(f.alone.checkMatches(owner, f.file)); refused {
		d.files.reportAll([]diag.Diagnostic{finding}, b != nil)
		if b == nil {
			return nil, unusable(false, fault.Errorf(fault.Invalid, "%s", finding))
		}
		bound.schema = b.schema
	} else {
		bound.schema = f.alone.under(owner)
	}
	f.bound.Store(bound)
	return bound.schema, nil
}

// Tenants lists the tenants that have a properties file, in order, whether it
// is malformed or not. The list is read from the bucket each time.
func (d *Catalog) Tenants(ctx context.Context) ([]events.TenantID, error) {
	keys, err := listKeys(ctx, d.files.bucket, d.prefix)
	if err != nil {
		return nil, fault.Wrap("tenant.Tenants", fault.Unavailable, err)
	}
	var ids []events.TenantID
	for _, key := range keys {
		name, file, _ := strings.Cut(strings.TrimPrefix(key, d.prefix), "/")
		if id, err := events.ParseTenantID(name); err == nil && file == propertiesFile {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Schemas lists a tenant's schemas, in order, whether malformed or not. The
// list is read from the bucket each time.
func (d *Catalog) Schemas(ctx context.Context, t events.TenantID) ([]events.SchemaID, error) {
	if _, err := d.Tenant(ctx, t); err != nil {
		return nil, err
	}
	below := d.prefix + string(t) + "/"
	keys, err := listKeys(ctx, d.files.bucket, below)
	if err != nil {
		return nil, fault.Wrap("tenant.Schemas", fault.Unavailable, err)
	}
	var ids []events.SchemaID
	for _, key := range keys {
		name, isSchema := strings.CutSuffix(strings.TrimPrefix(key, below), schemaSuffix)
		if id, err := events.ParseSchemaID(name); isSchema && err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// listKeys lists all keys with a prefix, page by page.
func listKeys(ctx context.Context, b blob.Bucket, prefix string) ([]string, error) {
	const page = 1000
	var keys []string
	for after := ""; ; after = keys[len(keys)-1] {
		infos, err := b.List(ctx, prefix, after, page)
		if err != nil {
			return nil, err
		}
		for _, info := range infos {
			keys = append(keys, info.Key)
		}
		if len(infos) < page {
			return keys, nil
		}
	}
}
