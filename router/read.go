package router

import (
	"context"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// Schema names under which reads that are not of one schema are billed. No schema
// can have them, because an id begins with a letter or digit.
const (
	BilledUsage       = events.SchemaID("_usage")
	BilledDescription = events.SchemaID("_openapi")
)

// A Document is the result of reading one record.
type Document struct {
	Record store.Record
	// NotModified reports that the caller has this version already: If-None-Match
	// contains it.
	NotModified bool
}

// Get reads one record. Its key is [Call.Key].
func (r *Router) Get(ctx context.Context, c *Call) (Document, *Report, error) {
	var found Document
	report, err := r.read(ctx, c, func(ctx context.Context, req *request, report *Report) (store.Ref, error) {
		ref := store.Ref{Collection: req.collection()}
		schema, err := r.tenants.Schema(ctx, req.tenant, req.schema)
		if err != nil {
			return ref, err
		}
		if ref.Key, err = pathKey(req.path, schema); err != nil {
			return ref, err
		}
		report.names(ref.Key, schema)
		if found.Record, err = r.store.Get(ctx, ref); err != nil && !fault.Is(err, fault.NotFound) {
			return ref, err
		}
		if err != nil || found.Record.Deleted {
			return ref, fault.Errorf(fault.NotFound, "there is no record with this key")
		}
		stamp, want := found.Record.Version, &req.condition
		if len(want.Match) > 0 && !slices.Contains(want.Match, stamp) {
			return ref, fault.Errorf(fault.Precondition, "the record has changed: its ETag is not one that If-Match names")
		}
		found.NotModified = want.NoneMatchAny || slices.Contains(want.NoneMatch, stamp)
		return ref, nil
	})
	if err != nil {
		return Document{}, report, err
	}
	return found, report, nil
}

// A Page selects a part of a list.
type Page struct {
	Limit  int    // 1 to [MaxPage]; 0 means 100
	Cursor string // as an earlier page gave it; "" is the start
}

const (
	// MaxPage is how many records a page has at most.
	MaxPage     = 1000
	defaultPage = 100

	// pageBytes ends a page early: API Gateway and Lambda limit a response.
	pageBytes = 4 << 20
	// listAtOnce bounds the records in memory before a page is known to be full.
	listAtOnce = 100
)

// A Listing is one page of records, in byte order of their keys.
type Listing struct {
	Records []store.Record
	Next    string // the cursor of the next page; "" at the end
}

// List reads a page of the records of a schema.
func (r *Router) List(ctx context.Context, c *Call, p Page) (Listing, *Report, error) {
	var listing Listing
	report, err := r.read(ctx, c, func(ctx context.Context, req *request, _ *Report) (store.Ref, error) {
		at := req.collection()
		if p.Limit == 0 {
			p.Limit = defaultPage
		}
		if p.Limit < 1 || p.Limit > MaxPage {
			return store.Ref{Collection: at}, fault.Errorf(fault.Invalid, "limit must be 1 to %d", MaxPage)
		}
		after, err := parseCursor(p.Cursor, at)
		if err != nil {
			return store.Ref{Collection: at}, err
		}
		if _, err := r.tenants.Schema(ctx, req.tenant, req.schema); err != nil {
			return store.Ref{Collection: at}, err
		}
		listing, err = r.list(ctx, at, after, p.Limit)
		return store.Ref{Collection: at}, err
	})
	if err != nil {
		return Listing{}, report, err
	}
	return listing, report, nil
}

func (r *Router) list(ctx context.Context, at store.Collection, after events.RecordKey, limit int) (Listing, error) {
	var out Listing
	bytes := 0
	for {
		// One record more than the limit shows whether this is the last page.
		ask := min(limit-len(out.Records)+1, listAtOnce)
		heads, err := r.store.List(ctx, at, after, ask)
		if err != nil {
			return Listing{}, err
		}
		for _, h := range heads {
			if bytes += len(h.Data); len(out.Records) == limit || len(out.Records) > 0 && bytes > pageBytes {
				out.Next = newCursor(at, out.Records[len(out.Records)-1].Key)
				return out, nil
			}
			out.Records = append(out.Records, h)
			after = h.Key
		}
		if len(heads) < ask {
			return out, nil
		}
	}
}

// Usage reads the tenant's usage in a month, for example 2026-11, without the bill
// of this read; "" is the current month. [Call.Schema] is ignored.
func (r *Router) Usage(ctx context.Context, c *Call, month string) (store.Usage, *Report, error) {
	var usage store.Usage
	report, err := r.read(ctx, c.billedAs(BilledUsage), func(ctx context.Context, req *request, _ *Report) (store.Ref, error) {
		ref := store.Ref{Collection: req.collection()}
		if month == "" {
			month = store.Month(r.now())
		}
		if _, err := time.Parse("2006-01", month); err != nil {
			return ref, fault.Errorf(fault.Invalid, "month must have the form YYYY-MM, for example 2026-11")
		}
		var err error
		usage, err = r.store.Usage(ctx, req.tenant, month)
		usage.Tenant, usage.Month = req.tenant, month
		return ref, err
	})
	if err != nil {
		return store.Usage{}, report, err
	}
	return usage, report, nil
}

// A Description lists the parts of a tenant's API.
type Description struct {
	Tenant  *tenant.Tenant
	Schemas []*tenant.Schema // in order of their ids
}

// Describe reads the tenant's schemas. A schema whose file never was valid is left
// out. [Call.Schema] is ignored.
func (r *Router) Describe(ctx context.Context, c *Call) (Description, *Report, error) {
	var out Description
	report, err := r.read(ctx, c.billedAs(BilledDescription), func(ctx context.Context, req *request, _ *Report) (store.Ref, error) {
		ref := store.Ref{Collection: req.collection()}
		var err error
		if out.Tenant, err = r.tenants.Tenant(ctx, req.tenant); err != nil {
			return ref, err
		}
		ids, err := r.tenants.Schemas(ctx, req.tenant)
		if err != nil {
			return ref, err
		}
		for _, id := range ids {
			schema, err := r.tenants.Schema(ctx, req.tenant, id)
			if err != nil && ctx.Err() != nil {
				return ref, err
			}
			if err == nil {
				out.Schemas = append(out.Schemas, schema)
			}
		}
		return ref, nil
	})
	if err != nil {
		return Description{}, report, err
	}
	return out, report, nil
}

// read is the pipeline of reads: decode, authorize, throttle, read, bill. A read is
// billed if it succeeds (R53), also if the record has not been modified.
func (r *Router) read(ctx context.Context, c *Call, find func(context.Context, *request, *Report) (store.Ref, error)) (report *Report, err error) {
	report = newReport(c.RequestID, r.now)
	var result store.Result
	defer func() { report.finish(&result, err) }()

	req, err := c.request()
	report.decoded(&req)
	if err != nil {
		return report, err
	}
	authorized, err := r.authorize(ctx, req)
	report.authorized(&authorized)
	if err != nil {
		return report, err
	}
	if report.Quota, err = r.throttle.take(authorized.owner, false, r.now()); err != nil {
		return report, err
	}
	ref, err := find(ctx, &req, report)
	report.lap("read")
	if err != nil {
		return report, err
	}
	result, err = r.commit(ctx, &authorized, store.Change{
		Idempotency: store.IdempotencyRecord{
			Key:         authorized.idempotency,
			Fingerprint: authorized.fingerprint,
			Result:      store.Result{Ref: ref, Operation: events.Get},
			Bill:        store.Bill{Tokens: TokensPerRequest, KeyID: string(authorized.keyID)},
		},
		TokenLimit: authorized.owner.TokenLimit,
	})
	report.lap("bill")
	return report, err
}

func (c *Call) billedAs(name events.SchemaID) *Call {
	billed := *c
	billed.billed = name
	return &billed
}

// pathKey parses the key in a path.
func pathKey(s string, schema *tenant.Schema) (events.RecordKey, error) {
	if schema.IntegerKey {
		return events.ParseIntegerRecordKey(s)
	}
	return events.ParseRecordKey(s)
}
