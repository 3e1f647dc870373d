package store

import (
	"fmt"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A Change is the whole effect of one request.
type Change struct {
	// IdempotencyRecord is written if its idempotency key has none; else the change is a
	// redelivery.
	Idempotency IdempotencyRecord

	// Fingerprints compares a redelivery with a mark of an older format; nil
	// where all formats have the fingerprint of Mark.
	Fingerprints Fingerprints

	// Record is the record's new state; nil where the request is rejected for the
	// state it met, and leaves a mark alone.
	Record *Record

	// Prior is the stamp that the record's head must bear; "" says that there
	// must be none, not even a tombstone.
	IfVersion Version

	// ActiveKey names the API key that must be active and the tenant's at the
	// very moment of the commit, before anything else, or the change is
	// Unauthenticated; "" asks for no such check.
	ActiveKey string

	// Sent is the time that the sender gave the event; zero where there is none.
	// If it is ahead of the clock, the mark's age counts from it: the event can
	// be redelivered until then.
	Sent time.Time

	// TokenLimit is the tenant's monthly limit, as the instance that commits
	// knows it; 0 means that it knows none. The change is Exhausted if its bill
	// and the bills of the month that count would pass the limit. Every bill
	// counts once: at once if its change carried a limit, or was committed
	// through the same driver; else (by an instance that holds the tenant's old
	// properties) at the latest [LimitLag] after Usage shows it.
	TokenLimit int64
}

// LimitLag is the longest time for which the bill of a change without a
// TokenLimit, of another instance, does not count towards the limit.
const LimitLag = time.Minute

// Exhausted is the Exhausted fault of the change where its bill would pass the
// token limit of a tenant that has used so much in the bill's month already;
// else nil.
func (c *Change) Exhausted(used int64) error {
	if c.TokenLimit > 0 && c.Idempotency.Bill.Tokens > 0 && used+c.Idempotency.Bill.Tokens > c.TokenLimit {
		return fault.Errorf(fault.Exhausted, "the monthly limit of %d tokens is used up: %d used in %s, %d asked for",
			c.TokenLimit, used, c.Idempotency.Bill.Month, c.Idempotency.Bill.Tokens)
	}
	return nil
}

// KeyRefused is the fault of a change whose ActiveKey is not. The caller is told
// what every bad key is told.
func KeyRefused(id string) error {
	return &fault.Error{Code: fault.Unauthenticated, Message: events.KeyRefused,
		Err: fmt.Errorf("key %s is not active, as the commit found", id)}
}

// VersionConflict is the error of a commit whose Prior does not hold: nothing was
// written, and Head is what was found (its Stamp "" where there is none). Its
// code is Unavailable: read, decide again, commit again.
type VersionConflict struct{ Current Record }

// Error does not name the record: a schema may want its keys kept out of logs.
func (m *VersionConflict) Error() string {
	return "the record has moved on to stamp " + string(m.Current.Version)
}

// Unwrap gives the error its code.
func (m *VersionConflict) Unwrap() error { return errMoved }

var errMoved = fault.Errorf(fault.Unavailable, "the record has moved on")
