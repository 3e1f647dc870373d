package boltstore

import (
	"time"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/internal/format"
)

// maxReap is how many expired things one commit deletes: more than it makes, so
// that they never pile up, and few enough not to be felt.
const maxReap = 4

// reap deletes what has expired, oldest first. An entry of the index may be
// about something that has been replaced since: then only the entry goes.
func reap(tx *bbolt.Tx, now time.Time) error {
	index := tx.Bucket(expiryBucket)
	for range maxReap {
		k, _ := index.Cursor().First()
		if len(k) < timeSize+1 || timeAt(k).After(now) {
			return nil
		}
		kind, key := k[timeSize], append([]byte(nil), k[timeSize+1:]...)
		if err := index.Delete(append([]byte(nil), k...)); err != nil {
			return err
		}
		var err error
		if kind == expiringMark {
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

// dropIdempotencyRecord deletes an idempotency record and what points to it, where there is one.
func dropIdempotencyRecord(tx *bbolt.Tx, key []byte) error {
	v := tx.Bucket(marksBucket).Get(key)
	if v == nil {
		return nil
	}
	h, _, _, err := splitIdempotencyRecord(v)
	if err != nil {
		return err
	}
	if err := tx.Bucket(openBucket).Delete(openKey(shardOf(key), h.committed, key)); err != nil {
		return err
	}
	if err := tx.Bucket(expiryBucket).Delete(expiryKey(h.expires, expiringMark, key)); err != nil {
		return err
	}
	return tx.Bucket(marksBucket).Delete(key)
}

// dropTombstone deletes one that object and file show already. One that is
// still unprojected is put back into the index when it is saved.
func dropTombstone(tx *bbolt.Tx, key []byte, now time.Time) error {
	v := tx.Bucket(headsBucket).Get(key)
	if v == nil {
		return nil
	}
	h, _, _, err := splitRecord(v)
	if format.IsNewer(err) {
		return nil // it stays
	}
	if err != nil || !h.deleted || h.dirty || h.expires.After(now) {
		return err
	}
	return tx.Bucket(headsBucket).Delete(key)
}
