package store

import (
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
)

// The rules in this file are what drivers must agree upon. They do no I/O.

// Shard is the part of the backlog that a mark with this key belongs to.
func (k IdempotencyKey) Shard() int {
	sum := k.sum("mark", 0)
	return int(sum[0]) % Shards
}

// Replay returns the stored receipt, with Replayed set, for a change whose
// idempotency key has this mark; a Conflict where it is another request.
func (m *IdempotencyRecord) Replay(c *Change) (Result, error) {
	return m.replay(c.Idempotency.Format, c.Idempotency.Fingerprint, c.Fingerprints)
}

// replay compares by the algorithm that made the stored fingerprint, so that a
// redelivery after an upgrade is not taken for another request.
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

// Apply notes the settlement on a mark and on the head of the mark's record as
// it now is (nil where there is none). It reports whether each of the two has
// changed and must be written.
func (s *Progress) Apply(m *IdempotencyRecord, h *Record) (mark, head bool) {
	for _, o := range s.Entries {
		if o.Index < 0 || o.Index >= len(m.Outputs.Entries) {
			continue // the mark is not the one that the outcome was about
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

// apply notes one outcome. States only rise, so that a late or repeated
// settlement takes nothing back; only an operator's Again reopens an entry.
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

// rank orders the states: one that has been published stays so, whatever
// another helper that tried at the same time has to say.
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

// Add counts a bill: where the receipt says, and on its day.
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

// AddMark counts a mark's bill.
func (u *Usage) AddBill(m *IdempotencyRecord) {
	u.Add(m.Result.Ref.Schema, m.Result.Operation, Day(m.Result.Time), m.Bill.Tokens)
}

// MaxAggregate is how many marks one Fold takes.
const MaxAggregate = 25

// CheckAggregate verifies the number of keys that Fold was given.
func CheckAggregate(keys []IdempotencyKey) error {
	if len(keys) > MaxAggregate {
		return fault.Errorf(fault.Internal, "fold of %d marks, at most %d at once", len(keys), MaxAggregate)
	}
	return nil
}
