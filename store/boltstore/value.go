package boltstore

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// A Sealer keeps values from being read on disk; *seal.Key is one.
type Sealer interface {
	// Seal appends the sealed plaintext to dst.
	Seal(dst, plaintext, additional []byte) []byte
	// Open appends the plaintext to dst; it fails where the value or the
	// additional data is not what was sealed.
	Open(dst, sealed, additional []byte) ([]byte, error)
}

// plain is the Sealer of a file that is not sealed.
type plain struct{}

func (plain) Seal(dst, plaintext, _ []byte) []byte       { return append(dst, plaintext...) }
func (plain) Open(dst, sealed, _ []byte) ([]byte, error) { return append(dst, sealed...), nil }

// maxVersion is as long a version as a header holds.
const maxVersion = 255

// What a commit must know of a record or idempotency record stands before the sealed body, so
// that deciding costs no decryption.

type headHeader struct {
	deleted, dirty bool
	expires        time.Time
	stamp          store.Version
}

type markHeader struct {
	committed, expires time.Time
}

const (
	flagDeleted = 1 << iota
	flagDirty
)

func (d *Driver) encodeRecord(key []byte, h *store.Record) []byte {
	var flags byte
	if h.Deleted {
		flags |= flagDeleted
	}
	if h.Unprojected {
		flags |= flagDirty
	}
	number := h.Format()
	header := appendTime([]byte{byte(number), flags}, h.Expires)
	header = append(header, byte(len(h.Version)))
	header = append(header, h.Version...)
	return d.seal(headsBucket, key, header, encode(nil, *h, headFieldsOf(number)))
}

func headFieldsOf(number int) func(*codec, *store.Record) {
	if number == 1 {
		return recordFields
	}
	return headFields2
}

// splitRecord reads the header of a stored record; the body is what remains.
func splitRecord(v []byte) (h headHeader, header, body []byte, err error) {
	const fixed = 2 + timeSize + 1
	if err := checkFormat(v, "a record in the ledger", format.Record); err != nil {
		return h, nil, nil, err
	}
	if len(v) < fixed || len(v) < fixed+int(v[fixed-1]) {
		return h, nil, nil, errDamaged
	}
	n := fixed + int(v[fixed-1])
	h.deleted, h.dirty = v[1]&flagDeleted != 0, v[1]&flagDirty != 0
	h.expires = timeAt(v[2:])
	h.stamp = store.Version(v[fixed:n])
	return h, v[:n], v[n:], nil
}

func (d *Driver) decodeRecord(key, v []byte) (store.Record, error) {
	_, header, body, err := splitRecord(v)
	if err != nil {
		return store.Record{}, err
	}
	return unseal(d, headsBucket, key, header, body, headFieldsOf(int(v[0])))
}

func (d *Driver) encodeIdempotencyRecord(key []byte, m *store.IdempotencyRecord) []byte {
	header := appendTime(appendTime([]byte{byte(format.Number(m.Format))}, m.Result.Time), m.Expires)
	return d.seal(marksBucket, key, header, encode(nil, *m, idempotencyFields))
}

func splitIdempotencyRecord(v []byte) (h markHeader, header, body []byte, err error) {
	const n = 1 + 2*timeSize
	if err := checkFormat(v, "an idempotency record in the ledger", format.Idempotency); err != nil {
		return h, nil, nil, err
	}
	if len(v) < n {
		return h, nil, nil, errDamaged
	}
	return markHeader{timeAt(v[1:]), timeAt(v[1+timeSize:])}, v[:n], v[n:], nil
}

func (d *Driver) decodeIdempotencyRecord(key, v []byte) (store.IdempotencyRecord, error) {
	_, header, body, err := splitIdempotencyRecord(v)
	if err != nil {
		return store.IdempotencyRecord{}, err
	}
	m, err := unseal(d, marksBucket, key, header, body, idempotencyFields)
	m.Format = format.Field(int(v[0]))
	return m, err
}

var errDamaged = errors.New("stored value is damaged")

// checkFormat reads the format that a value begins with.
func checkFormat(v []byte, what string, known int64) error {
	if len(v) == 0 || v[0] == 0 {
		return errDamaged
	}
	return format.Check(what, int64(v[0]), known)
}

// seal puts the sealed body behind its header.
func (d *Driver) seal(bucket, key, header, body []byte) []byte {
	v := make([]byte, 0, len(header)+len(body)+sealOverhead)
	return d.sealer.Seal(append(v, header...), body, slices.Concat(bucket, []byte{0}, key, []byte{0}, header))
}

const sealOverhead = 64 // room that spares an allocation, not a limit

// unseal opens and decodes a body. The result shares no memory with the file.
func unseal[T any](d *Driver, bucket, key, header, body []byte, fields func(*codec, *T)) (v T, err error) {
	opened, err := d.sealer.Open(make([]byte, 0, len(body)), body, slices.Concat(bucket, []byte{0}, key, []byte{0}, header))
	if err == nil {
		v, err = decode(opened, fields)
	}
	if err != nil {
		return v, fault.Wrap("boltstore", fault.Internal, fmt.Errorf("%s: %w", bucket, err))
	}
	return v, nil
}
