// Package csvstore shows the records of a schema as one CSV file, at
//
//	data/{tenant}/{schema}.csv
//
// which a spreadsheet opens, and in which a person may change, add and remove
// rows. On AWS the bucket is one of S3's, on one machine it is a directory.
//
// # Format
//
// RFC 4180, UTF-8, lines end in CRLF. When reading, LF alone and a byte order
// mark are taken too, and blank lines are passed over.
//
// The header names the schema's properties in order. A column that the schema
// no longer has stays; one that it has gained is put in its place, with all
// rows, by the next write. Columns may stand in another order. Behind them come
//
//   - _written, a blank and a time: when we wrote the file. Its cells are empty.
//     A copy that a person saves tells by it what it cannot know of yet.
//   - _null: the properties whose value is null, as a JSON array of their names.
//   - _more: the properties without a column, as a JSON object.
//
// A cell is empty where the record does not have the property. A number, true,
// false, an array or an object is its JSON. Text is itself, but with a leading '
// where it begins with one of = + - @ ' tab CR LF, where it is empty, and where
// it would be taken for a JSON value: the text 42 is '42. When reading, one
// leading ' is taken off, and TRUE and FALSE, which spreadsheets write, are true
// and false. In the column of the key the schema says what it is: 42 needs no '
// there. Names in the header are written as text is.
//
// What cannot be read this way is reported with line and column, and other rows
// are served; the file is not written until it is put right.
//
// # Who wrote it
//
// The object's metadata hold the SHA-256 of the file as we wrote it. Where it
// does not fit, a person has changed the file: a row that differs from its head
// is what the person made of it if the copy is younger than the head's change,
// and so is a row that is new or gone. A file that is missing is not taken for
// the wish to remove every record: it is written again.
//
// The ledger decides; what is written and what is believed, package store says.
package csvstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/object"
	"github.com/blockforger/eventrouter/store"
)

// MaxFile is the size of the largest file, in bytes. A change that would make
// it larger is refused; changes made at the same time, which did not know of
// one another, may go past it by [maxOverrun].
const MaxFile = 50 << 20

const maxOverrun = 1 << 20

// Options are what a [Projection] may be told; the zero value means the defaults.
type Options struct {
	Clock func() time.Time // time.Now
}

// A Projection shows records in the CSV files of a bucket. It is safe for
// concurrent use.
type Projection struct {
	bucket object.Bucket
	clock  func() time.Time
	cache  cache
}

var _ store.Projection = (*Projection)(nil)

// New returns the projection into a bucket. A nil o means the defaults.
func New(b object.Bucket, o *Options) *Projection {
	p := &Projection{bucket: b, clock: time.Now}
	if o != nil && o.Clock != nil {
		p.clock = o.Clock
	}
	return p
}

func fileName(c store.Collection) string {
	return "data/" + string(c.Tenant) + "/" + string(c.Schema) + ".csv"
}

// Object names the file.
func (p *Projection) Object(r store.Ref) string { return fileName(r.Collection) }

// Shared answers true: the file has all records of the schema.
func (p *Projection) Shared() bool { return true }

// Keys lists the keys of all rows that have a good one.
func (p *Projection) Keys(ctx context.Context, c store.Collection, l store.Layout) ([]events.Key, error) {
	t, err := p.table(ctx, c, l)
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Keys(t.index)), nil
}

// Open reads the file.
func (p *Projection) Open(ctx context.Context, c store.Collection, l store.Layout, _ []events.Key) (store.View, error) {
	t, err := p.table(ctx, c, l)
	if err != nil {
		return nil, err
	}
	return &view{p: p, c: c, l: l, table: t}, nil
}

// table reads the file, or only asks whether it is still the one it knows.
func (p *Projection) table(ctx context.Context, c store.Collection, l store.Layout) (*table, error) {
	name := fileName(c)
	known := p.cache.get(name)
	var etag object.ETag
	if known != nil {
		etag = known.etag
	}
	o, err := p.bucket.Get(ctx, name, etag)
	switch {
	case errors.Is(err, object.ErrNotModified):
		return known.table(l), nil
	case err != nil && fault.CodeOf(err) == fault.NotFound:
		p.cache.drop(name)
		return newTable(file{name: name}, l), nil
	case err != nil:
		return nil, err
	}
	f := file{name: name, etag: o.ETag, data: o.Data, ours: o.Metadata[sumName] == sumOf(o.Data)}
	return p.cache.put(f).table(l), nil
}

// sumName is the metadata with the SHA-256 of the file.
const sumName = "sha256"

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
