package boltstore

import (
	"bytes"
	"context"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/store"
)

// A commit is a change with everything that can be computed before the transaction,
// to keep the transaction short: other commits wait for it.
type commit struct {
	*store.Change
	now                   time.Time
	keyBytes, recordBytes []byte
	idempotency, record   []byte
	pending               bool
}

func (d *Driver) prepareCommit(c *store.Change) *commit {
	m := c.Idempotency
	m.Aggregated = m.Bill.Tokens > 0 // by the commit itself
	w := &commit{Change: c, now: d.clock(), keyBytes: idempotencyKey(m.Key), pending: m.HasPendingWork()}
	w.idempotency = d.encodeIdempotencyRecord(w.keyBytes, &m)
	if c.Record != nil {
		w.recordBytes = recordKey(c.Record.Ref)
		w.record = d.encodeRecord(w.recordBytes, c.Record)
	}
	return w
}

// Commit implements [store.Ledger].
func (d *Driver) Commit(ctx context.Context, c *store.Change) (store.Result, error) {
	if n := len(c.Idempotency.Result.Version); n > maxVersion {
		return store.Result{}, fault.Errorf(fault.Internal, "the version has %d bytes, want at most %d", n, maxVersion)
	}
	w := d.prepareCommit(c)
	var (
		result       store.Result
		conditionErr error
	)
	err := d.db.Update(ctx, func(tx *boltdb.Tx) error {
		result, conditionErr = store.Result{}, nil
		replayed, found, err := d.checkConditions(tx, w)
		if found || err != nil {
			// ErrUnchanged instead of err: an error would make the commits that share
			// the transaction start again.
			result, conditionErr = replayed, err
			return boltdb.ErrUnchanged
		}
		result = c.Idempotency.Result
		if err := w.write(tx); err != nil {
			return err
		}
		return deleteExpired(tx, w.now)
	})
	if err == nil {
		err = conditionErr
	}
	if err != nil {
		return store.Result{}, err
	}
	return result, nil
}

// checkConditions checks the conditions of the change in order: API key, idempotency
// key, version, limit. For a redelivery it returns the stored result. It writes
// nothing.
func (d *Driver) checkConditions(tx *boltdb.Tx, w *commit) (r store.Result, found bool, err error) {
	if err := checkAPIKey(tx, w); err != nil {
		return r, false, err
	}
	if v := liveIdempotencyRecord(tx, w.keyBytes, w.now); v != nil {
		m, err := d.decodeIdempotencyRecord(w.keyBytes, v)
		if err != nil {
			return r, false, err
		}
		r, err = m.Replay(w.Change)
		return r, true, err
	}
	if w.Record != nil {
		if err := d.checkVersion(tx, w); err != nil {
			return r, false, err
		}
	}
	used := counter(tx.Bucket(tokensBucket), tokensKey(w.Idempotency.Key.Tenant, w.Idempotency.Bill.Month))
	return r, false, w.Exhausted(used)
}

func (d *Driver) checkVersion(tx *boltdb.Tx, w *commit) error {
	found := store.Record{Ref: w.Record.Ref}
	if v := tx.Bucket(recordsBucket).Get(w.recordBytes); v != nil {
		h, _, _, err := splitRecord(v)
		if err != nil {
			return err
		}
		if h.version == w.IfVersion {
			return nil
		}
		if found, err = d.decodeRecord(w.recordBytes, v); err != nil {
			return err
		}
	} else if w.IfVersion == "" {
		return nil
	}
	return &store.VersionConflict{Current: found}
}

// write writes the change.
func (w *commit) write(tx *boltdb.Tx) error {
	m := &w.Idempotency
	if err := dropIdempotencyRecord(tx, w.keyBytes); err != nil { // an expired one that deleteExpired has not reached
		return err
	}
	puts := []put{
		{idempotencyBucket, w.keyBytes, w.idempotency},
		{expiryBucket, expiryKey(m.Expires, expiringIdempotencyRecord, w.keyBytes), nil},
	}
	if w.pending {
		puts = append(puts, put{pendingBucket, pendingKey(m.Key.Shard(), m.Result.Time, w.keyBytes), nil})
	}
	if w.Record != nil {
		puts = append(puts, put{recordsBucket, w.recordBytes, w.record})
		if w.Record.Deleted {
			puts = append(puts, put{expiryBucket, expiryKey(w.Record.Expires, expiringRecord, w.recordBytes), nil})
		}
	}
	if err := putAll(tx, puts); err != nil || m.Bill.Tokens == 0 {
		return err
	}
	if err := count(tx.Bucket(usageBucket), usageKey(m), m.Bill.Tokens); err != nil {
		return err
	}
	return count(tx.Bucket(tokensBucket), tokensKey(m.Key.Tenant, m.Bill.Month), m.Bill.Tokens)
}

type put struct{ bucket, key, value []byte }

func putAll(tx *boltdb.Tx, puts []put) error {
	for _, p := range puts {
		if err := tx.Bucket(p.bucket).Put(p.key, p.value); err != nil {
			return err
		}
	}
	return nil
}

// liveIdempotencyRecord returns the stored value of an idempotency record, or nil if it
// is absent or has expired.
func liveIdempotencyRecord(tx *boltdb.Tx, key []byte, now time.Time) []byte {
	v := tx.Bucket(idempotencyBucket).Get(key)
	if v == nil {
		return nil
	}
	if h, _, _, err := splitIdempotencyRecord(v); err == nil && !h.expires.After(now) {
		return nil
	}
	return v // a corrupt one too: decoding it returns the error
}

// Record implements [store.Ledger].
func (d *Driver) Record(ctx context.Context, ref store.Ref) (h store.Record, err error) {
	key := recordKey(ref)
	err = d.view(ctx, func(tx *boltdb.Tx) error {
		v := tx.Bucket(recordsBucket).Get(key)
		if v == nil {
			return fault.Errorf(fault.NotFound, "the record does not exist")
		}
		h, err = d.decodeRecord(key, v)
		return err
	})
	return h, err
}

// Records implements [store.Ledger].
func (d *Driver) Records(ctx context.Context, c store.Collection, after events.RecordKey, limit int) (list []store.Record, err error) {
	prefix := collectionPrefix(c)
	start := recordKey(store.Ref{Collection: c, Key: after})
	err = d.view(ctx, func(tx *boltdb.Tx) error {
		cursor := tx.Bucket(recordsBucket).Cursor()
		k, v := cursor.Seek(start)
		if bytes.Equal(k, start) {
			k, v = cursor.Next()
		}
		for ; len(list) < limit && bytes.HasPrefix(k, prefix); k, v = cursor.Next() {
			if header, _, _, err := splitRecord(v); err == nil && header.deleted {
				continue
			}
			h, err := d.decodeRecord(k, v)
			if err != nil {
				return err
			}
			list = append(list, h)
		}
		return nil
	})
	return list, err
}

// IdempotencyRecord implements [store.Ledger].
func (d *Driver) IdempotencyRecord(ctx context.Context, key store.IdempotencyKey) (m store.IdempotencyRecord, err error) {
	k, now := idempotencyKey(key), d.clock()
	err = d.view(ctx, func(tx *boltdb.Tx) error {
		v := liveIdempotencyRecord(tx, k, now)
		if v == nil {
			return fault.Errorf(fault.NotFound, "the idempotency key has not been used")
		}
		m, err = d.decodeIdempotencyRecord(k, v)
		return err
	})
	return m, err
}

func (d *Driver) view(ctx context.Context, fn func(*boltdb.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.db.View(fn)
}

func (d *Driver) update(fn func(*boltdb.Tx) error) error {
	return d.db.Update(context.Background(), fn)
}
