package outbox

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/deadline"
	"github.com/blockforger/eventrouter/internal/format"
	"github.com/blockforger/eventrouter/store"
)

// A Relay does what invocations left behind: it publishes entries, updates
// objects, compares objects once more when no late invocation can write them any
// longer, and aggregates bills into the totals. Any number may run: a lease
// gives each shard to one of them.
type Relay struct {
	publisher *Publisher
	owner     string
}

// NewRelay returns a relay that publishes by p. owner identifies its leases, and
// is unique to it.
func NewRelay(p *Publisher, owner string) *Relay { return &Relay{p, owner} }

// RelayStats is what one run of the relay did.
type RelayStats struct {
	PublishResult
	Records    int           // idempotency records that were read
	Projected  int           // of them, those whose object was updated
	Rechecked  int           // of them, those whose object was compared once more
	Aggregated int           // bills that were added to the totals
	Busy       int           // shards that another relay held
	Lag        time.Duration // the longest time that work had waited

	// FailedRecords is the number of idempotency records with failed entries and no
	// pending work, counted up to 1,000 of each shard; -1 if it is unknown.
	FailedRecords int

	// MissingBuses are the own buses that do not exist although they are expected,
	// or entries wait for them. BusCheckErr is why that is not known of a region.
	MissingBuses []events.BusARN
	BusCheckErr  error
}

const (
	pageSize     = 100             // records of a page
	readers      = 16              // records of a page that are read at the same time
	maxAggregate = 25              // bills aggregated in one transaction
	leaseTerm    = 2 * time.Minute // longer than a relay takes for a page
	maxSkipped   = 10_000          // records of a shard that are skipped in one run
	maxCounted   = 1_000           // records with failed entries counted of a shard
)

// Run does all work that is older than age; records of invocations that may
// still be running are skipped. It stops early when ctx ends. An error of one
// record does not keep the others from being processed; the last is returned.
func (r *Relay) Run(ctx context.Context, age time.Duration) (RelayStats, error) {
	p := r.publisher
	// What is committed from now on is its invocation's, however long this run takes.
	before := p.now().Add(-age)
	stats := RelayStats{FailedRecords: -1}
	var failure error
	stats.addBuses(p.watch.LookExpected(ctx))
	// Each run begins at another shard, so that one that takes all the time does
	// not delay the same others each time.
	first := randomShard()
	for i := range store.Shards {
		shard := (first + i) % store.Shards
		if err := ctx.Err(); err != nil {
			return stats, fault.Wrap("outbox.Relay", fault.Unavailable, err)
		}
		now := p.now()
		held, err := p.store.Lease(ctx, shard, r.owner, now, now.Add(leaseTerm))
		switch {
		case err != nil:
			failure = err
		case !held:
			stats.Busy++
		default:
			if err := r.relayShard(ctx, shard, before, &stats); err != nil {
				failure = err
			}
			// Ending the lease lets the next relay begin at once.
			if _, err := p.store.Lease(deadline.Final(ctx), shard, r.owner, now, now); err != nil {
				failure = err
			}
		}
	}
	if stats.Err != nil {
		failure = stats.Err
	}
	if n, err := r.countFailed(ctx); err == nil {
		stats.FailedRecords = n
	} else {
		failure = err
	}
	return stats, fault.Wrap("outbox.Relay", fault.Unavailable, failure)
}

// countFailed counts the records with failed entries.
func (r *Relay) countFailed(ctx context.Context) (total int, err error) {
	for shard := range store.Shards {
		keys, err := r.publisher.store.ListFailed(ctx, shard, maxCounted)
		if err != nil {
			return 0, err
		}
		total += len(keys)
	}
	return total, nil
}

// randomShard uses crypto/rand, which the simulation of package simulation seeds.
func randomShard() int {
	var b [1]byte
	_, _ = rand.Read(b[:])
	return int(b[0]) % store.Shards
}

// addBuses adds the result of a check of buses.
func (s *RelayStats) addBuses(missing []events.BusARN, err error) {
	if err != nil {
		s.BusCheckErr = err
	}
	s.MissingBuses = append(s.MissingBuses, missing...)
	slices.Sort(s.MissingBuses)
	s.MissingBuses = slices.Compact(s.MissingBuses)
}

// relayShard processes one shard, page by page. It ends at a page without
// progress: what is left waits for the next run. Records whose entries are all
// held back are skipped for the rest of the run, or they would block all records
// behind them for as long as their bus is missing; so are those whose object was
// processed in this run, whether that succeeded or not.
func (r *Relay) relayShard(ctx context.Context, shard int, before time.Time, stats *RelayStats) error {
	skip := map[store.IdempotencyKey]bool{}
	for ctx.Err() == nil {
		limit := len(skip) + pageSize
		keys, err := r.publisher.store.ListPending(ctx, shard, before, limit)
		if err != nil {
			return err
		}
		last := len(keys) < limit || len(skip) >= maxSkipped
		keys = slices.DeleteFunc(keys, func(k store.IdempotencyKey) bool { return skip[k] })
		if len(keys) == 0 {
			return nil
		}
		progress, err := r.relayPage(ctx, keys, stats, skip)
		if err != nil || !progress || last {
			return err
		}
	}
	return ctx.Err()
}

// A recordRead is the result of reading an idempotency record.
type recordRead struct {
	record store.IdempotencyRecord
	err    error
}

// read reads idempotency records, some at a time: one by one, at 5 ms each, a run
// would process fewer than 200 a second.
func (r *Relay) read(ctx context.Context, keys []store.IdempotencyKey) []recordRead {
	reads := make([]recordRead, len(keys))
	var group errgroup.Group
	group.SetLimit(readers)
	for i, key := range keys {
		group.Go(func() error {
			reads[i].record, reads[i].err = r.publisher.store.IdempotencyRecord(ctx, key)
			return nil
		})
	}
	_ = group.Wait()
	return reads
}

// relayPage processes some records. It adds those to skip that the rest of the
// run must not read again.
func (r *Relay) relayPage(ctx context.Context, keys []store.IdempotencyKey, stats *RelayStats, skip map[store.IdempotencyKey]bool) (progress bool, err error) {
	p := r.publisher
	records := make([]store.IdempotencyRecord, 0, len(keys))
	var bills []store.IdempotencyKey
	for i, read := range r.read(ctx, keys) {
		key, record, err := keys[i], read.record, read.err
		if fault.Is(err, fault.NotFound) {
			continue // it expired, or another relay finished it
		}
		if format.IsNewer(err) {
			skip[key], stats.Err = true, err // a newer version does what is left
			progress = true
			continue
		}
		if err != nil {
			return false, err
		}
		stats.Records++
		billed := record.Bill.Tokens > 0 && !record.Aggregated
		if billed {
			bills = append(bills, key)
		}
		task := p.projectionTask(&record)
		if record.Outputs.Pending() || task != noProjection {
			records = append(records, record)
		}
		switch {
		case billed || record.NeedsProjection || record.Outputs.Pending():
			stats.Lag = max(stats.Lag, p.now().Sub(record.Result.Time))
		case task == recheck:
			stats.Lag = max(stats.Lag, p.now().Sub(record.Recheck))
		}
		if record.NeedsProjection || !record.Recheck.IsZero() {
			skip[key] = true // its object is processed below, or not due yet
			progress = true
		}
	}
	stats.addBuses(p.watch.Look(ctx, pendingBuses(records)))
	done := p.project(ctx, records, stats)
	published := p.publish(ctx, records, done)
	stats.add(published)
	for i := range records {
		if p.holdsAll(&records[i]) {
			skip[records[i].Key] = true
			progress = true
		}
	}
	for len(bills) > 0 {
		n := min(maxAggregate, len(bills))
		if err := p.store.AggregateUsage(ctx, bills[:n]); err != nil {
			return false, err
		}
		stats.Aggregated += n
		bills = bills[n:]
		progress = true
	}
	return progress || published.Published+published.Failed > 0, nil
}

// holdsAll reports whether every entry that was pending when the record was read
// is for a missing bus.
func (p *Publisher) holdsAll(m *store.IdempotencyRecord) bool {
	for _, e := range m.Outputs.Entries {
		if e.State == store.EntryPending && !p.watch.Gone(e.Bus) {
			return false
		}
	}
	return true
}
