package store

import (
	"fmt"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// A Change is the complete effect of one request.
type Change struct {
	// Idempotency is written if its key has no record yet; otherwise the change is
	// a redelivery.
	Idempotency IdempotencyRecord

	// Fingerprints compares a redelivery with a record of an older format; nil if
	// all formats have the same fingerprint.
	Fingerprints Fingerprints

	// Record is the new state of the record; nil if the request only leaves an
	// idempotency record: a stored rejection, or the bill of a read.
	Record *Record

	// IfVersion is the version that the record must have; "" means that it must
	// not exist, not even as a tombstone.
	IfVersion Version

	// ActiveKey names the API key that must be active and belong to the tenant at
	// the moment of the commit; otherwise the change is Unauthenticated. It is
	// checked first. "" means no check.
	ActiveKey string

	// Sent is the time of the event; zero if it has none. If it is ahead of the
	// clock, the age of the idempotency record counts from it, because the event
	// can be redelivered for that long.
	Sent time.Time

	// TokenLimit is the tenant's monthly limit in the properties of the instance
	// that commits; 0 if they have none. The change is Exhausted if its bill and the
	// counted bills of the month would exceed the limit. Every bill counts once: at
	// once if its change had a limit or was committed through the same driver;
	// otherwise (by an instance with old properties of the tenant) at the latest
	// [LimitLag] after Usage contains it.
	TokenLimit int64
}

// LimitLag is the longest time for which the bill of a change without a
// TokenLimit, of another instance, does not count towards the limit.
const LimitLag = time.Minute

// Exhausted returns an Exhausted error if the bill of the change would exceed the
// token limit of a tenant that has used so many tokens in the bill's month;
// otherwise nil.
func (c *Change) Exhausted(used int64) error {
	if c.TokenLimit > 0 && c.Idempotency.Bill.Tokens > 0 && used+c.Idempotency.Bill.Tokens > c.TokenLimit {
		return fault.Errorf(fault.Exhausted, "the monthly limit of %d tokens is used up: %d used in %s, %d asked for",
			c.TokenLimit, used, c.Idempotency.Bill.Month, c.Idempotency.Bill.Tokens)
	}
	return nil
}

// KeyRefused returns the error of a change whose ActiveKey is not active. Its message
// is the same as for every other API key that is not accepted.
func KeyRefused(id string) error {
	return &fault.Error{Code: fault.Unauthenticated, Message: events.KeyRefused,
		Err: fmt.Errorf("key %s is not active, as the commit found", id)}
}

// VersionConflict is the error of a commit whose IfVersion is not the version of the
// record: nothing was written. Current is the record that was found; its Version is
// "" if there is none. The code is Unavailable: evaluate the request again and
// commit again.
type VersionConflict struct{ Current Record }

// Error does not name the record, because a schema can exclude keys from logs.
func (m *VersionConflict) Error() string {
	return "version conflict: the record has version " + string(m.Current.Version)
}

// Unwrap returns an error with the code.
func (m *VersionConflict) Unwrap() error { return errVersionConflict }

var errVersionConflict = fault.Errorf(fault.Unavailable, "version conflict")
