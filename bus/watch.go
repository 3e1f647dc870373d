package bus

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// A Finder reports whether a bus of the account exists. It is safe for
// concurrent use.
type Finder interface {
	Exists(ctx context.Context, b events.BusARN) (bool, error)
}

// Results stores the results of checks for all processes of a deployment; a
// store.Store implements it.
type Results interface {
	PutBus(ctx context.Context, b events.BusARN, missing bool, checked time.Time) error
	MissingBuses(ctx context.Context) (map[events.BusARN]time.Time, error)
}

const (
	// LookEvery is how often a process checks a bus.
	LookEvery = 5 * time.Minute

	// ReadEvery is how long the stored results are cached.
	ReadEvery = 30 * time.Second

	// lookLasts is how long a result counts if no newer one is stored: where
	// checks fail for good, entries are published again after this time.
	lookLasts = 3 * LookEvery
)

// WatchOptions configures a Watch; the zero value uses the defaults.
type WatchOptions struct {
	// Expected lists buses to check whether entries wait for them or not. Buses
	// that cannot be checked are left out. It may be nil.
	Expected func(ctx context.Context) ([]events.BusARN, error)
	// Region, if set, is the only region whose buses are checked.
	Region string
	// Every is how often a bus is checked; LookEvery if zero.
	Every time.Duration
	// Direct makes Refresh check buses too, instead of only reading what Look
	// has stored: for a process that alone serves a deployment.
	Direct bool
	// Clock returns the time; time.Now if nil.
	Clock func() time.Time
}

// A Watch holds which buses of the account do not exist. PutEvents reports
// success for a missing bus and loses the event, so its result does not show it.
// One process checks the buses ([Watch.Look]) and stores the results; every
// process reads them ([Watch.Refresh]). Buses of other accounts cannot be
// checked, and the default bus cannot be deleted: neither is ever missing.
//
// A nil Watch covers no bus. A Watch is safe for concurrent use.
type Watch struct {
	finder  Finder
	results Results
	account string
	o       WatchOptions

	busy  sync.Mutex // one check or read at a time; guards tried and read
	tried map[events.BusARN]time.Time
	read  time.Time // when the stored results were read

	mu      sync.RWMutex
	missing map[events.BusARN]time.Time // with the time of the check
}

// NewWatch returns a watch over the buses of an account. A nil o uses the defaults.
func NewWatch(f Finder, r Results, account string, o *WatchOptions) *Watch {
	w := &Watch{finder: f, results: r, account: account, tried: map[events.BusARN]time.Time{}, missing: map[events.BusARN]time.Time{}}
	if o != nil {
		w.o = *o
	}
	if w.o.Every == 0 {
		w.o.Every = LookEvery
	}
	if w.o.Clock == nil {
		w.o.Clock = time.Now
	}
	return w
}

// LookExpected is Look for the expected buses.
func (w *Watch) LookExpected(ctx context.Context) (missing []events.BusARN, err error) {
	if w == nil || w.o.Expected == nil {
		return nil, nil
	}
	expected, err := w.o.Expected(ctx)
	if err != nil {
		return nil, err
	}
	return w.Look(ctx, expected)
}

// Look checks buses, each at most once in [WatchOptions.Every], stores the
// results, and returns the missing ones in order. The error is the last failure;
// earlier results still count for a while.
func (w *Watch) Look(ctx context.Context, buses []events.BusARN) (missing []events.BusARN, err error) {
	buses = slices.DeleteFunc(slices.Clone(buses), func(b events.BusARN) bool { return !w.Covers(b) })
	if len(buses) == 0 {
		return nil, nil
	}
	w.busy.Lock()
	defer w.busy.Unlock()
	// Before the checks, so that it does not undo them.
	if failed := w.readResults(ctx); failed != nil {
		err = failed
	}
	for _, b := range buses {
		if failed := w.check(ctx, b); failed != nil {
			err = failed
		}
		if w.Gone(b) {
			missing = append(missing, b)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing), err
}

// Refresh reads the stored results if entries for these buses need them and they
// were last read [ReadEvery] ago or earlier. After an error it is not known
// which of the buses that the watch covers are missing.
func (w *Watch) Refresh(ctx context.Context, buses []events.BusARN) error {
	if w == nil || !slices.ContainsFunc(buses, w.Covers) {
		return nil
	}
	w.busy.Lock()
	defer w.busy.Unlock()
	if err := w.readResults(ctx); err != nil {
		return err
	}
	if w.o.Direct {
		for _, b := range buses {
			if w.Covers(b) {
				_ = w.check(ctx, b) // Look reports it; a bus that cannot be checked is published to
			}
		}
	}
	return nil
}

// Covers reports whether the bus is one that can be checked.
func (w *Watch) Covers(b events.BusARN) bool {
	return w != nil && b.Account() == w.account && b.Name() != "default" && (w.o.Region == "" || b.Region() == w.o.Region)
}

// readResults reads what is stored, unless it was read a short time ago.
func (w *Watch) readResults(ctx context.Context) error {
	now := w.o.Clock()
	if !w.read.IsZero() && now.Before(w.read.Add(ReadEvery)) {
		return nil
	}
	missing, err := w.results.MissingBuses(ctx)
	if err != nil {
		return err
	}
	w.read = now
	w.mu.Lock()
	w.missing = missing
	w.mu.Unlock()
	return nil
}

// check checks a bus, and stores the result, if the last check is long enough ago.
func (w *Watch) check(ctx context.Context, b events.BusARN) error {
	now := w.o.Clock()
	if last, ok := w.tried[b]; ok && now.Before(last.Add(w.o.Every)) {
		return nil
	}
	w.tried[b] = now
	there, err := w.finder.Exists(ctx, b)
	if err != nil {
		return err
	}
	w.mu.Lock()
	if there {
		delete(w.missing, b)
	} else {
		w.missing[b] = now
	}
	w.mu.Unlock()
	if err := w.results.PutBus(ctx, b, !there, now); err != nil {
		delete(w.tried, b) // the next run checks and stores it again
		return err
	}
	return nil
}

// Gone reports whether the bus was missing when it was last checked. It does no I/O.
func (w *Watch) Gone(b events.BusARN) bool {
	if !w.Covers(b) {
		return false
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	checked, missing := w.missing[b]
	return missing && w.o.Clock().Before(checked.Add(lookLasts))
}
