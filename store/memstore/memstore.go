// Package memstore keeps the ledger in memory. It is the executable specification of
// [store.Driver], short enough to be read as the contract. Tests of other packages
// use it. It also implements [apikey.Store].
//
// A mutex makes every method atomic. The ledger is lost when the process ends.
package memstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// Options configures a [Driver]; the zero value uses the defaults.
type Options struct {
	Clock func() time.Time // time.Now by default

	// Fault is called before and after every operation, with the
	// operation's name and ":before" or ":after". Its error is returned instead of
	// executing the operation, or after executing it. Tests set it.
	Fault func(op string) error
}

// A Driver is a ledger in memory. It is safe for concurrent use.
type Driver struct {
	o Options

	mu          sync.Mutex
	records     map[store.Ref]store.Record
	idempotency map[store.IdempotencyKey]store.IdempotencyRecord
	ordered     []hashedKey                     // the keys of idempotency, ordered by hash
	pending     map[store.IdempotencyKey]string // the hashes of those with pending work
	failed      map[store.IdempotencyKey]bool   // those with failed entries
	totals      map[account]*store.Usage        // of the aggregated bills
	leases      map[int]lease
	buses       map[events.BusARN]busCheck
	keys        map[apikey.ID]apikey.Key
	nextExpiry  time.Time // no item expires before this time
}

type hashedKey struct {
	hash string
	key  store.IdempotencyKey
}

func byHash(a, b hashedKey) int { return cmp.Compare(a.hash, b.hash) }

type account struct {
	tenant events.TenantID
	month  string
}

type lease struct {
	owner string
	until time.Time
}

// A busCheck is the result of the last check of a bus.
type busCheck struct {
	missing bool
	checked time.Time
}

var (
	_ store.Driver = (*Driver)(nil)
	_ apikey.Store = (*Driver)(nil)
)

// New returns an empty ledger. If o is nil, the defaults are used.
func New(o *Options) *Driver {
	d := &Driver{
		records:     map[store.Ref]store.Record{},
		idempotency: map[store.IdempotencyKey]store.IdempotencyRecord{},
		pending:     map[store.IdempotencyKey]string{},
		failed:      map[store.IdempotencyKey]bool{},
		totals:      map[account]*store.Usage{},
		leases:      map[int]lease{},
		buses:       map[events.BusARN]busCheck{},
		keys:        map[apikey.ID]apikey.Key{},
	}
	if o != nil {
		d.o = *o
	}
	if d.o.Clock == nil {
		d.o.Clock = time.Now
	}
	return d
}

// Close returns nil. It does nothing.
func (d *Driver) Close() error { return nil }

// do executes f atomically as the operation op, and calls Options.Fault before and
// after it.
func (d *Driver) do(ctx context.Context, op string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.fault(op + ":before"); err != nil {
		return err
	}
	d.mu.Lock()
	err := f()
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.fault(op + ":after")
}

func (d *Driver) fault(op string) error {
	if d.o.Fault == nil {
		return nil
	}
	return d.o.Fault(op)
}

// Commit implements [store.Ledger].
func (d *Driver) Commit(ctx context.Context, c *store.Change) (r store.Result, err error) {
	err = d.do(ctx, "commit", func() error {
		d.deleteExpired()
		if err := d.checkAPIKey(c); err != nil {
			return err
		}
		if m, ok := d.idempotencyRecord(c.Idempotency.Key); ok {
			r, err = m.Replay(c)
			return err
		}
		if c.Record != nil {
			if h := d.records[c.Record.Ref]; h.Version != c.IfVersion {
				h.Ref = c.Record.Ref
				return &store.VersionConflict{Current: cloneRecord(h)}
			}
		}
		if c.TokenLimit > 0 {
			used := d.usage(account{c.Idempotency.Key.Tenant, c.Idempotency.Bill.Month})
			if err := c.Exhausted(used.Tokens()); err != nil {
				return err
			}
		}
		if c.Record != nil {
			d.records[c.Record.Ref] = cloneRecord(*c.Record)
			d.noteExpiry(c.Record.Expires)
		}
		d.putIdempotencyRecord(cloneIdempotencyRecord(c.Idempotency))
		d.noteExpiry(c.Idempotency.Expires)
		r = c.Idempotency.Result
		return nil
	})
	if err != nil {
		return store.Result{}, err
	}
	return r, nil
}

// idempotencyRecord returns an idempotency record and whether it exists and has not
// expired.
func (d *Driver) idempotencyRecord(key store.IdempotencyKey) (store.IdempotencyRecord, bool) {
	m, ok := d.idempotency[key]
	return m, ok && m.Expires.After(d.o.Clock())
}

// putIdempotencyRecord stores an idempotency record and updates the indexes.
func (d *Driver) putIdempotencyRecord(m store.IdempotencyRecord) {
	n := hashedKey{m.Key.Hash(), m.Key}
	if at, found := slices.BinarySearchFunc(d.ordered, n, byHash); !found {
		d.ordered = slices.Insert(d.ordered, at, n)
	}
	if m.HasPendingWork() {
		d.pending[m.Key] = n.hash
	} else {
		delete(d.pending, m.Key)
	}
	if m.HasFailedEntries() {
		d.failed[m.Key] = true
	} else {
		delete(d.failed, m.Key)
	}
	d.idempotency[m.Key] = m
}

// deleteExpired deletes expired items. It aggregates the bill of an idempotency record
// first, and keeps a tombstone until the object or file shows the deletion.
func (d *Driver) deleteExpired() {
	now := d.o.Clock()
	if d.nextExpiry.IsZero() || d.nextExpiry.After(now) {
		return
	}
	d.nextExpiry = time.Time{}
	for key, m := range d.idempotency {
		if m.Expires.After(now) {
			d.noteExpiry(m.Expires)
			continue
		}
		d.aggregate(&m)
		delete(d.idempotency, key)
		delete(d.pending, key)
		delete(d.failed, key)
	}
	d.ordered = slices.DeleteFunc(d.ordered, func(n hashedKey) bool { _, ok := d.idempotency[n.key]; return !ok })
	for ref, h := range d.records {
		if !h.Deleted || h.Unprojected || h.Expires.After(now) {
			d.noteExpiry(h.Expires)
			continue
		}
		delete(d.records, ref)
	}
}

// noteExpiry lowers nextExpiry to t. The zero time means that the item never expires.
func (d *Driver) noteExpiry(t time.Time) {
	if !t.IsZero() && (d.nextExpiry.IsZero() || t.Before(d.nextExpiry)) {
		d.nextExpiry = t
	}
}

// Record implements [store.Ledger].
func (d *Driver) Record(ctx context.Context, ref store.Ref) (h store.Record, err error) {
	err = d.do(ctx, "record", func() error {
		found, ok := d.records[ref]
		if !ok {
			return fault.Errorf(fault.NotFound, "the record does not exist")
		}
		h = cloneRecord(found)
		return nil
	})
	return h, err
}

// Records implements [store.Ledger].
func (d *Driver) Records(ctx context.Context, c store.Collection, after events.RecordKey, limit int) (list []store.Record, err error) {
	err = d.do(ctx, "records", func() error {
		for ref, h := range d.records {
			if ref.Collection == c && ref.Key > after && !h.Deleted {
				list = append(list, cloneRecord(h))
			}
		}
		slices.SortFunc(list, func(a, b store.Record) int { return cmp.Compare(a.Key, b.Key) })
		list = list[:min(limit, len(list))]
		return nil
	})
	return list, err
}

// IdempotencyRecord implements [store.Ledger].
func (d *Driver) IdempotencyRecord(ctx context.Context, key store.IdempotencyKey) (m store.IdempotencyRecord, err error) {
	err = d.do(ctx, "idempotencyrecord", func() error {
		found, ok := d.idempotencyRecord(key)
		if !ok {
			return fault.Errorf(fault.NotFound, "the idempotency key has not been used")
		}
		m = cloneIdempotencyRecord(found)
		return nil
	})
	return m, err
}

// ListPending implements [store.Outbox].
func (d *Driver) ListPending(ctx context.Context, shard int, before time.Time, limit int) (keys []store.IdempotencyKey, err error) {
	err = d.do(ctx, "listpending", func() error {
		for key := range d.pending {
			if m, live := d.idempotencyRecord(key); live && key.Shard() == shard && m.Result.Time.Before(before) {
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, func(a, b store.IdempotencyKey) int {
			return cmp.Or(d.idempotency[a].Result.Time.Compare(d.idempotency[b].Result.Time), cmp.Compare(d.pending[a], d.pending[b]))
		})
		keys = keys[:min(limit, len(keys))]
		return nil
	})
	return keys, err
}

// ListFailed implements [store.Outbox].
func (d *Driver) ListFailed(ctx context.Context, shard, limit int) (keys []store.IdempotencyKey, err error) {
	err = d.do(ctx, "listfailed", func() error {
		for key := range d.failed {
			if _, live := d.idempotencyRecord(key); live && key.Shard() == shard {
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, func(a, b store.IdempotencyKey) int {
			return cmp.Or(d.idempotency[a].Result.Time.Compare(d.idempotency[b].Result.Time), cmp.Compare(a.Hash(), b.Hash()))
		})
		keys = keys[:min(limit, len(keys))]
		return nil
	})
	return keys, err
}

// SaveProgress implements [store.Outbox].
func (d *Driver) SaveProgress(ctx context.Context, key store.IdempotencyKey, s store.Progress) error {
	return d.do(ctx, "saveprogress", func() error {
		m, ok := d.idempotencyRecord(key)
		if !ok {
			return nil
		}
		m = cloneIdempotencyRecord(m)
		var record *store.Record
		if h, ok := d.records[m.Result.Ref]; ok {
			record = &h
		}
		s.Apply(&m, record)
		d.putIdempotencyRecord(m)
		if record != nil {
			d.records[record.Ref] = *record
		}
		return nil
	})
}

// Lease implements [store.Outbox].
func (d *Driver) Lease(ctx context.Context, shard int, owner string, now, until time.Time) (ok bool, err error) {
	err = d.do(ctx, "lease", func() error {
		held := d.leases[shard]
		if ok = held.owner == owner || !held.until.After(now); ok {
			d.leases[shard] = lease{owner, until}
		}
		return nil
	})
	return ok, err
}

// PutBus implements [store.Buses].
func (d *Driver) PutBus(ctx context.Context, bus events.BusARN, missing bool, checked time.Time) error {
	return d.do(ctx, "put-bus", func() error {
		if !d.buses[bus].checked.After(checked) {
			d.buses[bus] = busCheck{missing, checked}
		}
		return nil
	})
}

// MissingBuses implements [store.Buses].
func (d *Driver) MissingBuses(ctx context.Context) (missing map[events.BusARN]time.Time, err error) {
	err = d.do(ctx, "missing-buses", func() error {
		missing = map[events.BusARN]time.Time{}
		for bus, c := range d.buses {
			if c.missing {
				missing[bus] = c.checked
			}
		}
		return nil
	})
	return missing, err
}

// IdempotencyRecords implements [store.Outbox].
func (d *Driver) IdempotencyRecords(ctx context.Context, cursor string, limit int) (list []store.IdempotencyRecord, next string, err error) {
	err = d.do(ctx, "idempotencyrecords", func() error {
		from, found := slices.BinarySearchFunc(d.ordered, hashedKey{hash: cursor}, byHash)
		if found {
			from++
		}
		last := ""
		for _, n := range d.ordered[from:] {
			m, live := d.idempotencyRecord(n.key)
			if !live {
				continue
			}
			if len(list) == limit {
				next = last
				break
			}
			list, last = append(list, cloneIdempotencyRecord(m)), n.hash
		}
		return nil
	})
	return list, next, err
}

// AggregateUsage implements [store.Billing].
func (d *Driver) AggregateUsage(ctx context.Context, keys []store.IdempotencyKey) error {
	if err := store.CheckAggregate(keys); err != nil {
		return err
	}
	return d.do(ctx, "aggregate", func() error {
		for _, key := range keys {
			if m, ok := d.idempotency[key]; ok {
				d.aggregate(&m)
				d.putIdempotencyRecord(m)
			}
		}
		return nil
	})
}

// aggregate adds an idempotency record's bill to the totals, unless it is already
// aggregated.
func (d *Driver) aggregate(m *store.IdempotencyRecord) {
	if m.Aggregated || m.Bill.Tokens == 0 {
		return
	}
	a := account{m.Key.Tenant, m.Bill.Month}
	if d.totals[a] == nil {
		d.totals[a] = &store.Usage{}
	}
	d.totals[a].AddBill(m)
	m.Aggregated = true
}

// Usage implements [store.Billing].
func (d *Driver) Usage(ctx context.Context, t events.TenantID, month string) (u store.Usage, err error) {
	err = d.do(ctx, "usage", func() error {
		u = d.usage(account{t, month})
		return nil
	})
	return u, err
}

// usage returns the totals plus the bills that are not aggregated.
func (d *Driver) usage(a account) store.Usage {
	u := store.Usage{Tenant: a.tenant, Month: a.month,
		BySchema: map[events.SchemaID]map[events.Operation]int64{}, ByDay: map[string]int64{}}
	if aggregated := d.totals[a]; aggregated != nil {
		for schema, ops := range aggregated.BySchema {
			u.BySchema[schema] = maps.Clone(ops)
		}
		u.ByDay = maps.Clone(aggregated.ByDay)
	}
	for _, m := range d.idempotency {
		if m.Key.Tenant == a.tenant && m.Bill.Month == a.month && m.Bill.Tokens > 0 && !m.Aggregated {
			u.AddBill(&m)
		}
	}
	return u
}

// The driver clones the values that it receives or returns, so that they share no
// memory with the stored ones.

func cloneRecord(h store.Record) store.Record {
	h.Data = h.Data.Clone()
	return h
}

func cloneIdempotencyRecord(m store.IdempotencyRecord) store.IdempotencyRecord {
	m.Outputs.Payload = m.Outputs.Payload.Clone()
	m.Outputs.Document = m.Outputs.Document.Clone()
	m.Outputs.Entries = slices.Clone(m.Outputs.Entries)
	m.Result.Violations = slices.Clone(m.Result.Violations)
	return m
}
