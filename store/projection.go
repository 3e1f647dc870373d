package store

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
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
	Object(r Ref) string

	// Shared says that one object shows all records of a collection, so that
	// many heads go into one write, and that it can grow too large.
	Shared() bool

	// Open reads what is shown of the records named; it reads each object once.
	Open(ctx context.Context, c Collection, l Layout, keys []events.Key) (View, error)

	// Keys tells which records are shown, in no order.
	Keys(ctx context.Context, c Collection, l Layout) ([]events.Key, error)
}

// A View is what one [Projection.Open] has read. It is not safe for concurrent use.
type View interface {
	// Shown answers for a record that was named to Open; for a shared object,
	// for any record.
	Shown(k events.Key) Shown

	// Edited says that a shared object has been changed by a person, or is
	// missing. Keys are then the records in it. A write to it makes its whole
	// content ours, so that what the person changed must be adopted first.
	Edited() (keys []events.Key, edited bool)

	// Fits refuses a head with which a shared object would grow too large
	// (TooLarge); it does no I/O.
	Fits(h Head) error

	// Write makes the objects show the heads, those of tombstones no longer, on
	// condition that nothing has changed since Open. Where something has, the
	// fault is Precondition: some of the heads may be shown, open again.
	Write(ctx context.Context, heads []Head) error
}

// Shown is what an object or file shows of one record.
type Shown struct {
	Data jsontext.Value // nil where nothing is shown

	// Ours says that it is as we wrote it, for this head or an older one. Else a
	// person did.
	Ours bool

	// Base is when the copy that a person changed was written by us; heads that
	// are younger were not in it. It is zero where that is not known.
	Base time.Time

	// Err says, with the place, why what is shown cannot be understood.
	Err error
}

// Missing reports whether nothing is shown, and it is not known since when.
func (s Shown) Missing() bool { return s.Data == nil && s.Err == nil && s.Base.IsZero() }

// DefaultLifetime is how long an invocation can live at most: Lambda's limit.
const DefaultLifetime = 15 * time.Minute

// Projecting is what a [Store] must know to let objects follow heads.
type Projecting struct {
	// Projections are by backend. The head of a record whose backend has none
	// is the record.
	Projections map[events.Backend]Projection

	// Layout finds the layout of a collection; NotFound where there is no such
	// schema.
	Layout func(ctx context.Context, c Collection) (Layout, error)

	// Lifetime is how long an invocation can live at most; 0 means
	// [DefaultLifetime]. An object that is missing so soon after a change, or
	// until its recheck, may be the work of one that was late: it is not taken
	// for a person's, and written again.
	Lifetime time.Duration
}
