package boltstore

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/boltdb"
)

// PutBus implements [store.Buses].
func (d *Driver) PutBus(ctx context.Context, bus events.BusARN, missing bool, checked time.Time) error {
	return d.db.Update(ctx, func(tx *boltdb.Tx) error {
		b := tx.Bucket(busesBucket)
		if v := b.Get([]byte(bus)); v != nil {
			last, err := decode(v, busCheckFields)
			if err != nil {
				return err
			}
			if last.checked.After(checked) {
				return boltdb.ErrUnchanged
			}
		}
		return b.Put([]byte(bus), encode(nil, busCheck{missing, checked}, busCheckFields))
	})
}

// MissingBuses implements [store.Buses].
func (d *Driver) MissingBuses(ctx context.Context) (map[events.BusARN]time.Time, error) {
	missing := map[events.BusARN]time.Time{}
	err := d.view(ctx, func(tx *boltdb.Tx) error {
		return tx.Bucket(busesBucket).ForEach(func(bus, v []byte) error {
			last, err := decode(v, busCheckFields)
			if err == nil && last.missing {
				missing[events.BusARN(bus)] = last.checked
			}
			return err
		})
	})
	return missing, err
}
