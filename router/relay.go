package router

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A Relay does what commits have left behind: it publishes entries that the
// invocation did not get to, and folds bills into the totals. Any number may
// run: a lease gives each shard to one.
type Relay struct {
	store     *store.Store
	publisher *bus.Publisher
	owner     string
	now       func() time.Time
}

// NewRelay returns a relay. owner tells it from every other one.
func NewRelay(s *store.Store, p *bus.Publisher, owner string, o *Options) *Relay {
	r := &Relay{store: s, publisher: p, owner: owner, now: time.Now}
	if o != nil && o.Clock != nil {
		r.now = o.Clock
	}
	return r
}

// Drained is what one run of the relay did.
type Drained struct {
	Emission
	Marks  int           // marks that were looked at
	Folded int           // bills that went into the totals
	Busy   int           // shards that another relay held
	Lag    time.Duration // age of the oldest mark that still had work
}

const (
	relayPage  = 100             // marks read at a time
	foldAtOnce = 25              // bills folded in one transaction
	leaseTerm  = 2 * time.Minute // longer than a relay's page can take
)

// Run does all the work that is older than age: marks of invocations that may
// still be at work are left alone. It stops early when ctx ends. An error of
// one mark does not keep the others from being done; the last is returned.
func (r *Relay) Run(ctx context.Context, age time.Duration) (Drained, error) {
	var done Drained
	var failure error
	for shard := range store.Shards {
		if err := ctx.Err(); err != nil {
			return done, fault.E("router.Relay", fault.Unavailable, err)
		}
		now := r.now()
		held, err := r.store.Lease(ctx, shard, r.owner, now, now.Add(leaseTerm))
		switch {
		case err != nil:
			failure = err
		case !held:
			done.Busy++
		default:
			if err := r.drain(ctx, shard, now.Add(-age), &done); err != nil {
				failure = err
			}
			// Ending the lease lets the next relay begin at once.
			if _, err := r.store.Lease(ctx, shard, r.owner, now, now); err != nil {
				failure = err
			}
		}
	}
	if done.Err != nil {
		failure = done.Err
	}
	return done, fault.E("router.Relay", fault.Unavailable, failure)
}

// drain works through one shard, page by page. A page on which nothing could be
// done ends it: what is left waits for the next run.
func (r *Relay) drain(ctx context.Context, shard int, before time.Time, done *Drained) error {
	for ctx.Err() == nil {
		keys, err := r.store.Open(ctx, shard, before, relayPage)
		if err != nil || len(keys) == 0 {
			return err
		}
		progress, err := r.page(ctx, keys, done)
		if err != nil || !progress || len(keys) < relayPage {
			return err
		}
	}
	return ctx.Err()
}

func (r *Relay) page(ctx context.Context, keys []store.IdempotencyKey, done *Drained) (progress bool, err error) {
	marks := make([]store.Mark, 0, len(keys))
	var bills []store.IdempotencyKey
	for _, key := range keys {
		mark, err := r.store.Mark(ctx, key)
		if err != nil && fault.CodeOf(err) == fault.NotFound {
			continue // it expired, or another relay closed it
		}
		if err != nil {
			return false, err
		}
		done.Marks++
		done.Lag = max(done.Lag, r.now().Sub(mark.Receipt.Time))
		if mark.Outputs.Pending() {
			marks = append(marks, mark)
		}
		if mark.Bill.Tokens > 0 && !mark.Folded {
			bills = append(bills, key)
		}
	}
	emission := publish(ctx, r.store, r.publisher, r.now, marks)
	done.add(emission)
	for len(bills) > 0 {
		n := min(foldAtOnce, len(bills))
		if err := r.store.Fold(ctx, bills[:n]); err != nil {
			return false, err
		}
		done.Folded += n
		bills = bills[n:]
		progress = true
	}
	return progress || emission.Published+emission.Failed > 0, nil
}
