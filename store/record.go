package store

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
)

// A Collection names the records of one schema of one tenant.
type Collection struct {
	Tenant events.TenantID
	Schema events.SchemaID
}

// A Ref names a record. Its parts have been checked by package events.
type Ref struct {
	Collection
	Key events.RecordKey
}

// Path is the record's name in URLs and in the resources of an event:
// /{tenant}/{schema}/{key}, the key escaped.
func (r Ref) Path() string {
	return "/" + string(r.Tenant) + "/" + string(r.Schema) + "/" + r.Key.Escape()
}

// A Version is unique to the commit that made it. It is what a condition on a
// head compares, and the record's ETag: a revision could come again, it cannot.
type Version string

// A Record is the decided state of a record.
type Record struct {
	Ref
	Backend  events.Backend
	KeyField string // the member of Data that holds the key
	Revision int64  // 1 for the first; goes on across DELETE
	Version  Version
	Time     time.Time // of the commit

	// Data is the record as a JSON object with its numbers exact; nil where
	// Deleted. Member order is not promised.
	Data jsontext.Value

	// Deleted marks a tombstone: it keeps the last revision until Expires.
	Deleted bool
	Expires time.Time // of a tombstone; zero for a record

	// Dirty says that object or file do not show this head yet.
	Unprojected bool

	// FileWrite is the number of the first write of a shared file that is known
	// to show this head; 0 where no such write is known, or for an object of its
	// own. A copy of the file with a smaller number does not contain this head.
	FileWrite int64

	// RowVersion is the version in the row that an imported edit was made on: the
	// row keeps it until the file is next written. 0 means that the row's version
	// is Revision.
	RowVersion int64
}
