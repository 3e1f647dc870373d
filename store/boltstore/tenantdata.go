package boltstore

import (
	"bytes"
	"context"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
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
	err = d.view(ctx, func(tx *boltdb.Tx) error {
		for _, name := range secondParts(tx.Bucket(recordsBucket), t) {
			h.Schemas = append(h.Schemas, events.SchemaID(name))
		}
		h.Months = secondParts(tx.Bucket(usageBucket), t)
		return nil
	})
	return h, err
}

// secondParts returns the distinct second parts of a tenant's keys in a bucket. It
// seeks from one to the next.
func secondParts(b *boltdb.Bucket, t events.TenantID) (names []string) {
	prefix := joinKey(string(t), "")
	cursor := b.Cursor()
	for k, _ := cursor.Seek(prefix); bytes.HasPrefix(k, prefix); {
		name, _, _ := bytes.Cut(k[len(prefix):], []byte{0})
		names = append(names, string(name))
		k, _ = cursor.Seek(append(joinKey(string(t), string(name)), 1)) // the byte after the separator
	}
	return names
}

// Purge implements [store.TenantData]: each call is one transaction.
func (d *Driver) Purge(ctx context.Context, t events.TenantID, limit int) (n int, err error) {
	prefix := joinKey(string(t), "")
	err = d.db.Update(ctx, func(tx *boltdb.Tx) error {
		n = 0
		for _, from := range []struct {
			bucket []byte
			drop   func(tx *boltdb.Tx, key []byte) error
		}{
			{recordsBucket, dropRecord},
			{idempotencyBucket, dropIdempotencyRecord},
			{usageBucket, dropFrom(usageBucket)},
			{tokensBucket, dropFrom(tokensBucket)},
			{keysOfBucket, dropKeyOf(len(prefix) + timeSize)},
		} {
			for _, key := range keysBelow(tx.Bucket(from.bucket), prefix, limit-n) {
				if err := from.drop(tx, key); err != nil {
					return err
				}
				n++
			}
		}
		if n == 0 {
			return boltdb.ErrUnchanged
		}
		return nil
	})
	return n, err
}

func keysBelow(b *boltdb.Bucket, prefix []byte, limit int) (keys [][]byte) {
	cursor := b.Cursor()
	for k, _ := cursor.Seek(prefix); len(keys) < limit && bytes.HasPrefix(k, prefix); k, _ = cursor.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

func dropFrom(bucket []byte) func(tx *boltdb.Tx, key []byte) error {
	return func(tx *boltdb.Tx, key []byte) error { return tx.Bucket(bucket).Delete(key) }
}

// dropRecord deletes a record and its index entries.
func dropRecord(tx *boltdb.Tx, key []byte) error {
	h, _, _, err := splitRecord(tx.Bucket(recordsBucket).Get(key))
	if err != nil {
		return err
	}
	if h.deleted {
		if err := tx.Bucket(expiryBucket).Delete(expiryKey(h.expires, expiringRecord, key)); err != nil {
			return err
		}
	}
	return tx.Bucket(recordsBucket).Delete(key)
}

// dropKeyOf returns a function that deletes an API key and its entry in the index, by
// the key of the entry, in which the id begins at the offset at.
func dropKeyOf(at int) func(tx *boltdb.Tx, key []byte) error {
	return func(tx *boltdb.Tx, key []byte) error {
		if len(key) < at {
			return errCorrupt
		}
		if err := tx.Bucket(keysBucket).Delete(key[at:]); err != nil {
			return err
		}
		return tx.Bucket(keysOfBucket).Delete(key)
	}
}
