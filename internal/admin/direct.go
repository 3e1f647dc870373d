package admin

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// Direct is an [Admin] that accesses the stores directly. Function operations are
// delegated to Functions: a local server, or CloudWatch and SQS.
type Direct struct {
	Functions
	keys  apikey.Store
	store *projection.Store
	now   func() time.Time

	// Objects is the bucket that records are projected to; it may be nil.
	Objects blob.Bucket

	// Tenants, where it is set, lists the tenants that have files: a key for any
	// other one would open nothing.
	Tenants func(ctx context.Context) ([]events.TenantID, error)

	// Schemas, where it is set, lists the schemas of a tenant that have files.
	Schemas func(ctx context.Context, t events.TenantID) ([]events.SchemaID, error)
}

var _ Admin = (*Direct)(nil)

// NewDirect returns an Admin over keys and records. A nil clock means
// time.Now.
func NewDirect(keys apikey.Store, s *projection.Store, f Functions, clock func() time.Time) *Direct {
	if clock == nil {
		clock = time.Now
	}
	return &Direct{Functions: f, keys: keys, store: s, now: clock}
}

// CreateKey implements [Keys].
func (d *Direct) CreateKey(ctx context.Context, in NewKey) (CreatedKey, error) {
	if _, err := events.ParseTenantID(string(in.Tenant)); err != nil {
		return CreatedKey{}, err
	}
	if err := d.checkTenant(ctx, in.Tenant); err != nil {
		return CreatedKey{}, err
	}
	key, secret, err := apikey.New(in.Tenant, in.Permissions, in.Expires, d.now(), rand.Reader)
	if err != nil {
		return CreatedKey{}, err
	}
	if err := d.keys.PutKey(ctx, key); err != nil {
		return CreatedKey{}, fault.Wrap("admin.CreateKey", fault.Unavailable, err)
	}
	return CreatedKey{KeyID: key.ID, Key: secret.Reveal()}, nil
}

// checkTenant returns NotFound if no file describes the tenant.
func (d *Direct) checkTenant(ctx context.Context, t events.TenantID) error {
	if d.Tenants == nil {
		return nil
	}
	known, err := d.Tenants(ctx)
	if err != nil {
		return fault.Wrap("admin.Tenants", fault.Unavailable, err)
	}
	if !slices.Contains(known, t) {
		return fault.Errorf(fault.NotFound, "tenant %s does not exist: there is no file %s/tenant.properties; tenants that exist: %s", t, t, namesOf(known))
	}
	return nil
}

// namesOf lists tenants or schemas for a message.
func namesOf[T ~string](known []T) string {
	const most = 20
	if len(known) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, t := range known {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(known)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(t))
	}
	return b.String()
}

// CheckExists implements [Tenants].
func (d *Direct) CheckExists(ctx context.Context, t events.TenantID, s events.SchemaID) error {
	if _, err := events.ParseTenantID(string(t)); err != nil {
		return err
	}
	if err := d.checkTenant(ctx, t); err != nil || s == "" || d.Schemas == nil {
		return err
	}
	if _, err := events.ParseSchemaID(string(s)); err != nil {
		return err
	}
	known, err := d.Schemas(ctx, t)
	if err != nil {
		return fault.Wrap("admin.Schemas", fault.Unavailable, err)
	}
	if !slices.Contains(known, s) {
		return fault.Errorf(fault.NotFound, "schema %s of tenant %s does not exist: there is no file %s/%s.json; schemas that exist: %s", s, t, t, s, namesOf(known))
	}
	return nil
}

// ListKeys implements [Keys].
func (d *Direct) ListKeys(ctx context.Context, t events.TenantID) ([]KeyInfo, error) {
	if _, err := events.ParseTenantID(string(t)); err != nil {
		return nil, err
	}
	keys, err := d.keys.KeysOf(ctx, t)
	if err != nil {
		return nil, fault.Wrap("admin.ListKeys", fault.Unavailable, err)
	}
	infos := make([]KeyInfo, len(keys))
	for i, k := range keys {
		infos[i] = d.info(k)
	}
	return infos, nil
}

// RevokeKey implements [Keys].
func (d *Direct) RevokeKey(ctx context.Context, id apikey.ID) (KeyInfo, error) {
	key, err := apikey.Revoke(ctx, d.keys, id, d.now())
	if err != nil {
		return KeyInfo{}, fault.Wrap("admin.RevokeKey", fault.Unavailable, err)
	}
	return d.info(key), nil
}

func (d *Direct) info(k apikey.Key) KeyInfo {
	state := "active"
	switch {
	case !k.Revoked.IsZero():
		state = "revoked"
	case !k.Expires.IsZero() && !d.now().Before(k.Expires):
		state = "expired"
	}
	return KeyInfo{KeyID: k.ID, Tenant: k.Tenant, Permissions: k.Permissions, State: state,
		Created: k.Created, Expires: k.Expires, Revoked: k.Revoked, LastUsed: k.LastUsed}
}

// ListRecords implements [Records].
func (d *Direct) ListRecords(ctx context.Context, q RecordQuery) (RecordPage, error) {
	if _, err := events.ParseTenantID(string(q.Tenant)); err != nil {
		return RecordPage{}, err
	}
	if _, err := events.ParseSchemaID(string(q.Schema)); err != nil {
		return RecordPage{}, err
	}
	if q.Key != "" {
		return d.record(ctx, q)
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	if q.Limit < 1 || q.Limit > 1000 {
		return RecordPage{}, fault.Errorf(fault.Invalid, "limit must be 1 to 1000, not %d", q.Limit)
	}
	heads, err := d.store.List(ctx, store.Collection{Tenant: q.Tenant, Schema: q.Schema}, q.After, q.Limit)
	if err != nil {
		return RecordPage{}, err
	}
	page := RecordPage{Records: make([]Record, len(heads))}
	for i, h := range heads {
		page.Records[i] = Record{Key: h.Key, Revision: h.Revision, Data: h.Data}
	}
	if len(heads) == q.Limit {
		page.Next = heads[len(heads)-1].Key
	}
	return page, nil
}

// record returns a page with one record.
func (d *Direct) record(ctx context.Context, q RecordQuery) (RecordPage, error) {
	if _, err := events.ParseRecordKey(string(q.Key)); err != nil {
		return RecordPage{}, err
	}
	head, err := d.store.Get(ctx, store.Ref{Collection: store.Collection{Tenant: q.Tenant, Schema: q.Schema}, Key: q.Key})
	if fault.Is(err, fault.NotFound) {
		if err := d.CheckExists(ctx, q.Tenant, q.Schema); err != nil {
			return RecordPage{}, err
		}
		return RecordPage{}, fault.Errorf(fault.NotFound, "record %s/%s/%s does not exist", q.Tenant, q.Schema, q.Key)
	}
	if err != nil {
		return RecordPage{}, fault.Wrap("admin.ListRecords", fault.Unavailable, err)
	}
	return RecordPage{Records: []Record{{Key: head.Key, Revision: head.Revision, Data: head.Data}}}, nil
}

// Usage implements [Records].
func (d *Direct) Usage(ctx context.Context, t events.TenantID, month string) (Usage, error) {
	if _, err := events.ParseTenantID(string(t)); err != nil {
		return Usage{}, err
	}
	if _, err := time.Parse("2006-01", month); err != nil {
		return Usage{}, fault.Errorf(fault.Invalid, "month must have the form YYYY-MM, for example 2026-11, not %q", month)
	}
	u, err := d.store.Usage(ctx, t, month)
	if err != nil {
		return Usage{}, fault.Wrap("admin.Usage", fault.Unavailable, err)
	}
	out := Usage{Tenant: t, Month: month, Tokens: u.Tokens(), BySchema: u.BySchema, ByDay: u.ByDay}
	if out.BySchema == nil {
		out.BySchema = map[events.SchemaID]map[events.Operation]int64{}
	}
	return out, nil
}

// recordsPerPage is the number of idempotency records that are scanned for one
// page of entries.
const recordsPerPage = 200

// ListEntries implements [Records].
func (d *Direct) ListEntries(ctx context.Context, q EntryQuery) (EntryPage, error) {
	marks, next, err := d.marks(ctx, &q, q.Cursor)
	if err != nil {
		return EntryPage{}, fault.Wrap("admin.ListEntries", fault.Unavailable, err)
	}
	page := EntryPage{Entries: []trace.Entry{}, Cursor: next}
	for m := range marks {
		for i := range marks[m].Outputs.Entries {
			if info := entryInfo(&marks[m], i); q.matches(&info) {
				page.Entries = append(page.Entries, info)
			}
		}
	}
	return page, nil
}

// maxFailed is the maximum number of idempotency records with failed entries that are
// listed of one shard.
const maxFailed = 10_000

// marks returns a page of the idempotency records whose entries may match a query, and
// the next cursor. Failed entries are found by the index, shard by shard.
func (d *Direct) marks(ctx context.Context, q *EntryQuery, cursor string) ([]store.IdempotencyRecord, string, error) {
	if q.State != string(store.EntryFailed) {
		return d.store.IdempotencyRecords(ctx, cursor, recordsPerPage)
	}
	shard := 0
	if cursor != "" {
		var err error
		if shard, err = strconv.Atoi(cursor); err != nil || shard < 0 || shard >= store.Shards {
			return nil, "", fault.Errorf(fault.Invalid, "the cursor %q is not one that a list of failed entries returned", cursor)
		}
	}
	var marks []store.IdempotencyRecord
	for ; shard < store.Shards; shard++ {
		if len(marks) >= recordsPerPage {
			return marks, strconv.Itoa(shard), nil
		}
		more, err := failedRecords(ctx, d.store, shard, d.now())
		if err != nil {
			return nil, "", err
		}
		marks = append(marks, more...)
	}
	return marks, "", nil
}

// failedRecords returns the idempotency records of a shard that may have failed entries.
func failedRecords(ctx context.Context, from *projection.Store, shard int, now time.Time) ([]store.IdempotencyRecord, error) {
	keys, err := from.ListFailed(ctx, shard, maxFailed)
	if err != nil {
		return nil, err
	}
	// A record that also has pending work is listed as pending.
	pending, err := from.ListPending(ctx, shard, now.Add(time.Hour), maxFailed)
	if err != nil {
		return nil, err
	}
	keys = append(keys, pending...)
	marks := make([]store.IdempotencyRecord, len(keys))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, key := range keys {
		group.Go(func() (err error) {
			marks[i], err = from.IdempotencyRecord(groupCtx, key)
			if fault.Is(err, fault.NotFound) {
				return nil // it expired, and has no entries
			}
			return err
		})
	}
	return marks, group.Wait()
}

// SettleEntries implements [Records].
func (d *Direct) SettleEntries(ctx context.Context, in EntryAction) (EntryActed, error) {
	state := store.EntryPending
	switch in.Action {
	case "retry":
	case "drop":
		state = store.EntryDropped
	default:
		return EntryActed{}, fault.Errorf(fault.Invalid, "action %q is unknown; valid are retry and drop", in.Action)
	}
	var acted EntryActed
	for cursor := ""; ; {
		marks, next, err := d.marks(ctx, &in.Query, cursor)
		if err != nil {
			return acted, fault.Wrap("admin.SettleEntries", fault.Unavailable, err)
		}
		for m := range marks {
			s := store.Progress{Reopen: true}
			for i := range marks[m].Outputs.Entries {
				if info := entryInfo(&marks[m], i); in.Query.matches(&info) && canTransition(store.EntryState(info.State), state) {
					s.Entries = append(s.Entries, store.EntryResult{Index: i, State: state, Time: d.now()})
				}
			}
			if len(s.Entries) == 0 {
				continue
			}
			if err := d.store.SaveProgress(ctx, marks[m].Key, s); err != nil {
				return acted, fault.Wrap("admin.SettleEntries", fault.Unavailable, err)
			}
			acted.Count += len(s.Entries)
		}
		if cursor = next; cursor == "" {
			return acted, nil
		}
	}
}

// canTransition reports whether an action changes an entry from one state to
// another: a published entry can be published again but not dropped.
func canTransition(from, to store.EntryState) bool {
	return from != to && !(from == store.EntryPublished && to == store.EntryDropped)
}

func (q *EntryQuery) matches(e *trace.Entry) bool {
	return (q.Tenant == "" || q.Tenant == e.Tenant) && (q.Bus == "" || q.Bus == e.Bus) &&
		(q.State == "" || q.State == e.State) && (q.OutputID == "" || q.OutputID == e.OutputID) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) && (q.Until.IsZero() || e.Time.Before(q.Until))
}

// EntriesOf returns the entries of an idempotency record, in their order.
func EntriesOf(m *store.IdempotencyRecord) []trace.Entry {
	infos := make([]trace.Entry, len(m.Outputs.Entries))
	for i := range infos {
		infos[i] = entryInfo(m, i)
	}
	return infos
}

func entryInfo(m *store.IdempotencyRecord, i int) trace.Entry {
	e, r := &m.Outputs.Entries[i], &m.Result
	return trace.Entry{
		OutputID: m.OutputID(i), Tenant: r.Ref.Tenant, Schema: r.Ref.Schema, Operation: r.Operation, Key: r.Ref.Key,
		Bus: e.Bus, Source: e.Source, DetailType: e.DetailType,
		State: string(e.State), Attempts: e.Attempts, Error: e.Error, Time: r.Time,
	}
}
