package router

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// Emission is what became of the entries of one or more marks.
type Emission struct {
	Published int // EventBridge has taken them
	Pending   int // left to the relay, or held back until their bus is there again
	Failed    int // refused for good: parked for an operator
	// Err is what kept outcomes from being noted. The entries are then published
	// again by the relay, under the same ids.
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

// emit publishes what the commit decided to publish. Nothing that goes wrong
// here changes the answer: the change is committed, and the relay publishes
// what is left. A redelivery leaves its entries to whoever committed them.
func (r *Router) emit(ctx context.Context, a Applied) Emission {
	if a.Receipt.Replayed || len(a.mark.Outputs.Entries) == 0 {
		return Emission{}
	}
	return publish(ctx, r.store, r.publisher, r.watch, r.now, []store.Mark{a.mark})
}

// publish is the one publishing path, of the invocation and of the relay: it
// sends the pending entries of the marks and settles each mark. Entries for a
// bus that is known to be gone stay as they are: EventBridge would take them, and
// lose them.
func publish(ctx context.Context, s *store.Store, p *bus.Publisher, w *bus.Watch, now func() time.Time, marks []store.Mark) Emission {
	var done Emission
	var entries []events.Entry
	type place struct{ mark, entry int }
	var places []place
	settlements := make([]store.Settlement, len(marks))
	for m := range marks {
		for e := range marks[m].Outputs.Entries {
			entry := &marks[m].Outputs.Entries[e]
			if entry.State != store.EntryPending {
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
		if len(settlements[m].Entries) == 0 {
			continue
		}
		if err := s.Settle(ctx, marks[m].Key, settlements[m]); err != nil {
			done.Err = err
		}
	}
	return done
}
