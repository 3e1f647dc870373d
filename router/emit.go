package router

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/deadline"
	"github.com/blockforger/eventrouter/store"
)

// Emission is what became of the entries of one or more marks.
type Emission struct {
	Published int // EventBridge has taken them
	Pending   int // left to the relay, or held back until their bus is there again
	Failed    int // refused for good: parked for an operator
	// Err is what kept an object from being brought up to date, or outcomes from
	// being noted. The relay makes up for it: it projects once more, and publishes
	// again under the same ids.
	Err error
}

func (e *Emission) add(o Emission) {
	e.Published += o.Published
	e.Pending += o.Pending
	e.Failed += o.Failed
	if o.Err != nil {
		e.Err = o.Err
	}
}

// BusGone is the error that an entry shows while it is held back: its bus is one
// of our own account's, and does not exist.
const BusGone = "EventBusNotFound"

// emit shows the record in its object, where it has one, and publishes what the
// commit decided to publish. Nothing that goes wrong here changes the answer: the
// change is committed, and the relay does what is left. A redelivery leaves its
// entries to whoever committed them, but not its object.
func (r *Router) emit(ctx context.Context, a Applied) Emission {
	if a.Receipt.Replayed {
		a.mark.Outputs = store.Outputs{}
	}
	if !a.follows && len(a.mark.Outputs.Entries) == 0 {
		return Emission{}
	}
	var shown store.Settlement
	var err error
	if a.follows {
		// First, so that who hears of the change finds it in the object.
		shown, err = r.store.Project(ctx, a.Receipt.Ref)
	}
	done := publish(ctx, r.store, r.publisher, r.watch, r.now, []store.Mark{a.mark}, []store.Settlement{shown})
	done.add(Emission{Err: err})
	return done
}

// publish is the one publishing path, of the invocation and of the relay: it
// sends the pending entries of the marks and settles each mark, together with
// what its settlement says already. Entries for a bus that is missing, or for one
// of which that could not be read, stay pending: EventBridge would report success
// and lose them.
func publish(ctx context.Context, s *store.Store, p *bus.Publisher, w *bus.Watch, now func() time.Time, marks []store.Mark, settlements []store.Settlement) Emission {
	var done Emission
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
				if entry.Error != BusGone { // noted once, and not each time that it is passed over
					settlements[m].Entries = append(settlements[m].Entries,
						store.EntryOutcome{Index: e, State: store.EntryPending, Error: BusGone, Time: now()})
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
		note := store.EntryOutcome{Index: at.entry, State: store.EntryPublished, Error: outcome.Code, Time: now()}
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
		if err := s.Settle(deadline.Final(ctx), marks[m].Key, settlements[m]); err != nil {
			done.Err = err
		}
	}
	return done
}
