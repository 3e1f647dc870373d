package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// Key implements [apikey.Store].
func (d *Driver) Key(ctx context.Context, id apikey.ID) (k apikey.Key, err error) {
	err = d.view(ctx, func(tx *boltdb.Tx) error {
		k, err = readKey(tx, []byte(id))
		return err
	})
	return k, err
}

// PutKey implements [apikey.Store].
func (d *Driver) PutKey(ctx context.Context, k apikey.Key) error {
	if k.ID == "" {
		return fault.Errorf(fault.Invalid, "key id is empty")
	}
	return d.db.Update(ctx, func(tx *boltdb.Tx) error {
		index := tx.Bucket(keysOfBucket)
		old, err := readKey(tx, []byte(k.ID))
		switch {
		case err == nil:
			err = index.Delete(keysOfKey(&old))
		case fault.Is(err, fault.NotFound):
			err = nil
		}
		if err != nil {
			return err
		}
		if err := index.Put(keysOfKey(&k), nil); err != nil {
			return err
		}
		return tx.Bucket(keysBucket).Put([]byte(k.ID), encodeKey(&k))
	})
}

// TouchKey implements [apikey.Store].
func (d *Driver) TouchKey(ctx context.Context, id apikey.ID, day time.Time) error {
	return d.db.Update(ctx, func(tx *boltdb.Tx) error {
		k, err := readKey(tx, []byte(id))
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		k.LastUsed = day
		return tx.Bucket(keysBucket).Put([]byte(id), encodeKey(&k))
	})
}

// checkAPIKey rejects a change that requires an active API key if the key is not
// active.
func checkAPIKey(tx *boltdb.Tx, w *commit) error {
	if w.ActiveKey == "" {
		return nil
	}
	k, err := readKey(tx, []byte(w.ActiveKey))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || k.Tenant != w.Idempotency.Key.Tenant || !k.Active(w.now) {
		return store.KeyRefused(w.ActiveKey)
	}
	return nil
}

// KeysOf implements [apikey.Store].
func (d *Driver) KeysOf(ctx context.Context, t events.TenantID) (list []apikey.Key, err error) {
	prefix := joinKey(string(t), "")
	err = d.view(ctx, func(tx *boltdb.Tx) error {
		cursor := tx.Bucket(keysOfBucket).Cursor()
		for at, _ := cursor.Seek(prefix); bytes.HasPrefix(at, prefix); at, _ = cursor.Next() {
			if len(at) < len(prefix)+timeSize {
				return errCorrupt
			}
			k, err := readKey(tx, at[len(prefix)+timeSize:])
			if err != nil {
				return err
			}
			list = append(list, k)
		}
		return nil
	})
	return list, err
}

func readKey(tx *boltdb.Tx, id []byte) (apikey.Key, error) {
	v := tx.Bucket(keysBucket).Get(id)
	if v == nil {
		return apikey.Key{}, fault.Errorf(fault.NotFound, "API key %s does not exist", id)
	}
	return decodeKey(v)
}

// encodeKey writes a key in the oldest format that can hold it.
func encodeKey(k *apikey.Key) []byte {
	if number := k.Format(); number > 1 {
		return encode(binary.AppendUvarint([]byte{0}, uint64(number)), *k, keyFields2)
	}
	return encode(nil, *k, keyFields)
}

// decodeKey reads a stored key. A key of format 1 begins with the length of its id,
// which is never 0. A key of a newer format begins with 0 and the format's number.
func decodeKey(v []byte) (apikey.Key, error) {
	if len(v) > 1 && v[0] == 0 {
		number, size := binary.Uvarint(v[1:])
		if err := format.Check("an API key in the ledger", int64(number), format.Key); err != nil {
			return apikey.Key{}, err
		}
		if number == 2 {
			return decode(v[1+size:], keyFields2)
		}
	}
	return decode(v, keyFields)
}
