package boltstore

import (
	"bytes"
	"context"
	"encoding/hex"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/store"
)

// shardOf is [store.IdempotencyKey.Shard] by an idempotency record's key, which ends in the
// hash that the shard is made of.
func shardOf(markKey []byte) int {
	var first [1]byte
	hash := markKey[bytes.IndexByte(markKey, 0)+1:]
	_, _ = hex.Decode(first[:], hash[:min(2, len(hash))])
	return int(first[0]) % store.Shards
}

// ListPending implements [store.Outbox]. It does not lag.
func (d *Driver) ListPending(ctx context.Context, shard int, before time.Time, limit int) (keys []store.IdempotencyKey, err error) {
	now := d.clock()
	end := openKey(shard, before, nil)
	err = d.view(ctx, func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(openBucket).Cursor()
		for k, _ := cursor.Seek([]byte{byte(shard)}); len(keys) < limit && k != nil && bytes.Compare(k, end) < 0; k, _ = cursor.Next() {
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
	return d.db.Update(ctx, func(tx *bbolt.Tx) error {
		v := liveIdempotencyRecord(tx, k, now)
		if v == nil {
			return boltdb.ErrUnchanged
		}
		m, err := d.decodeIdempotencyRecord(k, v)
		if err != nil {
			return err
		}
		head, err := d.recordOf(tx, m.Result.Ref)
		if err != nil {
			return err
		}
		markChanged, headChanged := s.Apply(&m, head)
		if headChanged {
			err = d.putRecord(tx, head)
		}
		switch {
		case err != nil:
			return err
		case markChanged:
			return d.putIdempotencyRecord(tx, k, &m)
		case headChanged:
			return nil
		}
		return boltdb.ErrUnchanged
	})
}

// headOf reads an idempotency record's record; nil where there is none.
func (d *Driver) recordOf(tx *bbolt.Tx, ref store.Ref) (*store.Record, error) {
	key := recordKey(ref)
	v := tx.Bucket(headsBucket).Get(key)
	if v == nil {
		return nil, nil
	}
	h, err := d.decodeRecord(key, v)
	return &h, err
}

func (d *Driver) putRecord(tx *bbolt.Tx, h *store.Record) error {
	key := recordKey(h.Ref)
	if h.Deleted {
		if err := tx.Bucket(expiryBucket).Put(expiryKey(h.Expires, expiringHead, key), nil); err != nil {
			return err
		}
	}
	return tx.Bucket(headsBucket).Put(key, d.encodeRecord(key, h))
}

// putMark replaces an idempotency record and keeps the index of open ones.
func (d *Driver) putIdempotencyRecord(tx *bbolt.Tx, key []byte, m *store.IdempotencyRecord) error {
	index, at := tx.Bucket(openBucket), openKey(m.Key.Shard(), m.Result.Time, key)
	var err error
	if m.HasPendingWork() {
		err = index.Put(at, nil)
	} else {
		err = index.Delete(at)
	}
	if err != nil {
		return err
	}
	return tx.Bucket(marksBucket).Put(key, d.encodeIdempotencyRecord(key, m))
}

// Lease implements [store.Outbox].
func (d *Driver) Lease(ctx context.Context, shard int, owner string, now, until time.Time) (ok bool, err error) {
	key := []byte{byte(shard)}
	err = d.db.Update(ctx, func(tx *bbolt.Tx) error {
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

// IdempotencyRecords implements [store.Outbox]. The order is by tenant, then hash; a cursor
// is the last key that was seen, TENANT/HASH.
func (d *Driver) IdempotencyRecords(ctx context.Context, cursor string, limit int) (list []store.IdempotencyRecord, next string, err error) {
	now := d.clock()
	start := []byte(strings.Replace(cursor, "/", "\x00", 1))
	err = d.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(marksBucket).Cursor()
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
