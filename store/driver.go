package store

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// A Driver implements the ledger over one database. Every method is safe for
// concurrent use. Errors have a code of package fault; after Unavailable the call
// can be repeated.
type Driver interface {
	Ledger
	Outbox
	Billing
	Buses
	Close() error
}

// A Ledger holds records and idempotency records.
type Ledger interface {
	// Commit applies the change in one transaction. The conditions are checked in
	// this order, and the first that fails is returned; nothing is written then:
	//
	//  1. ActiveKey, if set: Unauthenticated.
	//  2. The idempotency record: if an unexpired one exists with the same
	//     fingerprint, its result is returned with Replayed set; with another
	//     fingerprint the error is Conflict.
	//  3. IfVersion: [*VersionConflict].
	//  4. TokenLimit: Exhausted.
	//
	// After any other error the change may or may not have been applied.
	// Committing it again is safe and returns the result.
	Commit(ctx context.Context, c *Change) (Result, error)

	// Record reads a record or its tombstone, strongly consistent; NotFound if there
	// is neither.
	Record(ctx context.Context, ref Ref) (Record, error)

	// Records lists the live records of a collection whose key is greater than
	// after, in ascending byte order of the key, at most limit.
	Records(ctx context.Context, c Collection, after events.RecordKey, limit int) ([]Record, error)

	// IdempotencyRecord reads an unexpired idempotency record, strongly consistent;
	// NotFound if there is none.
	IdempotencyRecord(ctx context.Context, key IdempotencyKey) (IdempotencyRecord, error)
}

// Shards is the number of parts into which the outbox is divided, so that relays
// can share the work and no partition of a table is hot.
const Shards = 16

// An Outbox holds the work that commits left for the relay.
type Outbox interface {
	// ListPending lists the idempotency records of a shard that have pending work
	// and were committed before a time, oldest first, at most limit. The list may lag
	// behind and contain records whose work is done: read each with
	// IdempotencyRecord.
	ListPending(ctx context.Context, shard int, before time.Time, limit int) ([]IdempotencyKey, error)

	// ListFailed lists the idempotency records of a shard that have failed entries and
	// no pending work, oldest first, at most limit. The list may lag behind: read each
	// with IdempotencyRecord. It omits records that were stored by a version without
	// this list.
	ListFailed(ctx context.Context, shard, limit int) ([]IdempotencyKey, error)

	// SaveProgress stores what was done for an idempotency record, atomically. A
	// published entry stays published unless the progress has Reopen set. A missing
	// idempotency record is not an error.
	SaveProgress(ctx context.Context, key IdempotencyKey, s Progress) error

	// Lease makes owner the only relay of a shard until a time. It returns false if
	// another owner's lease has not ended at now.
	Lease(ctx context.Context, shard int, owner string, now, until time.Time) (bool, error)

	// IdempotencyRecords lists unexpired idempotency records in a stable order, from
	// a cursor ("" is the start). It returns the next cursor, "" at the end.
	IdempotencyRecords(ctx context.Context, cursor string, limit int) ([]IdempotencyRecord, string, error)
}

// A Progress is what was done for an idempotency record.
type Progress struct {
	Entries []EntryResult
	Reopen  bool // entries that were published, failed or dropped may become pending

	// Projected is the version of the record that the object or file contains. If
	// it is still the record's version, Unprojected and NeedsProjection are cleared.
	// Recheck, if set, is when to compare once more; Rechecked clears it.
	Projected Version
	FileWrite int64 // for [Record.FileWrite], with Projected

	// Ref and Expires are those of the record that was projected; Expires is zero if it
	// is not a tombstone. They may be absent: with them, a driver can save the progress
	// without reading first.
	Ref       Ref
	Expires   time.Time
	Recheck   time.Time
	Rechecked bool
}

// An EntryResult is the result of publishing the entry at Index.
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

// Billing sums up the bills.
type Billing interface {
	// AggregateUsage adds the bills of idempotency records to the totals and marks
	// each as aggregated, in one transaction. Records that are aggregated already,
	// or missing, are skipped. At most [MaxAggregate] keys.
	AggregateUsage(ctx context.Context, keys []IdempotencyKey) error

	// Usage returns the totals plus the bills that are not aggregated yet. It is
	// exact; in a driver with an index that lags, once the index has caught up. Until then a bill may
	// be missing; none is ever lost or counted twice.
	Usage(ctx context.Context, tenant events.TenantID, month string) (Usage, error)
}

// Usage is a tenant's usage in a month, in tokens.
type Usage struct {
	Tenant   events.TenantID
	Month    string
	BySchema map[events.SchemaID]map[events.Operation]int64
	ByDay    map[string]int64 // by UTC day, for example 2026-11-21
}

// Tokens returns the sum.
func (u Usage) Tokens() int64 {
	var sum int64
	for _, ops := range u.BySchema {
		for _, n := range ops {
			sum += n
		}
	}
	return sum
}
