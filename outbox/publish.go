package outbox

import (
	"context"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/deadline"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// BusMissing is the error of an entry that is held back because its bus, one of
// the own account, does not exist.
const BusMissing = "EventBusNotFound"

// A PublishResult is what became of the entries of one or more idempotency records.
type PublishResult struct {
	Published int // accepted by EventBridge
	Pending   int // left to the relay, or held back until their bus exists
	Failed    int // refused for good: kept for an operator
	// Err is why an object was not updated, or progress was not saved. The relay
	// makes up for it: it projects again, and publishes again under the same ids.
	Err error
}

func (r *PublishResult) add(o PublishResult) {
	r.Published += o.Published
	r.Pending += o.Pending
	r.Failed += o.Failed
	if o.Err != nil {
		r.Err = o.Err
	}
}

// Options configures a Publisher; the zero value uses the defaults.
type Options struct {
	// Watch, if set, holds which buses are missing: their entries stay pending.
	// Publish reads the results; the relay checks the buses.
	Watch *bus.Watch
	// Clock returns the current time; time.Now if nil.
	Clock func() time.Time
}

// A Publisher publishes the entries of committed changes. It is safe for
// concurrent use.
type Publisher struct {
	store *projection.Store
	bus   *bus.Publisher
	watch *bus.Watch
	now   func() time.Time
}

// NewPublisher returns a publisher. A nil o means the defaults.
func NewPublisher(s *projection.Store, b *bus.Publisher, o *Options) *Publisher {
	p := &Publisher{store: s, bus: b, now: time.Now}
	if o != nil {
		p.watch = o.Watch
	}
	if o != nil && o.Clock != nil {
		p.now = o.Clock
	}
	return p
}

// Publish finishes a committed change: it updates the record's object if
// projected is set, then publishes the entries of the idempotency record, and
// saves the progress. The entries of a replayed result belong to the invocation
// that committed them, and to the relay. No failure changes the result of the
// request: the change is committed, and the relay does what is left.
func (p *Publisher) Publish(ctx context.Context, record store.IdempotencyRecord, projected bool) PublishResult {
	if record.Result.Replayed {
		record.Outputs = store.Outputs{}
	}
	if !projected && len(record.Outputs.Entries) == 0 {
		return PublishResult{}
	}
	var progress store.Progress
	var err error
	if projected {
		// First, so that a receiver of the entries finds the change in the object.
		progress, err = p.store.Project(ctx, record.Result.Ref)
	}
	result := p.publish(ctx, []store.IdempotencyRecord{record}, []store.Progress{progress})
	result.add(PublishResult{Err: err})
	return result
}

// publish is the one publishing path, of the invocation and of the relay: it
// sends the pending entries of the records, and saves the progress of each
// record, together with what its progress holds already. Entries for a bus that
// is missing, or whose state could not be read, stay pending: EventBridge would
// report success and lose them.
func (p *Publisher) publish(ctx context.Context, records []store.IdempotencyRecord, progress []store.Progress) PublishResult {
	var result PublishResult
	var entries []events.Entry
	unread := p.watch.Refresh(ctx, pendingBuses(records))
	type place struct{ record, entry int }
	var places []place
	for i := range records {
		for e := range records[i].Outputs.Entries {
			entry := &records[i].Outputs.Entries[e]
			if entry.State != store.EntryPending {
				continue
			}
			if unread != nil && p.watch.Covers(entry.Bus) {
				result.Pending, result.Err = result.Pending+1, unread
				continue
			}
			if p.watch.Gone(entry.Bus) {
				result.Pending++
				if entry.Error != BusMissing { // saved once, not each time
					progress[i].Entries = append(progress[i].Entries,
						store.EntryResult{Index: e, State: store.EntryPending, Error: BusMissing, Time: p.now()})
				}
				continue
			}
			rendered, err := records[i].Render(e)
			if err != nil {
				result.Pending, result.Err = result.Pending+1, err
				continue
			}
			entries = append(entries, rendered)
			places = append(places, place{i, e})
		}
	}
	for i, outcome := range p.bus.Publish(ctx, entries) {
		at := places[i]
		entry := store.EntryResult{Index: at.entry, State: store.EntryPublished, Error: outcome.Code, Time: p.now()}
		switch outcome.Verdict {
		case bus.Published:
			result.Published++
		case bus.Retry:
			entry.State = store.EntryPending
			result.Pending++
		case bus.Refused:
			entry.State = store.EntryFailed
			result.Failed++
		}
		progress[at.record].Entries = append(progress[at.record].Entries, entry)
	}
	for i := range records {
		if o := &progress[i]; len(o.Entries) == 0 && o.Projected == "" && !o.Rechecked {
			continue
		}
		if err := p.store.SaveProgress(deadline.Final(ctx), records[i].Key, progress[i]); err != nil {
			result.Err = err
		}
	}
	return result
}

// pendingBuses returns the buses of pending entries.
func pendingBuses(records []store.IdempotencyRecord) (buses []events.BusARN) {
	for i := range records {
		for _, e := range records[i].Outputs.Entries {
			if e.State == store.EntryPending && !slices.Contains(buses, e.Bus) {
				buses = append(buses, e.Bus)
			}
		}
	}
	return buses
}
