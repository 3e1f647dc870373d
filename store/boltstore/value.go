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

// A Sealer encrypts and authenticates stored values; *seal.Key implements it.
type Sealer interface {
	// Seal appends the sealed plaintext to dst.
	Seal(dst, plaintext, additional []byte) []byte
	// Open appends the plaintext to dst. It returns an error if the value or the
	// additional data differs from what was sealed.
	Open(dst, sealed, additional []byte) ([]byte, error)
}

// plain is the Sealer of a file that is not sealed.
type plain struct{}

func (plain) Seal(dst, plaintext, _ []byte) []byte       { return append(dst, plaintext...) }
func (plain) Open(dst, sealed, _ []byte) ([]byte, error) { return append(dst, sealed...), nil }

// maxVersion is the maximum length of a version in a header.
const maxVersion = 255

// A header holds the fields that a commit needs to check its conditions. It precedes
// the sealed body, so that most commits decrypt nothing.

type recordHeader struct {
	deleted, unprojected bool
	expires              time.Time
	version              store.Version
}

type idempotencyHeader struct {
	committed, expires time.Time
}

const (
	flagDeleted = 1 << iota
	flagUnprojected
)

func (d *Driver) encodeRecord(key []byte, h *store.Record) []byte {
	var flags byte
	if h.Deleted {
		flags |= flagDeleted
	}
	if h.Unprojected {
		flags |= flagUnprojected
	}
	number := h.Format()
	header := appendTime([]byte{byte(number), flags}, h.Expires)
	header = append(header, byte(len(h.Version)))
	header = append(header, h.Version...)
	return d.seal(recordsBucket, key, header, encode(nil, *h, recordFieldsOf(number)))
}

func recordFieldsOf(number int) func(*codec, *store.Record) {
	if number == 1 {
		return recordFields
	}
	return recordFields2
}

// splitRecord reads the header of a stored record; the body is what remains.
func splitRecord(v []byte) (h recordHeader, header, body []byte, err error) {
	const fixed = 2 + timeSize + 1
	if err := checkFormat(v, "a record in the ledger", format.Record); err != nil {
		return h, nil, nil, err
	}
	if len(v) < fixed || len(v) < fixed+int(v[fixed-1]) {
		return h, nil, nil, errCorrupt
	}
	n := fixed + int(v[fixed-1])
	h.deleted, h.unprojected = v[1]&flagDeleted != 0, v[1]&flagUnprojected != 0
	h.expires = timeAt(v[2:])
	h.version = store.Version(v[fixed:n])
	return h, v[:n], v[n:], nil
}

func (d *Driver) decodeRecord(key, v []byte) (store.Record, error) {
	_, header, body, err := splitRecord(v)
	if err != nil {
		return store.Record{}, err
	}
	return unseal(d, recordsBucket, key, header, body, recordFieldsOf(int(v[0])))
}

func (d *Driver) encodeIdempotencyRecord(key []byte, m *store.IdempotencyRecord) []byte {
	header := appendTime(appendTime([]byte{byte(format.Number(m.Format))}, m.Result.Time), m.Expires)
	return d.seal(idempotencyBucket, key, header, encode(nil, *m, idempotencyFields))
}

func splitIdempotencyRecord(v []byte) (h idempotencyHeader, header, body []byte, err error) {
	const n = 1 + 2*timeSize
	if err := checkFormat(v, "an idempotency record in the ledger", format.Idempotency); err != nil {
		return h, nil, nil, err
	}
	if len(v) < n {
		return h, nil, nil, errCorrupt
	}
	return idempotencyHeader{timeAt(v[1:]), timeAt(v[1+timeSize:])}, v[:n], v[n:], nil
}

func (d *Driver) decodeIdempotencyRecord(key, v []byte) (store.IdempotencyRecord, error) {
	_, header, body, err := splitIdempotencyRecord(v)
	if err != nil {
		return store.IdempotencyRecord{}, err
	}
	m, err := unseal(d, idempotencyBucket, key, header, body, idempotencyFields)
	m.Format = format.Field(int(v[0]))
	return m, err
}

var errCorrupt = errors.New("stored value is corrupt")

// checkFormat checks the format number at the start of a value.
func checkFormat(v []byte, what string, known int64) error {
	if len(v) == 0 || v[0] == 0 {
		return errCorrupt
	}
	return format.Check(what, int64(v[0]), known)
}

// seal returns the header followed by the sealed body.
func (d *Driver) seal(bucket, key, header, body []byte) []byte {
	v := make([]byte, 0, len(header)+len(body)+sealOverhead)
	return d.sealer.Seal(append(v, header...), body, slices.Concat(bucket, []byte{0}, key, []byte{0}, header))
}

const sealOverhead = 64 // estimated size of the seal, to allocate once; not a limit

// unseal opens and decodes a body. The result shares no memory with the file.
func unseal[T any](d *Driver, bucket, key, header, body []byte, fields func(*codec, *T)) (v T, err error) {
	openedDriver, err := d.sealer.Open(make([]byte, 0, len(body)), body, slices.Concat(bucket, []byte{0}, key, []byte{0}, header))
	if err == nil {
		v, err = decode(openedDriver, fields)
	}
	if err != nil {
		return v, fault.Wrap("boltstore", fault.Internal, fmt.Errorf("%s: %w", bucket, err))
	}
	return v, nil
}
