package boltstore

import (
	"time"

	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/internal/format"
)

// maxExpired is the number of expired items that one commit deletes: more than it
// creates, so that they do not accumulate, and few enough to keep commits fast.
const maxExpired = 4

// deleteExpired deletes expired items, oldest first. If the item of an index entry has
// been replaced since, only the entry is deleted.
func deleteExpired(tx *boltdb.Tx, now time.Time) error {
	index := tx.Bucket(expiryBucket)
	for range maxExpired {
		k, _ := index.Cursor().First()
		if len(k) < timeSize+1 || timeAt(k).After(now) {
			return nil
		}
		kind, key := k[timeSize], append([]byte(nil), k[timeSize+1:]...)
		if err := index.Delete(append([]byte(nil), k...)); err != nil {
			return err
		}
		var err error
		if kind == expiringIdempotencyRecord {
			if liveIdempotencyRecord(tx, key, now) == nil {
				err = dropIdempotencyRecord(tx, key)
			}
		} else {
			err = dropTombstone(tx, key, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropIdempotencyRecord deletes an idempotency record, if it exists, and its index
// entries.
func dropIdempotencyRecord(tx *boltdb.Tx, key []byte) error {
	v := tx.Bucket(idempotencyBucket).Get(key)
	if v == nil {
		return nil
	}
	h, _, _, err := splitIdempotencyRecord(v)
	if err != nil {
		return err
	}
	for _, indexed := range [][]byte{pendingKey(shardOf(key), h.committed, key), failedKey(shardOf(key), h.committed, key)} {
		if err := tx.Bucket(pendingBucket).Delete(indexed); err != nil {
			return err
		}
	}
	if err := tx.Bucket(expiryBucket).Delete(expiryKey(h.expires, expiringIdempotencyRecord, key)); err != nil {
		return err
	}
	return tx.Bucket(idempotencyBucket).Delete(key)
}

// dropTombstone deletes a tombstone if it has expired and the object or file shows the
// deletion. An unprojected tombstone is kept; putRecord adds it to the index of expiry
// again when its projection is saved.
func dropTombstone(tx *boltdb.Tx, key []byte, now time.Time) error {
	v := tx.Bucket(recordsBucket).Get(key)
	if v == nil {
		return nil
	}
	h, _, _, err := splitRecord(v)
	if format.IsNewer(err) {
		return nil // it is kept
	}
	if err != nil || !h.deleted || h.unprojected || h.expires.After(now) {
		return err
	}
	return tx.Bucket(recordsBucket).Delete(key)
}
