package boltstore

import (
	"bytes"
	"testing"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/store"
)

// SetFormat replaces the format number of a stored record, or of a stored
// idempotency record if key has a value.
func (d *Driver) SetFormat(t testing.TB, ref store.Ref, key store.IdempotencyKey, number int) {
	t.Helper()
	bucket, at := recordsBucket, recordKey(ref)
	if key.Value != "" {
		bucket, at = idempotencyBucket, idempotencyKey(key)
	}
	d.change(t, func(tx *boltdb.Tx) error {
		v := bytes.Clone(tx.Bucket(bucket).Get(at))
		v[0] = byte(number)
		return tx.Bucket(bucket).Put(at, v)
	})
}

// SetKeyFormat puts a format number before a stored API key.
func (d *Driver) SetKeyFormat(t testing.TB, id apikey.ID, number int) {
	d.change(t, func(tx *boltdb.Tx) error {
		b := tx.Bucket(keysBucket)
		return b.Put([]byte(id), append([]byte{0, byte(number)}, b.Get([]byte(id))...))
	})
}

// SetFileFormat replaces the format number of the file.
func (d *Driver) SetFileFormat(t testing.TB, number string) {
	d.change(t, func(tx *boltdb.Tx) error { return tx.Bucket(metaBucket).Put([]byte("format"), []byte(number)) })
}

func (d *Driver) change(t testing.TB, f func(*boltdb.Tx) error) {
	t.Helper()
	if err := d.update(f); err != nil {
		t.Fatal(err)
	}
}
