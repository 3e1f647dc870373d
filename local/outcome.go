package local

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/datafile"
)

// An outcome is how a delivery ended that did not go well at once. One that did
// leaves nothing: that costs no write, and there is nothing to tell.
type outcome struct {
	Rule      string        `json:"rule"`
	Target    string        `json:"target"`
	State     DeliveryState `json:"state"`
	Attempts  int           `json:"attempts"`
	LastError string        `json:"lastError,omitempty"`
	Queue     string        `json:"queue,omitempty"` // the dead-letter queue that got it
}

// eventSeq is the place of the event that the task delivers.
func (t *task) eventSeq() uint64 {
	if t.Event != 0 {
		return t.Event
	}
	return t.key.seq
}

// endWrites are the writes that end a task: it is a task no more, and what is
// worth telling of it is kept as long as its event.
func (s *Server) endWrites(t *task, state DeliveryState, queue string) []datafile.Write {
	writes := []datafile.Write{s.file.Remove(bucketTasks, t.key.bytes())}
	if t.Failures == 0 && state == Delivered {
		return writes
	}
	o := outcome{Rule: t.Rule, Target: t.Target.Arn, State: state, Attempts: t.Failures, LastError: t.LastError, Queue: queue}
	if state == Delivered {
		o.Attempts++
	}
	record, err := json.Marshal(&o)
	if err != nil { // strings and a number
		s.log.Error("the outcome of a delivery cannot be kept", "error", err)
		return writes
	}
	return append(writes, s.file.Put(bucketOutcomes, append(seqKey(t.eventSeq()), t.key.bytes()...), record))
}

// outcomes are those of one event's deliveries.
func (s *Server) outcomes(event uint64) ([]outcome, error) {
	var list []outcome
	err := s.file.Each(bucketOutcomes, seqKey(event), func(key, record []byte) (bool, error) {
		if seqOf(key) != event {
			return false, nil
		}
		var o outcome
		err := json.Unmarshal(record, &o)
		list = append(list, o)
		return true, err
	})
	return list, err
}

// trimOutcomes forgets those of events that are kept no more.
func (s *Server) trimOutcomes(ctx context.Context, oldest uint64, pending map[uint64]bool) error {
	var writes []datafile.Write
	if err := s.file.Keys(bucketOutcomes, nil, func(key []byte) bool {
		if seqOf(key) >= oldest {
			return false
		}
		if !pending[seqOf(key)] {
			writes = append(writes, s.file.Remove(bucketOutcomes, append([]byte(nil), key...)))
		}
		return true
	}); err != nil || len(writes) == 0 {
		return err
	}
	return s.file.Commit(ctx, writes)
}
