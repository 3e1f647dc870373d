package eventbridge

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/signal"
)

// An EventQuery selects events; the zero value selects all.
type EventQuery struct {
	Bus     string           // a name or ARN; "" means every bus
	Pattern *pattern.Pattern // nil means every event
	Since   time.Time        // taken then or later
	Follow  bool             // go on with events yet to come, until the context ends
}

// Events yields the stored events of the buses, the oldest first (see
// Options.KeepEvents). With Follow it ends with ctx, without an error.
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
			news := s.events.stored.Wait()
			batch, after, err := s.events.read(next, bus, &q)
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

// EventsFrom returns some of the events that match a query, starting at a sequence
// number, 0 for the oldest event, and the number to continue at. If that is the
// same number, there are no more events yet.
func (s *Service) EventsFrom(seq uint64, q EventQuery) (batch []Event, next uint64, err error) {
	bus := ""
	if q.Bus != "" {
		if bus, _, err = s.resolveBus(q.Bus); err != nil {
			return nil, seq, err
		}
	}
	if batch, next, err = s.events.read(seq, bus, &q); err != nil {
		err = fault.Wrap("read events", fault.Internal, err)
	}
	return batch, next, err
}

// An eventStore holds the newest events.
type eventStore struct {
	file       *datafile.File
	keep       int // how many events stay after their delivery
	deliveries *delivery.Dispatcher
	stored     signal.Signal // raised when an event was stored
	ids        eventIDs
}

// eventIDs finds stored events by their ids. It is filled when it is first used.
type eventIDs struct {
	mu   sync.Mutex
	next uint64              // the first event that it does not hold
	seqs map[string][]uint64 // sequence numbers by id; those of removed events too
}

// byID returns the stored events with this id, the oldest first.
func (s *eventStore) byID(id string) ([]Event, error) {
	s.ids.mu.Lock()
	defer s.ids.mu.Unlock()
	if s.ids.seqs == nil || len(s.ids.seqs) > 3*s.keep+1000 { // mostly removed ones
		s.ids.seqs, s.ids.next = map[string][]uint64{}, 0
	}
	for {
		batch, after, err := s.read(s.ids.next, "", &EventQuery{})
		if err != nil {
			return nil, err
		}
		for i := range batch {
			s.ids.seqs[batch[i].ID] = append(s.ids.seqs[batch[i].ID], batch[i].Seq)
		}
		if after == s.ids.next {
			break
		}
		s.ids.next = after
	}
	var found []Event
	for _, seq := range s.ids.seqs[id] {
		record, err := s.file.Get(BucketEvents, datafile.SeqKey(seq))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		e, err := decodeEvent(datafile.SeqKey(seq), record)
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	return found, nil
}

// write returns the write that stores an event.
func (s *eventStore) write(e *Event) (datafile.Write, error) {
	record, err := e.encode()
	return s.file.Put(BucketEvents, datafile.SeqKey(e.Seq), record), err
}

// read returns a batch of the events that match a query, starting at next. after
// is where to continue; it equals next if there are no more events. Batches keep
// no read transaction open while the caller works: that would let the file grow.
func (s *eventStore) read(next uint64, bus string, q *EventQuery) (batch []Event, after uint64, err error) {
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

// trimEvents removes old events, also from archives, until ctx ends.
func (s *Service) trimEvents(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := errors.Join(s.events.trim(ctx), s.archives.trim(ctx)); err != nil && ctx.Err() == nil {
			s.opts.Log.Error("old events could not be removed", "error", err)
		}
	}
}

// trim removes events beyond the number that is kept, the oldest first, except
// those that are still to be delivered.
func (s *eventStore) trim(ctx context.Context) error {
	const mostScanned = 50_000
	pending, err := s.deliveries.Undelivered()
	if err != nil {
		return err
	}
	var seqs []uint64
	if err := s.file.Keys(BucketEvents, nil, func(key []byte) bool {
		seqs = append(seqs, datafile.SeqOf(key))
		return len(seqs) < s.keep+mostScanned
	}); err != nil {
		return err
	}
	var writes []datafile.Write
	if len(seqs) > s.keep {
		if err := s.deliveries.TrimOutcomes(ctx, seqs[len(seqs)-s.keep], pending); err != nil {
			return err
		}
	}
	for i := 0; i < len(seqs)-s.keep; i++ {
		if !pending[seqs[i]] {
			writes = append(writes, s.file.Remove(BucketEvents, datafile.SeqKey(seqs[i])))
		}
	}
	if len(writes) == 0 {
		return nil
	}
	return s.file.Commit(ctx, writes)
}
