// Package s3object shows records as objects: one JSON document each, at
//
//	data/{tenant}/{schema}/{key}.json
//
// with the key escaped as in URLs. It is plain JSON, indented, its members
// sorted and its numbers exact, for any tool to read. On AWS the bucket is one
// of S3's, on one machine it is a directory.
//
// The object's metadata hold the stamp of the head that it shows and the
// SHA-256 of its bytes. Where they are missing or do not fit, a person wrote the
// object; it must then be a JSON object whose key member is the key in its name.
// An object that a person removed is a record that was removed.
//
// The ledger decides; what is written and what is believed, package store says.
package s3object

import (
	"context"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/store"
)

// A Projection shows records as objects of a bucket. It is safe for concurrent use.
type Projection struct {
	bucket blob.Bucket
}

var _ store.Projection = (*Projection)(nil)

// New returns the projection into a bucket.
func New(b blob.Bucket) *Projection { return &Projection{bucket: b} }

const suffix = ".json"

func folder(c store.Collection) string {
	return "data/" + string(c.Tenant) + "/" + string(c.Schema) + "/"
}

// Object names the record's object.
func (p *Projection) Object(r store.Ref) string {
	return folder(r.Collection) + r.Key.Escape() + suffix
}

// Shared answers false: each record has its own object.
func (p *Projection) Shared() bool { return false }

// Keys lists the records that have an object. What has another name than we
// would give it is passed over.
func (p *Projection) Keys(ctx context.Context, c store.Collection, l store.Layout) ([]events.RecordKey, error) {
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

func keyOf(name string, l store.Layout) (events.RecordKey, bool) {
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
func (p *Projection) Open(ctx context.Context, c store.Collection, l store.Layout, keys []events.RecordKey) (store.Snapshot, error) {
	v := &view{p: p, read: make(map[events.RecordKey]shown, len(keys))}
	found := make([]shown, len(keys))
	err := each(len(keys), func(i int) error {
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
