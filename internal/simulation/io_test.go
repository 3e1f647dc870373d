package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

var background = context.Background()

// none is the value of a call that returns only an error.
type none = struct{}

func only(err error) (none, error) { return none{}, err }

// A ledger is the view that one node has of the database. Every method is a call that
// the scheduler selects.
type ledger struct {
	w    *world
	n    *node
	data *database
}

var _ app.Ledger = (*ledger)(nil)

// A database is the ledger itself, with the history that the invariants are checked
// against.
type database struct {
	*memstore.Driver
	commits []commit
	listed  map[int][]store.IdempotencyKey // what ListPending returned last, by shard
}

// A commit is a change that was applied: not a redelivery, and not a failure.
type commit struct {
	change store.Change
	result store.Result
	at     time.Time
}

func (d *database) commit(c store.Change) (store.Result, error) {
	result, err := d.Driver.Commit(background, &c)
	if err == nil && !result.Replayed {
		d.commits = append(d.commits, commit{c, result, time.Now()})
	}
	return result, err
}

// Commit works on a copy: a call can be carried out after its caller has given up.
func (l *ledger) Commit(ctx context.Context, c *store.Change) (store.Result, error) {
	change := *c
	name := fmt.Sprintf("commit %s/%s", c.Idempotency.Key.Tenant, c.Idempotency.Key.Value)
	if c.Record != nil {
		name += " of " + c.Record.Path()
	}
	return perform(ctx, l.w, l.n, name, func() (store.Result, error) { return l.data.commit(change) })
}

func (l *ledger) Record(ctx context.Context, ref store.Ref) (store.Record, error) {
	return perform(ctx, l.w, l.n, "read "+ref.Path(), func() (store.Record, error) { return l.data.Record(background, ref) })
}

func (l *ledger) Records(ctx context.Context, c store.Collection, after events.RecordKey, limit int) ([]store.Record, error) {
	return perform(ctx, l.w, l.n, fmt.Sprintf("list %s/%s after %q", c.Tenant, c.Schema, after), func() ([]store.Record, error) {
		return l.data.Records(background, c, after, limit)
	})
}

func (l *ledger) IdempotencyRecord(ctx context.Context, key store.IdempotencyKey) (store.IdempotencyRecord, error) {
	return perform(ctx, l.w, l.n, "read idempotency record "+key.Value, func() (store.IdempotencyRecord, error) {
		return l.data.IdempotencyRecord(background, key)
	})
}

// ListPending may lag: it then leaves out work that was committed lately, and contains
// work that is done.
func (l *ledger) ListPending(ctx context.Context, shard int, before time.Time, limit int) ([]store.IdempotencyKey, error) {
	return perform(ctx, l.w, l.n, fmt.Sprintf("list pending of shard %d", shard), func() ([]store.IdempotencyKey, error) {
		keys, err := l.data.ListPending(background, shard, before, limit)
		if err != nil {
			return nil, err
		}
		old := l.data.listed[shard]
		l.data.listed[shard] = keys
		if l.w.chance(staleList, 300) {
			l.w.log("  the list of shard %d is stale", shard)
			return slices.Clone(old[:min(len(old), limit)]), nil
		}
		return slices.Clone(keys), nil
	})
}

func (l *ledger) SaveProgress(ctx context.Context, key store.IdempotencyKey, p store.Progress) error {
	p.Entries = slices.Clone(p.Entries)
	_, err := perform(ctx, l.w, l.n, "save progress of "+key.Value, func() (none, error) {
		return only(l.data.SaveProgress(background, key, p))
	})
	return err
}

func (l *ledger) Lease(ctx context.Context, shard int, owner string, now, until time.Time) (bool, error) {
	return perform(ctx, l.w, l.n, fmt.Sprintf("lease shard %d", shard), func() (bool, error) {
		return l.data.Lease(background, shard, owner, now, until)
	})
}

func (l *ledger) ListFailed(ctx context.Context, shard, limit int) ([]store.IdempotencyKey, error) {
	return perform(ctx, l.w, l.n, fmt.Sprintf("list failed of shard %d", shard), func() ([]store.IdempotencyKey, error) {
		return l.data.ListFailed(background, shard, limit)
	})
}

func (l *ledger) IdempotencyRecords(ctx context.Context, cursor string, limit int) (records []store.IdempotencyRecord, next string, err error) {
	records, err = perform(ctx, l.w, l.n, "list idempotency records after "+cursor, func() (list []store.IdempotencyRecord, err error) {
		list, next, err = l.data.IdempotencyRecords(background, cursor, limit)
		return list, err
	})
	return records, next, err
}

func (l *ledger) AggregateUsage(ctx context.Context, keys []store.IdempotencyKey) error {
	keys = slices.Clone(keys)
	_, err := perform(ctx, l.w, l.n, fmt.Sprintf("aggregate %d bills from %s", len(keys), keys[0].Value), func() (none, error) {
		return only(l.data.AggregateUsage(background, keys))
	})
	return err
}

func (l *ledger) Usage(ctx context.Context, t events.TenantID, month string) (store.Usage, error) {
	return perform(ctx, l.w, l.n, "usage of "+string(t), func() (store.Usage, error) { return l.data.Usage(background, t, month) })
}

func (l *ledger) PutBus(ctx context.Context, b events.BusARN, missing bool, checked time.Time) error {
	_, err := perform(ctx, l.w, l.n, "store that "+string(b)+" was checked", func() (none, error) {
		return only(l.data.PutBus(background, b, missing, checked))
	})
	return err
}

func (l *ledger) MissingBuses(ctx context.Context) (map[events.BusARN]time.Time, error) {
	return perform(ctx, l.w, l.n, "missing buses", func() (map[events.BusARN]time.Time, error) { return l.data.MissingBuses(background) })
}

func (l *ledger) Key(ctx context.Context, id apikey.ID) (apikey.Key, error) {
	return perform(ctx, l.w, l.n, "read key "+string(id), func() (apikey.Key, error) { return l.data.Key(background, id) })
}

func (l *ledger) PutKey(ctx context.Context, k apikey.Key) error {
	_, err := perform(ctx, l.w, l.n, "store key "+string(k.ID), func() (none, error) { return only(l.data.PutKey(background, k)) })
	return err
}

func (l *ledger) TouchKey(ctx context.Context, id apikey.ID, day time.Time) error {
	_, err := perform(ctx, l.w, l.n, "touch key "+string(id), func() (none, error) { return only(l.data.TouchKey(background, id, day)) })
	return err
}

func (l *ledger) KeysOf(ctx context.Context, t events.TenantID) ([]apikey.Key, error) {
	return perform(ctx, l.w, l.n, "keys of "+string(t), func() ([]apikey.Key, error) { return l.data.KeysOf(background, t) })
}

func (l *ledger) Sample(ctx context.Context, c store.Collection) (store.Record, error) {
	return perform(ctx, l.w, l.n, fmt.Sprintf("sample %s/%s", c.Tenant, c.Schema), func() (store.Record, error) { return l.data.Sample(background, c) })
}

func (l *ledger) Inventory(ctx context.Context, t events.TenantID) (store.Inventory, error) {
	return perform(ctx, l.w, l.n, "inventory of "+string(t), func() (store.Inventory, error) { return l.data.Inventory(background, t) })
}

func (l *ledger) Purge(ctx context.Context, t events.TenantID, limit int) (int, error) {
	return perform(ctx, l.w, l.n, "purge "+string(t), func() (int, error) { return l.data.Purge(background, t, limit) })
}

func (l *ledger) Close() error { return nil }

// A bucket is the view that one node has of the objects.
type bucket struct {
	w    *world
	n    *node
	data *blob.Memory
}

var _ blob.Bucket = (*bucket)(nil)

func (b *bucket) Get(ctx context.Context, key string, known blob.ETag) (blob.Object, error) {
	return perform(ctx, b.w, b.n, "get "+key, func() (blob.Object, error) { return b.data.Get(background, key, known) })
}

func (b *bucket) Put(ctx context.Context, key string, data []byte, metadata map[string]string, c blob.Condition) (blob.ETag, error) {
	data = slices.Clone(data)
	return perform(ctx, b.w, b.n, "put "+key, func() (blob.ETag, error) { return b.data.Put(background, key, data, metadata, c) })
}

func (b *bucket) Delete(ctx context.Context, key string, c blob.Condition) error {
	_, err := perform(ctx, b.w, b.n, "delete "+key, func() (none, error) { return only(b.data.Delete(background, key, c)) })
	return err
}

func (b *bucket) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	return perform(ctx, b.w, b.n, fmt.Sprintf("list objects %s after %q", prefix, after), func() ([]blob.Info, error) {
		return b.data.List(background, prefix, after, limit)
	})
}

// An eventBridge is the view that one node has of the event buses.
type eventBridge struct {
	w         *world
	n         *node
	published *[]events.Entry
}

var _ app.EventBridge = (*eventBridge)(nil)

// Send publishes the entries, or only some of them.
func (e *eventBridge) Send(ctx context.Context, region string, entries []events.Entry) ([]bus.Result, error) {
	entries = slices.Clone(entries)
	return perform(ctx, e.w, e.n, fmt.Sprintf("publish %d from %s", len(entries), entries[0].OutputID), func() ([]bus.Result, error) {
		results := make([]bus.Result, len(entries))
		for i, entry := range entries {
			if e.w.chance(partial, 50) {
				e.w.log("  entry %s is throttled", entry.OutputID)
				results[i].Code = "ThrottlingException"
				continue
			}
			*e.published = append(*e.published, entry)
			results[i].EventID = entry.OutputID
		}
		return results, nil
	})
}

// Exists reports that every bus exists.
func (e *eventBridge) Exists(ctx context.Context, b events.BusARN) (bool, error) {
	return perform(ctx, e.w, e.n, "find bus "+string(b), func() (bool, error) { return true, nil })
}
