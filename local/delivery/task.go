package delivery

import (
	"encoding/binary"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/datafile"
)

// A Task is one event to be delivered to one target. It passes up to two stages,
// each with its own retries, as on AWS: EventBridge delivers to the target, and
// if the target is a function, Lambda then invokes it.
type Task struct {
	// Seq is the sequence number of the event, and N distinguishes its tasks.
	// Together they are the task's key in the data file.
	Seq uint64 `json:"-"`
	N   uint32 `json:"-"`

	ID        string    `json:"id"` // Lambda's request id, the same for every attempt
	Rule      string    `json:"rule,omitempty"`
	Target    Target    `json:"target"`
	Stage     stage     `json:"stage"`
	Attempts  int       `json:"attempts,omitempty"` // in this stage
	Since     time.Time `json:"since"`              // when this stage began
	Due       time.Time `json:"due"`
	Failures  int       `json:"failures,omitempty"`  // in both stages
	LastError string    `json:"lastError,omitempty"` // of the previous attempt
	// Origin is the sequence number of the event if the task retries a dead
	// letter; otherwise it is 0, and Seq is that of the event.
	Origin uint64 `json:"event,omitempty"`
	// Payload is what the target gets if it is not the event itself.
	Payload jsontext.Value `json:"payload,omitzero"`
	// Text replaces Payload if it is not JSON: an input template or a schedule's
	// input may be any text.
	Text string `json:"text,omitempty"`
	// Invalid says why the input must not be delivered; "" means that it may be.
	Invalid string `json:"invalid,omitempty"`

	Hops  int    `json:"hops,omitempty"`  // how many buses the event has passed
	Trace string `json:"trace,omitempty"` // the event's trace header

	// Event is the event's JSON while the task is new; nil means that it is read
	// from the data file.
	Event jsontext.Value `json:"-"`

	body       []byte     // what the target gets; nil until it is read
	completion completion // what CommitWith added
}

// A stage is the part of AWS that acts on a task.
type stage string

const (
	StageDeliver stage = "deliver" // EventBridge to the target
	StageInvoke  stage = "invoke"  // Lambda to the function
)

// SetInput sets what the target gets; nil means the event itself.
func (t *Task) SetInput(input []byte) {
	if v := jsontext.Value(input); input == nil || v.IsValid(jsontext.AllowDuplicateNames(true)) {
		t.Payload = v
	} else {
		t.Text = string(input)
	}
}

// Body returns what the target gets. It is set for the time of a delivery and of
// an invocation.
func (t *Task) Body() []byte { return t.body }

// CommitWith adds a write that is committed together with the end of the task,
// and a function that runs after the commit. A target calls it from Deliver if
// taking the event is itself a write to the data file.
func (t *Task) CommitWith(w datafile.Write, after func()) {
	t.completion = completion{writes: []datafile.Write{w}, after: after}
}

func (t *Task) key() []byte { return taskKey(t.Seq, t.N) }

func (t *Task) before(other *Task) bool {
	return t.Seq < other.Seq || t.Seq == other.Seq && t.N < other.N
}

// eventSeq returns the sequence number of the event that the task delivers.
func (t *Task) eventSeq() uint64 {
	if t.Origin != 0 {
		return t.Origin
	}
	return t.Seq
}

func taskKey(seq uint64, n uint32) []byte {
	return binary.BigEndian.AppendUint32(datafile.SeqKey(seq), n)
}

func decodeTask(key, record []byte) (*Task, error) {
	t := &Task{}
	if err := json.Unmarshal(record, t, jsontext.AllowDuplicateNames(true)); err != nil || len(key) != 12 {
		return nil, fault.Errorf(fault.Internal, "a stored task cannot be read")
	}
	t.Seq, t.N = binary.BigEndian.Uint64(key), binary.BigEndian.Uint32(key[8:])
	return t, nil
}

// An EventReader returns the JSON of a stored event.
type EventReader func(seq uint64) (jsontext.Value, error)

// setBody sets the task's body, which is what its target gets.
func (read EventReader) setBody(t *Task) (err error) {
	switch {
	case t.body != nil:
	case t.Payload != nil:
		t.body = t.Payload
	case t.Text != "":
		t.body = []byte(t.Text)
	case t.Event != nil:
		t.body = t.Event
	default:
		t.body, err = read(t.Seq)
	}
	return err
}

// original returns the event itself, even if the target gets another input.
// For the retry of a dead letter it is what the target got.
func (read EventReader) original(t *Task) ([]byte, error) {
	event, err := read(t.Seq)
	if err != nil && (t.Payload != nil || t.Text != "") {
		err = read.setBody(t)
		return t.body, err
	}
	return event, err
}
