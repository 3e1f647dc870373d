package router

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/deadline"
	"github.com/blockforger/eventrouter/store"
)

// PublishResult is what became of the entries of one or more marks.
type PublishResult struct {
	Published int // EventBridge has taken them
	Pending   int // left to the relay, or held back until their bus is there again
	Failed    int // refused for good: parked for an operator
	// Err is what kept an object from being brought up to date, or outcomes from
	// being noted. The relay makes up for it: it projects once more, and publishes
	// again under the same ids.
	Err error
}

func (e *PublishResult) add(o PublishResult) {
	e.Published += o.Published
	e.Pending += o.Pending
	e.Failed += o.Failed
	if o.Err != nil {
		e.Err = o.Err
	}
}

// BusMissing is the error that an entry shows while it is held back: its bus is one
// of our own account's, and does not exist.
const BusMissing = "EventBusNotFound"

// emit shows the record in its object, where it has one, and publishes what the
// commit decided to publish. Nothing that goes wrong here changes the answer: the
// change is committed, and the relay does what is left. A redelivery leaves its
// entries to whoever committed them, but not its object.
func (r *Router) publish(ctx context.Context, a committed) PublishResult {
	if a.Result.Replayed {
		a.record.Outputs = store.Outputs{}
	}
	if !a.projected && len(a.record.Outputs.Entries) == 0 {
		return PublishResult{}
	}
	var shown store.Progress
	var err error
	if a.projected {
		// First, so that who hears of the change finds it in the object.
		shown, err = r.store.Project(ctx, a.Result.Ref)
	}
	done := publishEntries(ctx, r.store, r.publisher, r.watch, r.now, []store.IdempotencyRecord{a.record}, []store.Progress{shown})
	done.add(PublishResult{Err: err})
	return done
}

// publishEntries is the one publishing path, of the invocation and of the relay: it
// sends the pending entries of the marks and settles each mark, together with
// what its settlement says already. Entries for a bus that is missing, or for one
// of which that could not be read, stay pending: EventBridge would report success
// and lose them.
func publishEntries(ctx context.Context, s *store.Store, p *bus.Publisher, w *bus.Watch, now func() time.Time, marks []store.IdempotencyRecord, settlements []store.Progress) PublishResult {
	var done PublishResult
	var entries []events.Entry
	unread := w.Refresh(ctx, pendingBuses(marks))
	type place struct{ mark, entry int }
	var places []place
	for m := range marks {
		for e := range marks[m].Outputs.Entries {
			entry := &marks[m].Outputs.Entries[e]
			if entry.State != store.EntryPending {
				continue
			}
			if unread != nil && w.Covers(entry.Bus) {
				done.Pending, done.Err = done.Pending+1, unread
				continue
			}
			if w.Gone(entry.Bus) {
				done.Pending++
				if entry.Error != BusMissing { // noted once, and not each time that it is passed over
					settlements[m].Entries = append(settlements[m].Entries,
						store.EntryResult{Index: e, State: store.EntryPending, Error: BusMissing, Time: now()})
				}
				continue
			}
			rendered, err := marks[m].Render(e)
			if err != nil {
				done.Pending, done.Err = done.Pending+1, err
				continue
			}
			entries = append(entries, rendered)
			places = append(places, place{m, e})
		}
	}
	for i, outcome := range p.Publish(ctx, entries) {
		at := places[i]
		note := store.EntryResult{Index: at.entry, State: store.EntryPublished, Error: outcome.Code, Time: now()}
		switch outcome.Verdict {
		case bus.Published:
			done.Published++
		case bus.Retry:
			note.State = store.EntryPending
			done.Pending++
		case bus.Refused:
			note.State = store.EntryFailed
			done.Failed++
		}
		settlements[at.mark].Entries = append(settlements[at.mark].Entries, note)
	}
	for m := range marks {
		if o := &settlements[m]; len(o.Entries) == 0 && o.Projected == "" && !o.Rechecked {
			continue
		}
		if err := s.SaveProgress(deadline.Final(ctx), marks[m].Key, settlements[m]); err != nil {
			done.Err = err
		}
	}
	return done
}
