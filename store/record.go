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

// A Ref names a record. Package events has checked its parts.
type Ref struct {
	Collection
	Key events.RecordKey
}

// Path returns the record's name in URLs and in the resources of an event:
// /{tenant}/{schema}/{key}, the key escaped.
func (r Ref) Path() string {
	return "/" + string(r.Tenant) + "/" + string(r.Schema) + "/" + r.Key.Escape()
}

// A Version is an opaque token that is unique to the commit of a record. Conditions
// compare versions, and the version is the record's ETag. Unlike a revision, a
// version never repeats.
type Version string

// Short returns the first 16 characters, 64 random bits: enough to tell apart the
// versions that one record has ever had.
func (v Version) Short() string { return string(v[:min(len(v), 16)]) }

// A Record is the state of a record in the ledger.
type Record struct {
	Ref
	Backend  events.Backend
	KeyField string // the member of Data that holds the key
	Revision int64  // from 1; continues across DELETE
	Version  Version
	Time     time.Time // of the commit

	// Data is the record as a JSON object with exact numbers; nil if Deleted. The
	// order of members is not kept.
	Data jsontext.Value

	// Deleted is set for a tombstone, which holds the last revision until Expires.
	Deleted bool
	Expires time.Time // of a tombstone; zero for a record

	// Unprojected reports that the object or file has not been updated yet.
	Unprojected bool

	// FileWrite is the number of the first write of a shared file that is known to
	// contain this record; 0 if no such write is known, or if the record has an
	// object of its own. A copy of the file with a smaller number does not contain
	// it.
	FileWrite int64

	// RowVersion is the version in the row that an imported edit was made on, as
	// [Version.Short]: the row keeps it until the file is next written. "" means
	// that the row has the record's own Version.
	RowVersion string

	// MovedFrom names the record that a migration copied to this one, with its
	// other key; zero after any other change.
	MovedFrom Source
}

// A Source names a record of the same collection, at a version.
type Source struct {
	Key     events.RecordKey
	Version Version
}

// Format returns the number of the oldest format that can hold the record, so
// that an older version of the program can read what it understands.
func (h *Record) Format() int {
	if h.FileWrite != 0 || h.RowVersion != "" || h.MovedFrom != (Source{}) {
		return 2
	}
	return 1
}
