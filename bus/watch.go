package bus

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// A Finder tells whether a bus of our own account exists. It is safe for
// concurrent use.
type Finder interface {
	Exists(ctx context.Context, b events.BusARN) (bool, error)
}

const (
	// LookEvery is how often a [Watch] looks for a bus at most.
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
	finder  Finder
	account string
	o       WatchOptions

	looking sync.Mutex // one look at a time
	mu      sync.RWMutex
	buses   map[events.BusARN]sight
}

// A sight is what was last found out about a bus.
type sight struct {
	tried time.Time // when it was last looked for, with success or not
	known time.Time // when it was last told whether it exists; zero: never
	gone  bool
}

// NewWatch returns a watch over the buses of an account. A nil o means the defaults.
func NewWatch(f Finder, account string, o *WatchOptions) *Watch {
	w := &Watch{finder: f, account: account, buses: map[events.BusARN]sight{}}
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
// bus and [LookEvery], and not at all otherwise. Where AWS does not tell, the
// error says why, and what was known before stands for a while.
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
		if failed := w.refresh(ctx, b); failed != nil {
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

// refresh looks for a bus if it is time to.
func (w *Watch) refresh(ctx context.Context, b events.BusARN) error {
	now := w.o.Clock()
	w.mu.RLock()
	s := w.buses[b]
	w.mu.RUnlock()
	if !s.tried.IsZero() && now.Before(s.tried.Add(LookEvery)) {
		return nil
	}
	s.tried = now
	there, err := w.finder.Exists(ctx, b)
	if err == nil {
		s.known, s.gone = now, !there
	}
	w.mu.Lock()
	w.buses[b] = s
	w.mu.Unlock()
	return err
}

// Gone reports whether the bus was found to be gone. It does no I/O.
func (w *Watch) Gone(b events.BusARN) bool {
	if w == nil || !w.ours(b) {
		return false
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	s := w.buses[b]
	return s.gone && w.o.Clock().Before(s.known.Add(lookLasts))
}
