package store

import (
	"fmt"
)

// A Change is the whole effect of one request.
type Change struct {
	// Mark is written if its idempotency key has none; else the change is a
	// redelivery.
	Mark Mark

	// Head is the record's new state; nil where the request is rejected for the
	// state it met, and leaves a mark alone.
	Head *Head

	// Prior is the stamp that the record's head must bear; "" says that there
	// must be none, not even a tombstone.
	Prior Stamp

	// TokenLimit is the tenant's monthly limit; 0 says that there is none. The
	// change is Exhausted if its bill would pass the limit.
	TokenLimit int64
}

// Moved is the error of a commit whose Prior does not hold: nothing was
// written, and Head is what was found (its Stamp "" where there is none). Its
// code is Unavailable: read, decide again, commit again.
type Moved struct{ Head Head }

func (m *Moved) Error() string {
	return fmt.Sprintf("record %s has moved on to stamp %q", m.Head.Path(), m.Head.Stamp)
}
