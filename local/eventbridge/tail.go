package eventbridge

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/datafile"
)

// An EventQuery says which events are wanted; its zero value means all.
type EventQuery struct {
	Bus     string           // a name or ARN; "" means every bus
	Pattern *pattern.Pattern // nil means every event
	Since   time.Time        // taken then or later
	Follow  bool             // go on with events yet to come, until the context ends
}

// Events yields what the buses took, the oldest first, as far as it is kept
// (see Options.KeepEvents). With Follow it ends with ctx, without an error.
func (s *Service) Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		bus := ""
		if q.Bus != "" {
			arn, _, err := s.resolveBus(q.Bus)
			if err != nil {
				yield(Event{}, err)
				return
			}
			bus = arn
		}
		for next := uint64(0); ; {
			news := s.arrived.Wait()
			batch, after, err := s.eventsFrom(next, bus, &q)
			if err != nil {
				yield(Event{}, fault.Wrap("read events", fault.Internal, err))
				return
			}
			for _, e := range batch {
				if !yield(e, nil) {
					return
				}
			}
			if after > next {
				next = after
				continue
			}
			if !q.Follow {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-news:
			}
		}
	}
}

// EventsFrom reads some of what the query wants from a place on, 0 being the
// oldest event kept, and answers where to go on. Where that is the same place,
// there is nothing more yet.
func (s *Service) EventsFrom(seq uint64, q EventQuery) (batch []Event, next uint64, err error) {
	bus := ""
	if q.Bus != "" {
		if bus, _, err = s.resolveBus(q.Bus); err != nil {
			return nil, seq, err
		}
	}
	if batch, next, err = s.eventsFrom(seq, bus, &q); err != nil {
		err = fault.Wrap("read events", fault.Internal, err)
	}
	return batch, next, err
}

// eventsFrom reads a batch of what the query wants. after is where to go on; it
// is next where there is nothing more. Reading in batches keeps no read
// transaction open while the caller thinks: that would let the file grow.
func (s *Service) eventsFrom(next uint64, bus string, q *EventQuery) (batch []Event, after uint64, err error) {
	const most = 256
	after = next
	err = s.file.Each(BucketEvents, datafile.SeqKey(next), func(key, record []byte) (bool, error) {
		e, err := decodeEvent(key, record)
		if err != nil {
			return false, err
		}
		after = e.Seq + 1
		if q.wants(&e, bus) {
			batch = append(batch, e)
		}
		return len(batch) < most, nil
	})
	return batch, after, err
}

func (q *EventQuery) wants(e *Event, bus string) bool {
	if bus != "" && e.Bus != bus || e.Received.Before(q.Since) {
		return false
	}
	if q.Pattern == nil {
		return true
	}
	matches, err := q.Pattern.MatchJSON(e.JSON)
	return err == nil && matches
}

// trimEvents forgets events beyond the number that is kept, the oldest first,
// but none that is still to be delivered.
func (s *Service) trimEvents(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := errors.Join(s.trimOnce(ctx), s.trimArchives(ctx)); err != nil && ctx.Err() == nil {
			s.opts.Log.Error("old events could not be removed", "error", err)
		}
	}
}

func (s *Service) trimOnce(ctx context.Context) error {
	const mostScanned = 50_000
	pending, err := s.opts.Deliveries.Undelivered()
	if err != nil {
		return err
	}
	var seqs []uint64
	if err := s.file.Keys(BucketEvents, nil, func(key []byte) bool {
		seqs = append(seqs, datafile.SeqOf(key))
		return len(seqs) < s.opts.KeepEvents+mostScanned
	}); err != nil {
		return err
	}
	var writes []datafile.Write
	if len(seqs) > s.opts.KeepEvents {
		if err := s.opts.Deliveries.TrimOutcomes(ctx, seqs[len(seqs)-s.opts.KeepEvents], pending); err != nil {
			return err
		}
	}
	for i := 0; i < len(seqs)-s.opts.KeepEvents; i++ {
		if !pending[seqs[i]] {
			writes = append(writes, s.file.Remove(BucketEvents, datafile.SeqKey(seqs[i])))
		}
	}
	if len(writes) == 0 {
		return nil
	}
	return s.file.Commit(ctx, writes)
}
