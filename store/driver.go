package store

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// A Driver keeps the ledger. Every method is safe for concurrent use. Errors
// carry a code of package fault; Unavailable is worth another try.
type Driver interface {
	Ledger
	Outbox
	Billing
	Buses
	Close() error
}

// Ledger decides.
type Ledger interface {
	// Commit carries out the change in one transaction. ActiveKey, where it is
	// set, decides first: Unauthenticated. Then the mark: where an unexpired one exists with the same fingerprint nothing is
	// written and its receipt comes back with Replayed set; with another
	// fingerprint the fault is Conflict. Then the head: where Prior does not
	// hold the error is [*VersionConflict]. Then the token limit: Exhausted. Rejections
	// of those kinds write nothing. After any other error the change may or may
	// not have been carried out: committing it again is safe and tells.
	Commit(ctx context.Context, c *Change) (Result, error)

	// Record reads a record's head, strongly consistent, tombstones included.
	// Where there is none the fault is NotFound.
	Record(ctx context.Context, ref Ref) (Record, error)

	// Heads lists the live records of a collection whose key is greater than
	// after, in ascending byte order of the key, at most limit.
	Records(ctx context.Context, c Collection, after events.RecordKey, limit int) ([]Record, error)

	// IdempotencyRecord reads an unexpired mark, strongly consistent; NotFound without one.
	IdempotencyRecord(ctx context.Context, key IdempotencyKey) (IdempotencyRecord, error)
}

// Shards is the number of parts into which open marks are divided, so that
// relays can share the work and no partition of a table is hot.
const Shards = 16

// Outbox is what commits have left to be done.
type Outbox interface {
	// Open lists marks of a shard for which [Mark.HasPendingWork] holds and that were
	// committed before the time given, oldest first, at most limit. It may lag
	// behind and may name marks that are closed by now: read each with Mark.
	ListPending(ctx context.Context, shard int, before time.Time, limit int) ([]IdempotencyKey, error)

	// Settle notes what has been done for a mark, atomically. A published entry
	// stays published unless the settlement says Again; a mark that is gone is
	// no error.
	SaveProgress(ctx context.Context, key IdempotencyKey, s Progress) error

	// Lease makes owner the only relay of a shard until the time given. It
	// answers false where another owner's lease has not ended at now.
	Lease(ctx context.Context, shard int, owner string, now, until time.Time) (bool, error)

	// Marks lists unexpired marks, in a stable order, from a cursor ("" is the
	// start); it answers the next cursor, "" at the end.
	IdempotencyRecords(ctx context.Context, cursor string, limit int) ([]IdempotencyRecord, string, error)
}

// A Progress is what has been done for a mark.
type Progress struct {
	Entries []EntryResult
	Reopen  bool // entries that were published, failed or dropped may become pending

	// Projected says that object or file show the head with this stamp; where
	// it still is the head's, Dirty and Project are cleared. Recheck, if set,
	// is when to compare once more; Rechecked clears it.
	Projected Version
	FileWrite int64 // for [Record.FileWrite], with Projected
	Recheck   time.Time
	Rechecked bool
}

// An EntryResult is what became of the entry at Index.
type EntryResult struct {
	Index int
	State EntryState
	Error string // EventBridge's code; "" after success
	Time  time.Time
}

// Buses stores which event buses are missing: one process checks a bus, and every
// process reads the result.
type Buses interface {
	// PutBus stores whether a bus was missing when it was checked. A result that
	// is older than the stored one changes nothing.
	PutBus(ctx context.Context, bus events.BusARN, missing bool, checked time.Time) error

	// MissingBuses returns the buses that were missing when they were last
	// checked, with the time of that check, strongly consistent.
	MissingBuses(ctx context.Context) (map[events.BusARN]time.Time, error)
}

// Billing keeps the bills.
type Billing interface {
	// Fold adds the bills of the marks named to the totals and notes on each
	// mark that it has been folded, all in one transaction; marks that are
	// folded already, or gone, count for nothing. At most 25 keys.
	AggregateUsage(ctx context.Context, keys []IdempotencyKey) error

	// Usage is the totals plus what is not folded yet. It is exact, in a driver
	// with an index that lags once the index has caught up. Until then a bill may
	// be missing; none is ever lost or counted twice.
	Usage(ctx context.Context, tenant events.TenantID, month string) (Usage, error)
}

// Usage is what a tenant used in a month, in tokens.
type Usage struct {
	Tenant   events.TenantID
	Month    string
	BySchema map[events.SchemaID]map[events.Operation]int64
	ByDay    map[string]int64 // by UTC day, such as 2026-11-21
}

// Tokens is the sum.
func (u Usage) Tokens() int64 {
	var sum int64
	for _, ops := range u.BySchema {
		for _, n := range ops {
			sum += n
		}
	}
	return sum
}
