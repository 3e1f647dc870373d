package memstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// Key implements [apikey.Store].
func (d *Driver) Key(ctx context.Context, id apikey.ID) (k apikey.Key, err error) {
	err = d.do(ctx, "key", func() error {
		found, ok := d.keys[id]
		if !ok {
			return fault.Errorf(fault.NotFound, "API key %s does not exist", id)
		}
		k = cloneKey(found)
		return nil
	})
	return k, err
}

// PutKey implements [apikey.Store].
func (d *Driver) PutKey(ctx context.Context, k apikey.Key) error {
	return d.do(ctx, "putkey", func() error {
		d.keys[k.ID] = cloneKey(k)
		return nil
	})
}

// TouchKey implements [apikey.Store].
func (d *Driver) TouchKey(ctx context.Context, id apikey.ID, day time.Time) error {
	return d.do(ctx, "touchkey", func() error {
		if k, ok := d.keys[id]; ok {
			k.LastUsed = day
			d.keys[id] = k
		}
		return nil
	})
}

// checkAPIKey rejects a change that requires an active API key if the key is not
// active.
func (d *Driver) checkAPIKey(c *store.Change) error {
	if c.ActiveKey == "" {
		return nil
	}
	k, ok := d.keys[apikey.ID(c.ActiveKey)]
	if !ok || k.Tenant != c.Idempotency.Key.Tenant || !k.Active(d.o.Clock()) {
		return store.KeyRefused(c.ActiveKey)
	}
	return nil
}

// KeysOf implements [apikey.Store].
func (d *Driver) KeysOf(ctx context.Context, t events.TenantID) (list []apikey.Key, err error) {
	err = d.do(ctx, "keysof", func() error {
		for _, k := range d.keys {
			if k.Tenant == t {
				list = append(list, cloneKey(k))
			}
		}
		slices.SortFunc(list, func(a, b apikey.Key) int {
			return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
		})
		return nil
	})
	return list, err
}

func cloneKey(k apikey.Key) apikey.Key {
	k.Permissions = slices.Clone(k.Permissions)
	return k
}
