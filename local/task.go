package local

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

// A task is one event to be brought to one target. On its way it passes two
// stages, each with retries of its own, as on AWS: EventBridge delivers to the
// target, and where the target is a function Lambda then invokes it.
type task struct {
	key taskKey

	ID        string    `json:"id"` // Lambda's request id, the same over its retries
	Rule      string    `json:"rule,omitempty"`
	Target    Target    `json:"target"`
	Stage     stage     `json:"stage"`
	Attempts  int       `json:"attempts,omitempty"` // in this stage
	Since     time.Time `json:"since"`              // when this stage began
	Due       time.Time `json:"due"`
	Failures  int       `json:"failures,omitempty"`  // in both stages
	LastError string    `json:"lastError,omitempty"` // of the attempt before
	Event     uint64    `json:"event,omitempty"`     // the place of the event, of a dead letter that is tried again
	// Payload is what the target gets, where it is not the event itself.
	Payload jsontext.Value `json:"payload,omitzero"`
	// Text is the same where it is not JSON, as an input template or a schedule's
	// input may make it.
	Text string `json:"text,omitempty"`

	Hops  int    `json:"hops,omitempty"`  // how many buses it has come over
	Trace string `json:"trace,omitempty"` // the event's trace header

	event jsontext.Value // what the event is, while it is new; else it is read from disk
}

type stage string

const (
	stageDeliver stage = "deliver" // EventBridge to the target
	stageInvoke  stage = "invoke"  // Lambda to the function
)

// taskKey is the event's place in the file, and which of its tasks this is.
type taskKey struct {
	seq uint64
	n   uint32
}

func (k taskKey) bytes() []byte {
	return binary.BigEndian.AppendUint32(seqKey(k.seq), k.n)
}

func (k taskKey) before(other taskKey) bool {
	return k.seq < other.seq || k.seq == other.seq && k.n < other.n
}

func newTask(e *Event, n int, r *rule, target *Target) *task {
	t := &task{
		key: taskKey{e.Seq, uint32(n)}, ID: awsjson.NewID(), Rule: r.ARN, Target: *target,
		Stage: stageDeliver, Since: e.Received, Due: e.Received, event: e.JSON,
		Hops: e.Hops, Trace: e.Trace,
	}
	t.setInput(target.inputOf(r, e))
	return t
}

// setInput sets what the target gets; nil: the event itself.
func (t *task) setInput(input []byte) {
	if v := jsontext.Value(input); input == nil || v.IsValid(jsontext.AllowDuplicateNames(true)) {
		t.Payload = v
	} else {
		t.Text = string(input)
	}
}

// keepTask is the write that keeps a task as it is now.
func (s *Server) keepTask(t *task) (datafile.Write, error) {
	record, err := json.Marshal(t, jsontext.AllowDuplicateNames(true))
	if err != nil {
		return datafile.Write{}, fault.Wrap("local.keepTask", fault.Internal, err)
	}
	return s.file.Put(bucketTasks, t.key.bytes(), record), nil
}

func (s *Server) loadTasks() error {
	return s.file.Each(bucketTasks, nil, func(key, record []byte) (bool, error) {
		t := &task{}
		if err := json.Unmarshal(record, t, jsontext.AllowDuplicateNames(true)); err != nil || len(key) != 12 {
			return false, fault.Errorf(fault.Internal, "a kept task cannot be read")
		}
		t.key = taskKey{binary.BigEndian.Uint64(key), binary.BigEndian.Uint32(key[8:])}
		s.queue.add(t)
		return true, nil
	})
}

// payload is what the task's target gets.
func (s *Server) payload(t *task) ([]byte, error) {
	switch {
	case t.Payload != nil:
		return t.Payload, nil
	case t.Text != "":
		return []byte(t.Text), nil
	case t.event != nil:
		return t.event, nil
	}
	return s.originalEvent(t)
}

// originalEvent is the event itself, whatever the target's input makes of it.
// Where a dead letter is tried again, it is what the target got.
func (s *Server) originalEvent(t *task) ([]byte, error) {
	record, err := s.file.Get(bucketEvents, seqKey(t.key.seq))
	if err != nil {
		if t.Payload != nil || t.Text != "" {
			return s.payload(t)
		}
		return nil, err
	}
	e, err := decodeEvent(seqKey(t.key.seq), record)
	return e.JSON, err
}

// attempt carries a task one step further: it is done, or dead, or waits for
// its next attempt.
func (s *Server) attempt(ctx context.Context, t *task) {
	if t.Stage == stageDeliver && !s.deliver(ctx, t) {
		return
	}
	s.invoke(ctx, t)
}

// ack forgets a task. It is called only after the target has taken the event.
func (s *Server) ack(t *task) {
	s.settle <- settled{writes: s.endWrites(t, Delivered, "")}
}

// reschedule keeps a task for its next attempt after the wait.
func (s *Server) reschedule(t *task, wait time.Duration) {
	t.Due = s.opts.Now().Add(wait)
	t.event = nil // it is read again: a wait can be long, and memory is not
	w, err := s.keepTask(t)
	if err != nil {
		s.log.Error("a task could not be kept for its retry; it is tried again at once after a restart", "error", err)
		return
	}
	s.settle <- settled{writes: []datafile.Write{w}}
	s.queue.add(t)
}

// settled is what a task leaves behind: writes, and what is to happen once they
// are durable.
type settled struct {
	writes []datafile.Write
	then   func() // may be nil
}

// settleTasks writes what tasks leave behind, as much at a time as is there,
// until ended is closed and all is written. What a crash keeps from disk is
// done a second time.
func (s *Server) settleTasks(ended <-chan struct{}) {
	const most = 1000
	for {
		var batch []settled
		select {
		case one := <-s.settle:
			batch = append(batch, one)
		case <-ended:
			if len(s.settle) == 0 {
				return
			}
		}
		for len(batch) < most && len(s.settle) > 0 {
			batch = append(batch, <-s.settle)
		}
		var writes []datafile.Write
		for _, one := range batch {
			writes = append(writes, one.writes...)
		}
		s.commitSettled(writes, ended)
		for _, one := range batch {
			if one.then != nil {
				one.then()
			}
		}
	}
}

// commitSettled goes on trying while the disk is full: deliveries that are not
// noted as done are made again after a restart. That is also why it may give up
// when the end has come.
func (s *Server) commitSettled(batch []datafile.Write, ended <-chan struct{}) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := s.file.Commit(context.Background(), batch)
		if err == nil {
			return
		}
		s.log.Error("what deliveries leave behind could not be written; trying again", "error", err)
		select {
		case <-ended:
			return
		case <-time.After(wait):
		}
	}
}

// Pending tells how many deliveries are due or under way, and how many wait for
// a retry.
func (s *Server) Pending() (due, waiting int) { return s.queue.counts() }
