package memstore

import (
	"context"
	"maps"
	"slices"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

var _ store.TenantData = (*Driver)(nil)

// Sample implements [store.TenantData].
func (d *Driver) Sample(ctx context.Context, c store.Collection) (store.Record, error) {
	records, err := d.Records(ctx, c, "", 1)
	if err == nil && len(records) == 0 {
		err = fault.Errorf(fault.NotFound, "the collection has no records")
	}
	if err != nil {
		return store.Record{}, err
	}
	return records[0], nil
}

// Inventory implements [store.TenantData].
func (d *Driver) Inventory(ctx context.Context, t events.TenantID) (h store.Inventory, err error) {
	err = d.do(ctx, "inventory", func() error {
		schemas, months := map[events.SchemaID]bool{}, map[string]bool{}
		for ref := range d.records {
			if ref.Tenant == t {
				schemas[ref.Schema] = true
			}
		}
		for a := range d.totals {
			if a.tenant == t {
				months[a.month] = true
			}
		}
		for key, m := range d.idempotency {
			if key.Tenant == t && m.Bill.Tokens > 0 {
				months[m.Bill.Month] = true
			}
		}
		h = store.Inventory{Schemas: slices.Sorted(maps.Keys(schemas)), Months: slices.Sorted(maps.Keys(months))}
		return nil
	})
	return h, err
}

// Purge implements [store.TenantData]. One call deletes everything.
func (d *Driver) Purge(ctx context.Context, t events.TenantID, _ int) (n int, err error) {
	err = d.do(ctx, "purge", func() error {
		n = len(d.records) + len(d.idempotency) + len(d.totals) + len(d.keys)
		for ref := range d.records {
			if ref.Tenant == t {
				delete(d.records, ref)
			}
		}
		for key := range d.idempotency {
			if key.Tenant == t {
				delete(d.idempotency, key)
				delete(d.pending, key)
				delete(d.failed, key)
			}
		}
		for a := range d.totals {
			if a.tenant == t {
				delete(d.totals, a)
			}
		}
		for id, k := range d.keys {
			if k.Tenant == t {
				delete(d.keys, id)
			}
		}
		d.ordered = slices.DeleteFunc(d.ordered, func(o hashedKey) bool { return o.key.Tenant == t })
		n -= len(d.records) + len(d.idempotency) + len(d.totals) + len(d.keys)
		return nil
	})
	return n, err
}
