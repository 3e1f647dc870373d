package router

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/deadline"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// A Relay does what commits have left behind: it publishes entries and brings
// objects up to date that the invocation did not get to, compares objects once
// more when no late invocation can touch them any longer, and folds bills into
// the totals. Any number may run: a lease gives each shard to one.
type Relay struct {
	store     *store.Store
	publisher *bus.Publisher
	watch     *bus.Watch
	owner     string
	now       func() time.Time
}

// NewRelay returns a relay. owner tells it from every other one.
func NewRelay(s *store.Store, p *bus.Publisher, owner string, o *Options) *Relay {
	r := &Relay{store: s, publisher: p, owner: owner, now: time.Now}
	if o != nil && o.Clock != nil {
		r.now = o.Clock
	}
	if o != nil {
		r.watch = o.Watch
	}
	return r
}

// RelayStats is what one run of the relay did.
type RelayStats struct {
	PublishResult
	Records    int           // marks that were looked at
	Projected  int           // of them, those whose object was brought up to date
	Rechecked  int           // of them, those whose object was compared once more
	Aggregated int           // bills that went into the totals
	Busy       int           // shards that another relay held
	Lag        time.Duration // how long the work had waited that waited longest

	// Gone are our own buses that do not exist though they are expected, or
	// entries wait for them. LookErr is why that is not known of a region.
	MissingBuses []events.BusARN
	BusCheckErr  error
}

const (
	pageSize   = 100             // marks read at a time
	foldAtOnce = 25              // bills folded in one transaction
	leaseTerm  = 2 * time.Minute // longer than a relay's page can take
	maxHeld    = 10_000          // marks of a shard that are passed over in one run
)

// Run does all the work that is older than age: marks of invocations that may
// still be at work are left alone. It stops early when ctx ends. An error of
// one mark does not keep the others from being done; the last is returned.
func (r *Relay) Run(ctx context.Context, age time.Duration) (RelayStats, error) {
	// What is committed from now on is its invocation's, however long this run takes.
	before := r.now().Add(-age)
	var done RelayStats
	var failure error
	done.look(r.watch.LookExpected(ctx))
	// Each run begins at another shard, so that one that takes all the time does
	// not keep the same others waiting.
	first := rand.IntN(store.Shards)
	for i := range store.Shards {
		shard := (first + i) % store.Shards
		if err := ctx.Err(); err != nil {
			return done, fault.Wrap("router.Relay", fault.Unavailable, err)
		}
		now := r.now()
		held, err := r.store.Lease(ctx, shard, r.owner, now, now.Add(leaseTerm))
		switch {
		case err != nil:
			failure = err
		case !held:
			done.Busy++
		default:
			if err := r.relayShard(ctx, shard, before, &done); err != nil {
				failure = err
			}
			// Ending the lease lets the next relay begin at once.
			if _, err := r.store.Lease(deadline.Final(ctx), shard, r.owner, now, now); err != nil {
				failure = err
			}
		}
	}
	if done.Err != nil {
		failure = done.Err
	}
	return done, fault.Wrap("router.Relay", fault.Unavailable, failure)
}

// look adds the result of a check of buses.
func (d *RelayStats) look(gone []events.BusARN, err error) {
	if err != nil {
		d.BusCheckErr = err
	}
	d.MissingBuses = append(d.MissingBuses, gone...)
	slices.Sort(d.MissingBuses)
	d.MissingBuses = slices.Compact(d.MissingBuses)
}

// drain works through one shard, page by page. A page on which nothing could be
// done ends it: what is left waits for the next run. Marks whose entries are
// held back are passed over, or they would stand in the way of all behind them
// for as long as their bus is gone; so are those whose object has had its turn in
// this run, whether that went well or not.
func (r *Relay) relayShard(ctx context.Context, shard int, before time.Time, done *RelayStats) error {
	held := map[store.IdempotencyKey]bool{}
	for ctx.Err() == nil {
		limit := len(held) + pageSize
		keys, err := r.store.ListPending(ctx, shard, before, limit)
		if err != nil {
			return err
		}
		last := len(keys) < limit || len(held) >= maxHeld
		keys = slices.DeleteFunc(keys, func(k store.IdempotencyKey) bool { return held[k] })
		if len(keys) == 0 {
			return nil
		}
		progress, err := r.relayPage(ctx, keys, done, held)
		if err != nil || !progress || last {
			return err
		}
	}
	return ctx.Err()
}

// page works through some marks. It adds those to held that the rest of the run
// is to pass over.
func (r *Relay) relayPage(ctx context.Context, keys []store.IdempotencyKey, done *RelayStats, held map[store.IdempotencyKey]bool) (progress bool, err error) {
	marks := make([]store.IdempotencyRecord, 0, len(keys))
	var bills []store.IdempotencyKey
	for _, key := range keys {
		mark, err := r.store.IdempotencyRecord(ctx, key)
		if fault.Is(err, fault.NotFound) {
			continue // it expired, or another relay closed it
		}
		if format.IsNewer(err) {
			held[key], done.Err = true, err // a newer version does what is left
			progress = true
			continue
		}
		if err != nil {
			return false, err
		}
		done.Records++
		billed := mark.Bill.Tokens > 0 && !mark.Aggregated
		if billed {
			bills = append(bills, key)
		}
		if mark.Outputs.Pending() || r.chore(&mark) != noProjection {
			marks = append(marks, mark)
		}
		switch {
		case billed || mark.NeedsProjection || mark.Outputs.Pending():
			done.Lag = max(done.Lag, r.now().Sub(mark.Result.Time))
		case r.chore(&mark) == recheck:
			done.Lag = max(done.Lag, r.now().Sub(mark.Recheck))
		}
		if mark.NeedsProjection || !mark.Recheck.IsZero() {
			held[key] = true // its object is dealt with below, or not due yet
			progress = true
		}
	}
	done.look(r.watch.Look(ctx, pendingBuses(marks)))
	settlements := r.project(ctx, marks, done)
	emission := publishEntries(ctx, r.store, r.publisher, r.watch, r.now, marks, settlements)
	done.add(emission)
	for i := range marks {
		if r.holdsAll(&marks[i]) {
			held[marks[i].Key] = true
			progress = true
		}
	}
	for len(bills) > 0 {
		n := min(foldAtOnce, len(bills))
		if err := r.store.AggregateUsage(ctx, bills[:n]); err != nil {
			return false, err
		}
		done.Aggregated += n
		bills = bills[n:]
		progress = true
	}
	return progress || emission.Published+emission.Failed > 0, nil
}

// pendingBuses are the buses that entries wait for.
func pendingBuses(marks []store.IdempotencyRecord) (buses []events.BusARN) {
	for m := range marks {
		for _, e := range marks[m].Outputs.Entries {
			if e.State == store.EntryPending && !slices.Contains(buses, e.Bus) {
				buses = append(buses, e.Bus)
			}
		}
	}
	return buses
}

// holdsAll reports whether every entry that the mark was read with as pending
// is for a bus that is gone.
func (r *Relay) holdsAll(m *store.IdempotencyRecord) bool {
	for _, e := range m.Outputs.Entries {
		if e.State == store.EntryPending && !r.watch.Gone(e.Bus) {
			return false
		}
	}
	return true
}
