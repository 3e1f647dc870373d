package boltstore

import (
	"bytes"
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/store"
)

// shardOf returns [store.IdempotencyKey.Shard] for a stored key, which ends in the hash
// from which the shard is computed.
func shardOf(key []byte) int {
	var first [1]byte
	hash := key[bytes.IndexByte(key, 0)+1:]
	_, _ = hex.Decode(first[:], hash[:min(2, len(hash))])
	return int(first[0]) % store.Shards
}

// ListPending implements [store.Outbox]. It includes every completed commit.
func (d *Driver) ListPending(ctx context.Context, shard int, before time.Time, limit int) ([]store.IdempotencyKey, error) {
	return d.indexed(ctx, []byte{byte(shard)}, pendingKey(shard, before, nil), limit)
}

// ListFailed implements [store.Outbox].
func (d *Driver) ListFailed(ctx context.Context, shard, limit int) ([]store.IdempotencyKey, error) {
	return d.indexed(ctx, []byte{byte(failedShard | shard)}, []byte{byte(failedShard|shard) + 1}, limit)
}

// indexed lists the idempotency records of a range of the index.
func (d *Driver) indexed(ctx context.Context, start, end []byte, limit int) (keys []store.IdempotencyKey, err error) {
	now := d.clock()
	err = d.view(ctx, func(tx *boltdb.Tx) error {
		cursor := tx.Bucket(pendingBucket).Cursor()
		for k, _ := cursor.Seek(start); len(keys) < limit && k != nil && bytes.Compare(k, end) < 0; k, _ = cursor.Next() {
			key := k[1+timeSize:]
			v := liveIdempotencyRecord(tx, key, now)
			if v == nil {
				continue
			}
			m, err := d.decodeIdempotencyRecord(key, v)
			if err != nil {
				return err
			}
			keys = append(keys, m.Key)
		}
		return nil
	})
	return keys, err
}

// SaveProgress implements [store.Outbox].
func (d *Driver) SaveProgress(ctx context.Context, key store.IdempotencyKey, s store.Progress) error {
	k, now := idempotencyKey(key), d.clock()
	return d.db.Update(ctx, func(tx *boltdb.Tx) error {
		v := liveIdempotencyRecord(tx, k, now)
		if v == nil {
			return boltdb.ErrUnchanged
		}
		m, err := d.decodeIdempotencyRecord(k, v)
		if err != nil {
			return err
		}
		record, err := d.recordOf(tx, m.Result.Ref)
		if err != nil {
			return err
		}
		idempotencyChanged, recordChanged := s.Apply(&m, record)
		if recordChanged {
			err = d.putRecord(tx, record)
		}
		switch {
		case err != nil:
			return err
		case idempotencyChanged:
			return d.putIdempotencyRecord(tx, k, &m)
		case recordChanged:
			return nil
		}
		return boltdb.ErrUnchanged
	})
}

// recordOf reads a record. It returns nil if the record does not exist.
func (d *Driver) recordOf(tx *boltdb.Tx, ref store.Ref) (*store.Record, error) {
	key := recordKey(ref)
	v := tx.Bucket(recordsBucket).Get(key)
	if v == nil {
		return nil, nil
	}
	h, err := d.decodeRecord(key, v)
	return &h, err
}

func (d *Driver) putRecord(tx *boltdb.Tx, h *store.Record) error {
	key := recordKey(h.Ref)
	if h.Deleted {
		if err := tx.Bucket(expiryBucket).Put(expiryKey(h.Expires, expiringRecord, key), nil); err != nil {
			return err
		}
	}
	return tx.Bucket(recordsBucket).Put(key, d.encodeRecord(key, h))
}

// putIdempotencyRecord replaces an idempotency record and updates the index of those
// with pending work.
func (d *Driver) putIdempotencyRecord(tx *boltdb.Tx, key []byte, m *store.IdempotencyRecord) error {
	for _, index := range []struct {
		key      []byte
		contains bool
	}{
		{pendingKey(m.Key.Shard(), m.Result.Time, key), m.HasPendingWork()},
		{failedKey(m.Key.Shard(), m.Result.Time, key), m.HasFailedEntries()},
	} {
		change := tx.Bucket(pendingBucket).Delete
		if index.contains {
			change = func(key []byte) error { return tx.Bucket(pendingBucket).Put(key, nil) }
		}
		if err := change(index.key); err != nil {
			return err
		}
	}
	return tx.Bucket(idempotencyBucket).Put(key, d.encodeIdempotencyRecord(key, m))
}

// Lease implements [store.Outbox].
func (d *Driver) Lease(ctx context.Context, shard int, owner string, now, until time.Time) (ok bool, err error) {
	key := []byte{byte(shard)}
	err = d.db.Update(ctx, func(tx *boltdb.Tx) error {
		b := tx.Bucket(leasesBucket)
		if v := b.Get(key); v != nil {
			held, err := decode(v, leaseFields)
			if err != nil {
				return err
			}
			if ok = held.owner == owner || !held.until.After(now); !ok {
				return boltdb.ErrUnchanged
			}
		}
		ok = true
		return b.Put(key, encode(nil, lease{owner, until}, leaseFields))
	})
	return ok && err == nil, err
}

// IdempotencyRecords implements [store.Outbox]. The order is by tenant, then hash. The
// cursor is the last key of the page before, as TENANT/HASH.
func (d *Driver) IdempotencyRecords(ctx context.Context, cursor string, limit int) (list []store.IdempotencyRecord, next string, err error) {
	now := d.clock()
	start := []byte(strings.Replace(cursor, "/", "\x00", 1))
	err = d.view(ctx, func(tx *boltdb.Tx) error {
		c := tx.Bucket(idempotencyBucket).Cursor()
		k, v := c.Seek(start)
		if bytes.Equal(k, start) {
			k, v = c.Next()
		}
		var last []byte
		for ; k != nil; k, v = c.Next() {
			if h, _, _, err := splitIdempotencyRecord(v); err == nil && !h.expires.After(now) {
				continue
			}
			if len(list) >= limit {
				next = strings.Replace(string(last), "\x00", "/", 1)
				return nil
			}
			m, err := d.decodeIdempotencyRecord(k, v)
			if err != nil {
				return err
			}
			list, last = append(list, m), k
		}
		return nil
	})
	return list, next, err
}
