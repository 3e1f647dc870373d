package tenant

import (
	"context"
	"log/slog"
	"math"
	"runtime/debug"
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
	// MaxPositive and MaxNegative are the maximum times for which the content of a
	// file, and its absence, are cached.
	MaxPositive = 30 * time.Second
	MaxNegative = 5 * time.Second

	propertiesFile = "tenant.properties"
	schemaSuffix   = ".json"
)

// CatalogOptions configures a [Catalog]; the zero value uses the defaults.
type CatalogOptions struct {
	// Prefix is the prefix of every key in the bucket.
	Prefix string
	// DefaultBus is the bus of rules that name none. The default is the default bus
	// of account 000000000000 in us-east-1, which is that of a local server.
	DefaultBus events.BusARN
	// AllowBus decides which buses rules may publish to, including the default bus;
	// nil allows every well-formed ARN.
	AllowBus BusPolicy
	// WarnBus reports buses that are allowed, but that something is wrong with: its
	// error is a warning.
	WarnBus BusPolicy
	// CompatibilityCheck is called before a version of a schema becomes active, if it
	// is the first version or has another backend or key field than the active one.
	// If it returns an error, the version does not become active and the error is
	// reported; the check is repeated at the next reload.
	CompatibilityCheck func(ctx context.Context, t events.TenantID, s events.SchemaID, b events.Backend, keyField string) error
	// Report is called with the diagnostics of the files, once for each version of a
	// file. It may be called concurrently. The default logs them.
	Report func(diag.Diagnostic)
	// Vanished is for how long a tenant that this catalog has served is Unavailable after
	// its whole folder has disappeared, instead of NotFound: events are retried then,
	// because a mistaken deletion must not reject them for good. Zero means not at all.
	Vanished time.Duration
	// Clock returns the current time; the default is [time.Now].
	Clock func() time.Time
	// Positive and Negative are the times for which a file's content and its absence
	// are cached. The maximum and default are [MaxPositive] and [MaxNegative].
	Positive, Negative time.Duration
	// MaxBytes is about how much memory the cached files take, at most. The default is
	// a sixth of the process's memory limit (GOMEMLIMIT), or 64 MiB if it has none: enough
	// for 10,000 tenants.
	MaxBytes int64
}

// Catalog is a cached view of the tenants in a bucket. Its data is at most 30
// seconds old while the bucket can be read; otherwise the last good version of each
// file stays active.
//
// Faults: NotFound if the tenant or schema does not exist; Unavailable if it exists
// but has no active version, because its file is malformed, is rejected by the
// compatibility check, or cannot be read.
type Catalog struct {
	files              fileReader
	prefix             string
	policy             policy
	compatibilityCheck func(context.Context, events.TenantID, events.SchemaID, events.Backend, string) error
	tenants            *cache.Cache[events.TenantID, loadedFile[*Tenant]]
	folders            *cache.Cache[events.TenantID, *listing]
	schemas            *cache.Cache[schemaName, loadedFile[*schemaFile]]
}

type schemaName struct {
	tenant events.TenantID
	schema events.SchemaID
}

// NewCatalog returns a catalog of a bucket. Files are read when they are first used.
func NewCatalog(b blob.Bucket, o *CatalogOptions) *Catalog {
	if o == nil {
		o = &CatalogOptions{}
	}
	d := &Catalog{
		files: fileReader{bucket: b, report: o.Report, clock: o.Clock,
			positive: atMost(o.Positive, MaxPositive), negative: atMost(o.Negative, MaxNegative), vanished: o.Vanished},
		prefix:             folder(o.Prefix),
		policy:             policy{defaultBus: o.DefaultBus, allow: o.AllowBus, warn: o.WarnBus},
		compatibilityCheck: o.CompatibilityCheck,
	}
	if d.files.report == nil {
		d.files.report = logDiagnostic
	}
	if d.files.clock == nil {
		d.files.clock = time.Now
	}
	if d.policy.defaultBus == "" {
		d.policy.defaultBus = events.DefaultBus("aws", "us-east-1", "000000000000")
	}
	most := o.MaxBytes
	if most <= 0 {
		most = defaultBytes()
	}
	// In the proportions of a tenant with one schema.
	part := max(1, int(most/32))
	d.tenants = cache.New[events.TenantID, loadedFile[*Tenant]](d.files.clock, 8*part)
	d.folders = cache.New[events.TenantID, *listing](d.files.clock, 3*part)
	d.schemas = cache.New[schemaName, loadedFile[*schemaFile]](d.files.clock, 21*part)
	return d
}

// defaultBytes is the default of [CatalogOptions.MaxBytes].
func defaultBytes() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit / 6
	}
	return 64 << 20
}

// About how much memory a cached file takes: so much without content, and so much for each
// byte of a schema, which is compiled.
const (
	weightOfFile       = 400
	weightOfSchema     = 1500
	weightOfSchemaByte = 5
)

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

// Refresh makes the catalog read each file again when it is next used, instead of up
// to 30 seconds later.
func (d *Catalog) Refresh() {
	d.folders.Expire() // first, so that no other reload uses an old listing
	d.tenants.Expire()
	d.schemas.Expire()
}

// Tenant returns a tenant.
func (d *Catalog) Tenant(ctx context.Context, id events.TenantID) (*Tenant, error) {
	if _, err := events.ParseTenantID(string(id)); err != nil {
		return nil, err
	}
	s, err := d.tenants.Get(ctx, id, func(ctx context.Context, was cache.Loaded[loadedFile[*Tenant]]) cache.Loaded[loadedFile[*Tenant]] {
		key := d.prefix + string(id) + "/" + propertiesFile
		if now, ok := confirmed(ctx, d, id, propertiesFile, was); ok {
			return now
		}
		now := update(ctx, &d.files, key, was, func(data []byte) (*Tenant, []diag.Diagnostic) {
			return parseTenant(id, key, data, d.policy)
		}, nil)
		now.Weight = weightOfFile + now.Value.size
		return now
	})
	if fault.Is(err, fault.NotFound) {
		return nil, &fault.Error{Code: fault.NotFound, Op: "tenant.Tenant", Message: "tenant \"" + string(id) + "\" does not exist", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return s.active, nil
}

// schemaFile is one version of a schema, without its tenant, and the schema bound to
// the version of the tenant with which it was last used.
type schemaFile struct {
	file   string
	schema *Schema
	bound  atomic.Pointer[boundSchema]
}

// boundSchema is a schema combined with one version of its tenant.
type boundSchema struct {
	tenant *Tenant
	schema *Schema
}

// Schema returns a schema of a tenant.
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
		if now, ok := confirmed(ctx, d, t, string(id)+schemaSuffix, was); ok {
			return now
		}
		now := update(ctx, &d.files, key, was, func(data []byte) (*schemaFile, []diag.Diagnostic) {
			s, findings := parseSchema(t, id, key, data, d.policy)
			return &schemaFile{file: key, schema: s}, findings
		}, func(now, next loadedFile[*schemaFile]) error {
			return d.checkActivation(ctx, owner, now, next)
		})
		now.Weight = weightOfFile
		if size := now.Value.size; size > 0 {
			now.Weight = weightOfSchema + weightOfSchemaByte*size
		}
		return now
	})
	if fault.Is(err, fault.NotFound) {
		return nil, &fault.Error{Code: fault.NotFound, Op: "tenant.Schema", Message: "schema \"" + string(id) + "\" does not exist", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return d.bind(s.active, owner)
}

// admit decides whether a version of a schema becomes active: it returns an
// error if not.
func (d *Catalog) checkActivation(ctx context.Context, owner *Tenant, now, next loadedFile[*schemaFile]) error {
	s := next.active.schema
	if f, refused := diag.FirstFatal(s.checkMatches(owner, next.active.file)); refused {
		return fault.Errorf(fault.Invalid, "%s", f.Message)
	}
	moved := !now.hasActive || now.active.schema.Backend != s.Backend ||
		now.active.schema.KeyField != s.KeyField || now.active.schema.IntegerKey != s.IntegerKey
	if d.compatibilityCheck == nil || !moved {
		return nil
	}
	return d.compatibilityCheck(ctx, owner.ID, s.ID, s.Backend, s.KeyField)
}

// bind combines a schema with the tenant's current version. If the two have too many
// rules together, the schema stays bound to the previous version of the tenant.
func (d *Catalog) bind(f *schemaFile, owner *Tenant) (*Schema, error) {
	b := f.bound.Load()
	if b != nil && b.tenant == owner {
		return b.schema, nil
	}
	bound := &boundSchema{tenant: owner}
	if finding, refused := diag.FirstFatal(f.schema.checkMatches(owner, f.file)); refused {
		d.files.reportAll([]diag.Diagnostic{finding}, b != nil)
		if b == nil {
			return nil, unusable(false, fault.Errorf(fault.Invalid, "%s", finding))
		}
		bound.schema = b.schema
	} else {
		bound.schema = f.schema.withTenant(owner)
	}
	f.bound.Store(bound)
	return bound.schema, nil
}

// Tenants lists the tenants that have a properties file, sorted, including those
// with a malformed one. It reads the list from the bucket at each call.
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

// Schemas lists a tenant's schemas, sorted, including malformed ones. It reads the
// list from the bucket at each call.
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
