// Package csvfile projects the records of a schema to one CSV file, at
//
//	data/{tenant}/{schema}.csv
//
// It can be opened in a spreadsheet, and its rows can be changed, added and removed.
// On AWS the bucket is an S3 bucket; on a single machine it is a directory.
//
// # Format
//
// The format is RFC 4180 in UTF-8, with lines that end in CRLF. A reader also accepts
// LF and a byte order mark, and ignores blank lines.
//
// The header names the schema's properties in order. A column of a property that the
// schema no longer has is kept. If the schema has a new property, the next write adds
// its column to all rows. Columns may be in another order. The last columns are
//
//   - _null: the properties whose value is null, as a JSON array of their names.
//   - _more: the properties without a column, as a JSON object.
//   - _version: N.vVERSION. N is the number of the write that wrote the file, one
//     more than the largest before; all rows have the same. VERSION is the first
//     16 characters of the record's version, its ETag, at which the row was written.
//
// In the first format the column _written, a blank and a time preceded _null, and
// no column had a version. Such a file is read; the next write converts it.
//
// A cell is empty if the record does not have the property. A number, true, false, an
// array or an object is written as JSON. Text is written as it is, but with a leading
// ' if it begins with one of = + - @ ' tab CR LF, if it is empty, or if it would be
// read as a JSON value: the text 42 is '42. A reader removes one leading ', and reads
// TRUE and FALSE, which spreadsheets write, as true and false. The type of the key is
// known from the schema, so the key 42 needs no '. Names in the header are written
// like text.
//
// A row that cannot be read is reported with line and column, and the other rows can
// be read. The file is not written until the row has been corrected.
//
// # External edits
//
// The object's metadata hold the SHA-256 and the number of the file as this
// package wrote it. If the SHA-256 is another, a person has edited the file. No
// clock decides which edits are imported:
//
//   - a row that differs from its record, if its VERSION is the record's and its N
//     is at least the number of the first write that showed the record.
//   - a row whose cell _version is empty, whatever the record: it is new.
//   - a row that is missing counts as removed, if the largest N of the file is at
//     least the number of the first write that showed the record.
//
// Every other difference is logged and overwritten by the next write: a row of an
// older copy, one with a damaged _version, one that has a _version and no record.
// An import counts as a write: the numbers of later files are greater, so that
// copies made before it do not undo it. Until the next write the row keeps its
// VERSION, so that further edits of the same copy are imported too.
//
// A row of a file in the first format is imported if its record has not been
// written to a file since, and was not changed after the time in the header; a
// row that is missing from it is restored.
//
// A missing file is not a request to remove every record: it is written again.
//
// The ledger is authoritative. Package store decides when the file is written and
// applies these rules.
package csvfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// MaxFile is the maximum size of a file in bytes. A change that would exceed it is
// rejected. Concurrent changes, which are checked independently, may exceed it by up
// to [maxOverrun].
const MaxFile = 50 << 20

const maxOverrun = 1 << 20

// A Projection writes records to the CSV files of a bucket. It is safe for concurrent
// use.
type Projection struct {
	bucket blob.Bucket
	cache  cache
}

var _ projection.Projection = (*Projection)(nil)

// New returns a projection to a bucket.
func New(b blob.Bucket) *Projection { return &Projection{bucket: b} }

func fileName(c store.Collection) string {
	return "data/" + string(c.Tenant) + "/" + string(c.Schema) + ".csv"
}

// Object returns the name of the file.
func (p *Projection) Object(r store.Ref) string { return fileName(r.Collection) }

// Shared returns true: the file holds all records of the schema.
func (p *Projection) Shared() bool { return true }

// Keys returns the keys of all rows whose key is valid.
func (p *Projection) Keys(ctx context.Context, c store.Collection, l projection.Layout) ([]events.RecordKey, error) {
	t, err := p.table(ctx, c, l)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(t.index)), nil
}

// Open reads the file.
func (p *Projection) Open(ctx context.Context, c store.Collection, l projection.Layout, _ []events.RecordKey) (projection.Snapshot, error) {
	t, err := p.table(ctx, c, l)
	if err != nil {
		return nil, err
	}
	return &view{p: p, c: c, l: l, table: t}, nil
}

// table returns the table of the file. It reads the file only if it differs from the
// cached one.
func (p *Projection) table(ctx context.Context, c store.Collection, l projection.Layout) (*table, error) {
	name := fileName(c)
	known := p.cache.get(name)
	var etag blob.ETag
	if known != nil {
		etag = known.etag
	}
	o, err := p.bucket.Get(ctx, name, etag)
	switch {
	case errors.Is(err, blob.ErrNotModified):
		return known.table(l), nil
	case fault.Is(err, fault.NotFound):
		p.cache.drop(name)
		return newTable(file{name: name}, l), nil
	case err != nil:
		return nil, err
	}
	f := file{name: name, etag: o.ETag, data: o.Data, ours: o.Metadata[sumName] == sumOf(o.Data)}
	if f.ours {
		f.number = readNumber([]byte(o.Metadata[numberName]))
	}
	return p.cache.put(f).table(l), nil
}

// The metadata of a file.
const (
	sumName    = "sha256" // of the file
	numberName = "write"  // the file's write number
)

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
