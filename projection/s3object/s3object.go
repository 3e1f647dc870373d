// Package s3object projects records to objects. Each record is one JSON document at
//
//	data/{tenant}/{schema}/{key}.json
//
// with the key escaped as in URLs. The document is indented JSON with sorted members
// and exact numbers, which any tool can read. On AWS the bucket is an S3 bucket; on a
// single machine it is a directory.
//
// The object's metadata hold the version of its record (the member stamp) and the
// SHA-256 of its bytes. If either is missing or the SHA-256 differs, the object is an
// external edit; it must then be a JSON object whose key member is the key in its
// name. An object that was deleted externally is the deletion of its record.
//
// The ledger is authoritative. Package store decides when an object is written and
// which external edits are imported.
package s3object

import (
	"context"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// A Projection writes records to objects of a bucket. It is safe for concurrent use.
type Projection struct {
	bucket blob.Bucket
}

var _ projection.Projection = (*Projection)(nil)

// New returns a projection to a bucket.
func New(b blob.Bucket) *Projection { return &Projection{bucket: b} }

const suffix = ".json"

func folder(c store.Collection) string {
	return "data/" + string(c.Tenant) + "/" + string(c.Schema) + "/"
}

// Object returns the name of the record's object.
func (p *Projection) Object(r store.Ref) string {
	return folder(r.Collection) + r.Key.Escape() + suffix
}

// Shared returns false: each record has its own object.
func (p *Projection) Shared() bool { return false }

// Keys returns the keys of the records that have an object. It ignores objects whose
// names Object does not return for any key.
func (p *Projection) Keys(ctx context.Context, c store.Collection, l projection.Layout) ([]events.RecordKey, error) {
	const page = 1000
	prefix := folder(c)
	var keys []events.RecordKey
	for after := ""; ; {
		listed, err := p.bucket.List(ctx, prefix, after, page)
		if err != nil {
			return nil, err
		}
		for _, info := range listed {
			after = info.Key
			if k, ok := keyOf(strings.TrimPrefix(info.Key, prefix), l); ok {
				keys = append(keys, k)
			}
		}
		if len(listed) < page {
			return keys, nil
		}
	}
}

func keyOf(name string, l projection.Layout) (events.RecordKey, bool) {
	escaped, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return "", false
	}
	text, err := events.UnescapeKey(escaped)
	if err != nil {
		return "", false
	}
	parse := events.ParseRecordKey
	if l.IntegerKey {
		parse = events.ParseIntegerRecordKey
	}
	k, err := parse(text)
	return k, err == nil && k.Escape() == escaped
}

// Open reads the objects of the records.
func (p *Projection) Open(ctx context.Context, c store.Collection, l projection.Layout, keys []events.RecordKey) (projection.Snapshot, error) {
	v := &view{p: p, read: make(map[events.RecordKey]observedObject, len(keys))}
	found := make([]observedObject, len(keys))
	err := forEach(len(keys), func(i int) error {
		name := p.Object(store.Ref{Collection: c, Key: keys[i]})
		o, err := p.bucket.Get(ctx, name, "")
		switch {
		case err == nil:
			found[i] = decode(o, keys[i], l)
		case fault.Is(err, fault.NotFound):
		default:
			return err
		}
		return nil
	})
	for i, k := range keys {
		v.read[k] = found[i]
	}
	return v, err
}
