package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/store"
)

// AggregateUsage implements [store.Billing]. It only validates the keys, because each
// commit aggregates its own bill.
func (d *Driver) AggregateUsage(ctx context.Context, keys []store.IdempotencyKey) error {
	return errors.Join(store.CheckAggregate(keys), ctx.Err())
}

// Usage implements [store.Billing].
func (d *Driver) Usage(ctx context.Context, t events.TenantID, month string) (store.Usage, error) {
	u := store.Usage{Tenant: t, Month: month,
		BySchema: map[events.SchemaID]map[events.Operation]int64{}, ByDay: map[string]int64{}}
	prefix := usagePrefix(t, month)
	err := d.view(ctx, func(tx *boltdb.Tx) error {
		cursor := tx.Bucket(usageBucket).Cursor()
		for k, v := cursor.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = cursor.Next() {
			part := strings.Split(string(k[len(prefix):]), "\x00")
			if len(part) != 3 || len(v) != 8 {
				return errCorrupt
			}
			u.Add(events.SchemaID(part[1]), events.Operation(part[2]), part[0], int64(binary.BigEndian.Uint64(v)))
		}
		return nil
	})
	return u, err
}

// counter returns a stored number, or 0 if it is absent.
func counter(b *boltdb.Bucket, key []byte) int64 {
	if v := b.Get(key); len(v) == 8 {
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}

// count adds n to a stored number.
func count(b *boltdb.Bucket, key []byte, n int64) error {
	return b.Put(key, binary.BigEndian.AppendUint64(nil, uint64(counter(b, key)+n)))
}
