package projection

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// A Layout is what a schema says about how its records are shown.
type Layout struct {
	Backend    events.Backend
	KeyField   string
	IntegerKey bool     // keys are integers; else strings
	Columns    []string // the properties, in order
	HideKey    bool     // keys are kept out of logs
}

// A Projection shows the heads of collections in objects or files, where people
// can read them, and reads what people have changed there. It decides nothing:
// package store says what is written and what is believed. Every method is safe
// for concurrent use. Faults are Unavailable or Internal; text that tells of an
// object that cannot be understood names object, line and column.
type Projection interface {
	// Object names the object that shows the record.
	Object(r store.Ref) string

	// Shared says that one object shows all records of a collection, so that
	// many heads go into one write, and that it can grow too large.
	Shared() bool

	// Open reads what is shown of the records named; it reads each object once.
	Open(ctx context.Context, c store.Collection, l Layout, keys []events.RecordKey) (Snapshot, error)

	// Keys tells which records are shown, in no order.
	Keys(ctx context.Context, c store.Collection, l Layout) ([]events.RecordKey, error)
}

// A Snapshot is what one [Projection.Open] has read. It is not safe for concurrent use.
type Snapshot interface {
	// Observed answers for a record that was named to Open; for a shared object,
	// for any record.
	Observed(k events.RecordKey) Observed

	// Edited says that a shared object has been changed by a person, or is
	// missing. Keys are then the records in it. A write to it makes its whole
	// content ours, so that what the person changed must be adopted first.
	ExternallyEdited() (keys []events.RecordKey, edited bool)

	// Fits refuses a head with which a shared object would grow too large
	// (TooLarge); it does no I/O.
	Fits(h store.Record) error

	// Write updates the objects to the heads, and removes those of tombstones, on
	// condition that nothing has changed since Open. Otherwise the fault is
	// Precondition: some of the heads may have been written, open again. For a
	// shared object it returns the write number under which the object contains
	// the heads: a new one greater than after and than every number in the object,
	// or the object's own where nothing had to be written. Otherwise it returns 0.
	Write(ctx context.Context, heads []store.Record, after int64) (int64, error)
}

// Observed is what an object or file shows of one record.
type Observed struct {
	Data jsontext.Value // nil where nothing is shown

	// Ours says that it is as we wrote it, for this head or an older one. Else a
	// person did.
	Managed bool

	// Row is what a shared object says about the version of the row; nil for an
	// object of its own, and where there is no object.
	Row *Row

	// Err says, with the place, why what is shown cannot be understood.
	Err error
}

// Missing reports whether an object of its own is absent. When it was removed is
// not known.
func (s Observed) Absent() bool { return s.Data == nil && s.Err == nil && s.Row == nil }

// A Row says from which state of a shared object a row was edited.
type Row struct {
	FileWrite int64 // the largest write number in the object; 0 if it has none

	New     bool   // the row has no version: a person added it
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

// edits reports whether a row that differs from the head is an edit of the head,
// and not that of an older state. No clock decides: the time of a legacy object
// can only reject an edit.
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

// imported sets what a head stores about the row that it was imported from.
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
	// The person's save counts as a write of its own: a copy with the number that
	// it was made from may lack this edit.
	h.FileWrite = max(r.FileWrite+1, prior.FileWrite)
}
