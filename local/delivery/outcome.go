package delivery

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/datafile"
)

// An outcome is how a delivery ended that did not succeed at the first attempt.
// Nothing is stored for the others, which saves a write for most deliveries.
type outcome struct {
	Rule      string `json:"rule"`
	Target    string `json:"target"`
	State     State  `json:"state"`
	Attempts  int    `json:"attempts"`
	LastError string `json:"lastError,omitempty"`
	Queue     string `json:"queue,omitempty"` // the dead-letter queue that got it
}

// outcomes are stored as long as their events.
type outcomes struct{ file *datafile.File }

// write returns the write that stores how a task ended; none if the delivery
// succeeded at the first attempt.
func (s outcomes) write(t *Task, state State, queue string) ([]datafile.Write, error) {
	if t.Failures == 0 && state == Delivered {
		return nil, nil
	}
	o := outcome{Rule: t.Rule, Target: t.Target.Arn, State: state, Attempts: t.Failures, LastError: t.LastError, Queue: queue}
	if state == Delivered {
		o.Attempts++
	}
	record, err := json.Marshal(&o)
	if err != nil {
		return nil, err
	}
	return []datafile.Write{s.file.Put(BucketOutcomes, append(datafile.SeqKey(t.eventSeq()), t.key()...), record)}, nil
}

// of returns the outcomes of one event's deliveries.
func (s outcomes) of(event uint64) ([]outcome, error) {
	var list []outcome
	err := s.file.Each(BucketOutcomes, datafile.SeqKey(event), func(key, record []byte) (bool, error) {
		if datafile.SeqOf(key) != event {
			return false, nil
		}
		var o outcome
		err := json.Unmarshal(record, &o)
		list = append(list, o)
		return true, err
	})
	return list, err
}

// trim removes the outcomes of events before oldest that have no task left.
func (s outcomes) trim(ctx context.Context, oldest uint64, undelivered map[uint64]bool) error {
	var writes []datafile.Write
	if err := s.file.Keys(BucketOutcomes, nil, func(key []byte) bool {
		if datafile.SeqOf(key) >= oldest {
			return false
		}
		if !undelivered[datafile.SeqOf(key)] {
			writes = append(writes, s.file.Remove(BucketOutcomes, append([]byte(nil), key...)))
		}
		return true
	}); err != nil || len(writes) == 0 {
		return err
	}
	return s.file.Commit(ctx, writes)
}
