package store

import (
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
)

// The functions in this file are the rules that all drivers share. They do no I/O.

// Shard returns the shard of the outbox to which the key belongs.
func (k IdempotencyKey) Shard() int {
	sum := k.sum("mark", 0)
	return int(sum[0]) % Shards
}

// Replay returns the stored result, with Replayed set, for a change with the same
// idempotency key; Conflict if it is another request.
func (m *IdempotencyRecord) Replay(c *Change) (Result, error) {
	return m.replay(c.Idempotency.Format, c.Idempotency.Fingerprint, c.Fingerprints)
}

// replay compares fingerprints by the algorithm of the stored one, so that a
// redelivery after an upgrade is not mistaken for another request.
func (m *IdempotencyRecord) replay(number int, f Fingerprint, older Fingerprints) (Result, error) {
	if m.Format != number && older != nil {
		f = older(format.Number(m.Format))
	}
	if m.Fingerprint != f {
		return Result{}, fault.Errorf(fault.Conflict, "the idempotency key has been used by another request; use a new one")
	}
	r := m.Result
	r.Replayed = true
	return r, nil
}

// Apply applies the progress to an idempotency record and to the current record of
// the same request (nil if there is none). It reports which of the two changed and
// must be written.
func (s *Progress) Apply(m *IdempotencyRecord, h *Record) (mark, head bool) {
	for _, o := range s.Entries {
		if o.Index < 0 || o.Index >= len(m.Outputs.Entries) {
			continue // not an entry of this record
		}
		mark = o.apply(&m.Outputs.Entries[o.Index], s.Reopen) || mark
	}
	if s.Projected != "" && (h == nil || h.Version == s.Projected) {
		mark = mark || m.NeedsProjection
		m.NeedsProjection = false
		if h != nil && h.Unprojected {
			h.Unprojected, h.FileWrite, head = false, s.FileWrite, true
		}
	}
	if s.Rechecked && !m.Recheck.IsZero() {
		m.Recheck, mark = s.Recheck, true
	}
	if !s.Recheck.IsZero() && !m.Recheck.Equal(s.Recheck) {
		m.Recheck, mark = s.Recheck, true
	}
	return mark, head
}

// apply applies one result. States only increase, so that late or repeated progress
// reverts nothing; only Reopen makes an entry pending again.
func (o *EntryResult) apply(e *Entry, again bool) bool {
	reopen := again && o.State == EntryPending && e.State != EntryPending
	stillPending := o.State == EntryPending && e.State == EntryPending
	switch {
	case reopen:
		e.Attempts, e.Error = 0, ""
	case o.State.rank() > e.State.rank() || stillPending:
		if o.State != EntryDropped {
			e.Attempts++
		}
		e.Error = o.Error
	default:
		return false
	}
	if e.State != o.State {
		e.State, e.Settled = o.State, o.Time
	}
	return true
}

// rank orders the states: a published entry stays published, whatever a concurrent
// publisher reports.
func (s EntryState) rank() int {
	switch s {
	case EntryFailed:
		return 1
	case EntryDropped:
		return 2
	case EntryPublished:
		return 3
	}
	return 0
}

// Add adds the tokens of a request to its schema, operation and day.
func (u *Usage) Add(schema events.SchemaID, op events.Operation, day string, tokens int64) {
	if u.BySchema == nil {
		u.BySchema = map[events.SchemaID]map[events.Operation]int64{}
		u.ByDay = map[string]int64{}
	}
	if u.BySchema[schema] == nil {
		u.BySchema[schema] = map[events.Operation]int64{}
	}
	u.BySchema[schema][op] += tokens
	u.ByDay[day] += tokens
}

// AddBill adds the bill of an idempotency record.
func (u *Usage) AddBill(m *IdempotencyRecord) {
	u.Add(m.Result.Ref.Schema, m.Result.Operation, Day(m.Result.Time), m.Bill.Tokens)
}

// MaxAggregate is the largest number of keys for one call of AggregateUsage.
const MaxAggregate = 25

// CheckAggregate checks the number of keys of a call of AggregateUsage.
func CheckAggregate(keys []IdempotencyKey) error {
	if len(keys) > MaxAggregate {
		return fault.Errorf(fault.Internal, "fold of %d marks, at most %d at once", len(keys), MaxAggregate)
	}
	return nil
}
