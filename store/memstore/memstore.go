// Package memstore keeps the ledger in memory. It is the executable
// specification of [store.Driver]: short enough to be read as the contract, and
// what tests above the store run against. It also implements [apikey.Store].
//
// One mutex makes every method atomic. Nothing survives the process.
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

// Options are what a [Driver] may be told; the zero value means the defaults.
type Options struct {
	Clock func() time.Time // time.Now

	// Fault, in tests, is asked before and after every operation; its error is
	// returned instead, "before" of one without and "after" of one with effect.
	Fault func(op string) error
}

// A Driver is the ledger. It is safe for concurrent use.
type Driver struct {
	o Options

	mu     sync.Mutex
	heads  map[store.Ref]store.Record
	marks  map[store.IdempotencyKey]store.IdempotencyRecord
	order  []named                         // the idempotency records by hash
	open   map[store.IdempotencyKey]string // those with something left to do, with their hash
	totals map[account]*store.Usage        // of the bills that are aggregated
	leases map[int]lease
	buses  map[events.BusARN]busCheck
	keys   map[apikey.ID]apikey.Key
	expiry time.Time // nothing expires before
}

type named struct {
	hash string
	key  store.IdempotencyKey
}

func byHash(a, b named) int { return cmp.Compare(a.hash, b.hash) }

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

// New returns an empty ledger. A nil o means the defaults.
func New(o *Options) *Driver {
	d := &Driver{
		heads:  map[store.Ref]store.Record{},
		marks:  map[store.IdempotencyKey]store.IdempotencyRecord{},
		open:   map[store.IdempotencyKey]string{},
		totals: map[account]*store.Usage{},
		leases: map[int]lease{},
		buses:  map[events.BusARN]busCheck{},
		keys:   map[apikey.ID]apikey.Key{},
	}
	if o != nil {
		d.o = *o
	}
	if d.o.Clock == nil {
		d.o.Clock = time.Now
	}
	return d
}

// Close does nothing.
func (d *Driver) Close() error { return nil }

// do runs one operation: atomic, and failed before or after where tests say so.
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
		d.reap()
		if err := d.allows(c); err != nil {
			return err
		}
		if m, ok := d.idempotencyRecord(c.Idempotency.Key); ok {
			r, err = m.Replay(c)
			return err
		}
		if c.Record != nil {
			if h := d.heads[c.Record.Ref]; h.Version != c.IfVersion {
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
			d.heads[c.Record.Ref] = cloneRecord(*c.Record)
			d.expires(c.Record.Expires)
		}
		d.put(cloneIdempotencyRecord(c.Idempotency))
		d.expires(c.Idempotency.Expires)
		r = c.Idempotency.Result
		return nil
	})
	if err != nil {
		return store.Result{}, err
	}
	return r, nil
}

// idempotencyRecord finds an unexpired one.
func (d *Driver) idempotencyRecord(key store.IdempotencyKey) (store.IdempotencyRecord, bool) {
	m, ok := d.marks[key]
	return m, ok && m.Expires.After(d.o.Clock())
}

// put keeps an idempotency record, and the indexes with it.
func (d *Driver) put(m store.IdempotencyRecord) {
	n := named{m.Key.Hash(), m.Key}
	if at, found := slices.BinarySearchFunc(d.order, n, byHash); !found {
		d.order = slices.Insert(d.order, at, n)
	}
	if m.HasPendingWork() {
		d.open[m.Key] = n.hash
	} else {
		delete(d.open, m.Key)
	}
	d.marks[m.Key] = m
}

// reap forgets what has expired. A bill outlives its idempotency record, and a tombstone
// stays until object or file show it.
func (d *Driver) reap() {
	now := d.o.Clock()
	if d.expiry.IsZero() || d.expiry.After(now) {
		return
	}
	d.expiry = time.Time{}
	for key, m := range d.marks {
		if m.Expires.After(now) {
			d.expires(m.Expires)
			continue
		}
		d.aggregate(&m)
		delete(d.marks, key)
		delete(d.open, key)
	}
	d.order = slices.DeleteFunc(d.order, func(n named) bool { _, ok := d.marks[n.key]; return !ok })
	for ref, h := range d.heads {
		if !h.Deleted || h.Unprojected || h.Expires.After(now) {
			d.expires(h.Expires)
			continue
		}
		delete(d.heads, ref)
	}
}

// expires notes when something will; a record never does.
func (d *Driver) expires(t time.Time) {
	if !t.IsZero() && (d.expiry.IsZero() || t.Before(d.expiry)) {
		d.expiry = t
	}
}

// Record implements [store.Ledger].
func (d *Driver) Record(ctx context.Context, ref store.Ref) (h store.Record, err error) {
	err = d.do(ctx, "head", func() error {
		found, ok := d.heads[ref]
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
	err = d.do(ctx, "heads", func() error {
		for ref, h := range d.heads {
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
	err = d.do(ctx, "mark", func() error {
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
	err = d.do(ctx, "open", func() error {
		for key := range d.open {
			if m, live := d.idempotencyRecord(key); live && key.Shard() == shard && m.Result.Time.Before(before) {
				keys = append(keys, key)
			}
		}
		slices.SortFunc(keys, func(a, b store.IdempotencyKey) int {
			return cmp.Or(d.marks[a].Result.Time.Compare(d.marks[b].Result.Time), cmp.Compare(d.open[a], d.open[b]))
		})
		keys = keys[:min(limit, len(keys))]
		return nil
	})
	return keys, err
}

// SaveProgress implements [store.Outbox].
func (d *Driver) SaveProgress(ctx context.Context, key store.IdempotencyKey, s store.Progress) error {
	return d.do(ctx, "settle", func() error {
		m, ok := d.idempotencyRecord(key)
		if !ok {
			return nil
		}
		m = cloneIdempotencyRecord(m)
		var head *store.Record
		if h, ok := d.heads[m.Result.Ref]; ok {
			head = &h
		}
		s.Apply(&m, head)
		d.put(m)
		if head != nil {
			d.heads[head.Ref] = *head
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
	err = d.do(ctx, "marks", func() error {
		from, found := slices.BinarySearchFunc(d.order, named{hash: cursor}, byHash)
		if found {
			from++
		}
		last := ""
		for _, n := range d.order[from:] {
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
	return d.do(ctx, "fold", func() error {
		for _, key := range keys {
			if m, ok := d.marks[key]; ok {
				d.aggregate(&m)
				d.put(m)
			}
		}
		return nil
	})
}

// fold moves an idempotency record's bill into the totals, once.
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

// usage is totals plus what is not aggregated.
func (d *Driver) usage(a account) store.Usage {
	u := store.Usage{Tenant: a.tenant, Month: a.month,
		BySchema: map[events.SchemaID]map[events.Operation]int64{}, ByDay: map[string]int64{}}
	if folded := d.totals[a]; folded != nil {
		for schema, ops := range folded.BySchema {
			u.BySchema[schema] = maps.Clone(ops)
		}
		u.ByDay = maps.Clone(folded.ByDay)
	}
	for _, m := range d.marks {
		if m.Key.Tenant == a.tenant && m.Bill.Month == a.month && m.Bill.Tokens > 0 && !m.Aggregated {
			u.AddBill(&m)
		}
	}
	return u
}

// Values that cross the driver's boundary share nothing with what it keeps.

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
