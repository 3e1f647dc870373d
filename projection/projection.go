package projection

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// A Layout is the part of a schema that says how its records are projected.
type Layout struct {
	Backend    events.Backend
	KeyField   string
	IntegerKey bool     // keys are integers; else strings
	Columns    []string // the properties, in order
	HideKey    bool     // keys are kept out of logs
}

// A Projection reads and writes the objects or files of one backend. It decides nothing:
// [Store] decides what is written and which edits are imported. Every method is safe for
// concurrent use. Errors are Unavailable or Internal; the error for an object that cannot
// be read names object, line and column.
type Projection interface {
	// Object returns the name of the object that contains the record.
	Object(r store.Ref) string

	// Shared reports whether one object contains all records of a collection. One
	// write then projects many records, and the object can grow too large.
	Shared() bool

	// Open reads the objects of the records with these keys, each object once.
	Open(ctx context.Context, c store.Collection, l Layout, keys []events.RecordKey) (Snapshot, error)

	// Keys returns the keys of the records that the objects contain, in no order.
	Keys(ctx context.Context, c store.Collection, l Layout) ([]events.RecordKey, error)
}

// A Snapshot holds what one call of [Projection.Open] has read. It is not safe for
// concurrent use.
type Snapshot interface {
	// Observed returns the content for a record whose key was passed to Open; for a
	// shared object, for any record.
	Observed(k events.RecordKey) Observed

	// ExternallyEdited reports whether a shared object was edited externally or is
	// missing, with the keys of the records in it. A write replaces all of it, so that
	// the edits must be imported first.
	ExternallyEdited() (keys []events.RecordKey, edited bool)

	// Fits returns TooLarge if a shared object would grow too large with this record.
	// It does no I/O.
	Fits(h store.Record) error

	// Write writes the records to their objects, and deletes the objects of tombstones,
	// if nothing has changed since Open. Otherwise the error is Precondition: some
	// records may have been written; open again. For a shared object it returns the
	// number of the write that contains the records: a new one, greater than after and
	// every number in the object, or the object's own if nothing had to be written. For
	// other objects it returns 0.
	Write(ctx context.Context, heads []store.Record, after int64) (int64, error)
}

// Observed is the content of an object or file for one record.
type Observed struct {
	Data jsontext.Value // nil if there is none

	// Managed reports whether the router wrote it, for this version of the record or
	// an older one. Otherwise it is an external edit.
	Managed bool

	// Row describes the version of a row in a shared object; nil for an object of its
	// own, and if there is no object.
	Row *Row

	// Err is set, with the position, if the content cannot be read.
	Err error
}

// Absent reports whether an object of its own does not exist. It is not known when it
// was removed.
func (s Observed) Absent() bool { return s.Data == nil && s.Err == nil && s.Row == nil }

// A Row holds the state of a shared object from which a row was edited.
type Row struct {
	FileWrite int64 // the largest write number in the object; 0 if it has none

	New     bool   // the row has no version: it was added externally
	Write   int64  // the row's own write number; 0 if it is unreadable, or the row is missing
	Version string // the record's version at which the row was written, as [Version.Short]; "" likewise

	// Legacy says that the object has the first format, whose rows have no
	// version. Written is the time in its header, zero if it is unreadable.
	Legacy  bool
	Written time.Time
}

// isOf reports whether the row was written for this version of the record. Its
// revision would not do: after the ledger was restored to an earlier time, another
// change has the same revision.
func (r *Row) isOf(h *store.Record) bool {
	if r.Version == "" {
		return false
	}
	if r.Version == h.RowVersion && r.Write+1 >= h.FileWrite {
		return true // the same copy that the last import came from
	}
	return r.Version == h.Version.Short() && r.Write >= h.FileWrite
}

// edits reports whether a row that differs from the record is an edit of this version,
// and not of an older one. No clock decides: the time of a legacy object can only
// reject an edit.
func (r *Row) edits(h *store.Record, shown Observed) bool {
	switch {
	case r.Legacy:
		return h.Version == "" && shown.Data != nil ||
			shown.Data != nil && h.FileWrite == 0 && !h.Time.After(r.Written)
	case shown.Data == nil:
		return r.FileWrite > 0 && r.FileWrite >= h.FileWrite
	case r.New:
		return true
	}
	return h.Version != "" && !h.Deleted && r.isOf(h)
}

// current reports whether the row has the record's version and the object's number.
func (r *Row) current(h *store.Record) bool {
	return !r.Legacy && r.Version == h.Version.Short() && r.Write == r.FileWrite
}

// imported sets what a record stores about the row that it was imported from.
func (r *Row) imported(h, prior *store.Record) {
	if r.Legacy {
		if !r.Written.IsZero() {
			h.Time = r.Written // so that a further edit of the same copy is imported too
		}
		return
	}
	if !r.New && h.Data != nil {
		h.RowVersion = r.Version
	}
	// The external save counts as a write of its own: another copy with the number
	// that it was made from may lack this edit.
	h.FileWrite = max(r.FileWrite+1, prior.FileWrite)
}
