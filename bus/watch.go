package bus

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// A Lister tells which buses there are. It is safe for concurrent use.
type Lister interface {
	// Buses lists all buses of our own account in a region.
	Buses(ctx context.Context, region string) ([]events.BusARN, error)
}

const (
	// LookEvery is how often a [Watch] looks at a region at most.
	LookEvery = 5 * time.Minute

	// lookLasts is how long what was seen is believed, where nobody looks again:
	// an instance that no longer runs the relay must not hold entries back
	// because of a bus that has been made anew since.
	lookLasts = 3 * LookEvery
)

// WatchOptions are what a Watch does not need to be told.
type WatchOptions struct {
	// Expected are buses that should be there, whether entries wait for them or
	// not. Those of other accounts are left out.
	Expected []events.BusARN
	// Region, where it is set, is the only one that is looked at.
	Region string
	// Clock tells the time; time.Now if nil.
	Clock func() time.Time
}

// A Watch knows which buses of our own account are gone. EventBridge answers
// success for those, and loses the event, so that nobody can tell from what
// PutEvents says. Other accounts' buses cannot be looked at, and the default bus
// cannot be deleted: neither is ever gone.
//
// A nil Watch knows of none. A Watch is safe for concurrent use.
type Watch struct {
	lister  Lister
	account string
	o       WatchOptions

	looking sync.Mutex // one look at a time
	mu      sync.RWMutex
	regions map[string]sight
}

// A sight is what was last seen of a region.
type sight struct {
	tried time.Time // when it was last looked at, with success or not
	seen  time.Time // when it was last seen; zero: never
	buses []events.BusARN
}

// NewWatch returns a watch over the buses of an account. A nil o means the defaults.
func NewWatch(l Lister, account string, o *WatchOptions) *Watch {
	w := &Watch{lister: l, account: account, regions: map[string]sight{}}
	if o != nil {
		w.o = *o
	}
	if w.o.Clock == nil {
		w.o.Clock = time.Now
	}
	return w
}

// Look brings what is known up to date, for the buses that are expected and
// those named, and answers which of them are gone, in order. It asks AWS once a
// region and [LookEvery], and not at all otherwise. Where a region cannot be
// looked at, the error says why, and what was seen before stands for a while.
func (w *Watch) Look(ctx context.Context, also []events.BusARN) (gone []events.BusARN, err error) {
	if w == nil {
		return nil, nil
	}
	w.looking.Lock()
	defer w.looking.Unlock()
	for _, b := range slices.Concat(w.o.Expected, also) {
		if !w.ours(b) {
			continue
		}
		if failed := w.refresh(ctx, b.Region()); failed != nil {
			err = failed
		}
		if w.Gone(b) {
			gone = append(gone, b)
		}
	}
	slices.Sort(gone)
	return slices.Compact(gone), err
}

// ours reports whether the bus is one that can be looked for.
func (w *Watch) ours(b events.BusARN) bool {
	return b.Account() == w.account && b.Name() != "default" && (w.o.Region == "" || b.Region() == w.o.Region)
}

// refresh looks at a region if it is time to.
func (w *Watch) refresh(ctx context.Context, region string) error {
	now := w.o.Clock()
	w.mu.RLock()
	s := w.regions[region]
	w.mu.RUnlock()
	if !s.tried.IsZero() && now.Before(s.tried.Add(LookEvery)) {
		return nil
	}
	s.tried = now
	buses, err := w.lister.Buses(ctx, region)
	if err == nil {
		slices.Sort(buses)
		s.seen, s.buses = now, buses
	}
	w.mu.Lock()
	w.regions[region] = s
	w.mu.Unlock()
	return err
}

// Gone reports whether the bus was found to be gone. It does no I/O.
func (w *Watch) Gone(b events.BusARN) bool {
	if w == nil || !w.ours(b) {
		return false
	}
	w.mu.RLock()
	s := w.regions[b.Region()]
	w.mu.RUnlock()
	if s.seen.IsZero() || !w.o.Clock().Before(s.seen.Add(lookLasts)) {
		return false
	}
	_, there := slices.BinarySearch(s.buses, b)
	return !there
}
