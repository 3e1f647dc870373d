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
	heads, err := d.Records(ctx, c, "", 1)
	if err == nil && len(heads) == 0 {
		err = fault.Errorf(fault.NotFound, "the collection has no records")
	}
	if err != nil {
		return store.Record{}, err
	}
	return heads[0], nil
}

// Inventory implements [store.TenantData].
func (d *Driver) Inventory(ctx context.Context, t events.TenantID) (h store.Inventory, err error) {
	err = d.do(ctx, "holdings", func() error {
		schemas, months := map[events.SchemaID]bool{}, map[string]bool{}
		for ref := range d.heads {
			if ref.Tenant == t {
				schemas[ref.Schema] = true
			}
		}
		for a := range d.totals {
			if a.tenant == t {
				months[a.month] = true
			}
		}
		for key, m := range d.marks {
			if key.Tenant == t && m.Bill.Tokens > 0 {
				months[m.Bill.Month] = true
			}
		}
		h = store.Inventory{Schemas: slices.Sorted(maps.Keys(schemas)), Months: slices.Sorted(maps.Keys(months))}
		return nil
	})
	return h, err
}

// Purge implements [store.TenantData]. It needs no more than one call.
func (d *Driver) Purge(ctx context.Context, t events.TenantID, _ int) (n int, err error) {
	err = d.do(ctx, "purge", func() error {
		n = len(d.heads) + len(d.marks) + len(d.totals) + len(d.keys)
		for ref := range d.heads {
			if ref.Tenant == t {
				delete(d.heads, ref)
			}
		}
		for key := range d.marks {
			if key.Tenant == t {
				delete(d.marks, key)
				delete(d.open, key)
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
		d.order = slices.DeleteFunc(d.order, func(o named) bool { return o.key.Tenant == t })
		n -= len(d.heads) + len(d.marks) + len(d.totals) + len(d.keys)
		return nil
	})
	return n, err
}
