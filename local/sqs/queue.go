package sqs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

// The buckets that the file must have.
const (
	BucketQueues   = "queues"   // name
	BucketMessages = "messages" // name of the queue, NUL, number
)

// Options say where the queues are.
type Options struct {
	Account, Region string
	Now             func() time.Time
}

// Queues are the queues of one account and region.
type Queues struct {
	opts Options
	file *datafile.File

	fifoSends sync.Mutex // held during SendMessage to a FIFO queue; before mu

	mu     sync.Mutex
	byName map[string]*queue
	last   uint64        // the newest message's number
	news   chan struct{} // closed when a message comes
}

// queue is one queue and what is in it, in the order of arrival.
type queue struct {
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes"`
	Created    int64             `json:"created"` // seconds since 1970
	Modified   int64             `json:"modified"`

	messages []*message
	recent   map[string]dedup // FIFO: by deduplication id
	purged   time.Time        // when the queue was last purged
}

// dedup is an accepted message whose deduplication id is remembered.
type dedup struct {
	at  time.Time
	id  string // of the message
	seq uint64
}

// message is a message in a queue. One that is not yet visible again has been
// received, or is delayed.
type message struct {
	Seq        uint64                           `json:"seq"`
	ID         string                           `json:"id"`
	Body       string                           `json:"body"`
	Attributes map[string]MessageAttributeValue `json:"attributes,omitempty"`
	Trace      string                           `json:"trace,omitempty"`
	Group      string                           `json:"group,omitempty"`
	Dedup      string                           `json:"dedup,omitempty"`
	Source     string                           `json:"source,omitempty"` // the queue that gave it up
	Sent       time.Time                        `json:"sent"`
	First      time.Time                        `json:"first,omitzero"` // when it was first received
	Received   int                              `json:"received,omitempty"`
	Visible    time.Time                        `json:"visible"`
}

// Open brings the queues of a file into memory.
func Open(file *datafile.File, opts Options) (*Queues, error) {
	q := &Queues{opts: opts, file: file, byName: map[string]*queue{}, news: make(chan struct{})}
	err := file.Each(BucketQueues, nil, func(_, record []byte) (bool, error) {
		one := &queue{recent: map[string]dedup{}}
		err := json.Unmarshal(record, one)
		q.byName[one.Name] = one
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return q, file.Each(BucketMessages, nil, func(key, record []byte) (bool, error) {
		name, _, _ := strings.Cut(string(key), "\x00")
		m := &message{}
		if err := json.Unmarshal(record, m); err != nil {
			return false, err
		}
		if one := q.byName[name]; one != nil {
			one.messages = append(one.messages, m)
			one.remember(m)
		}
		q.last = max(q.last, m.Seq)
		return true, nil
	})
}

func messageKey(queue string, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(queue+"\x00"), seq)
}

func (q *Queues) arn(name string) string {
	return "arn:aws:sqs:" + q.opts.Region + ":" + q.opts.Account + ":" + name
}

// nameOf is the name of the queue that an ARN names here.
func (q *Queues) nameOf(arn string) (string, bool) { return strings.CutPrefix(arn, q.arn("")) }

// Has tells whether there is a queue with this ARN.
func (q *Queues) Has(arn string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	name, ok := q.nameOf(arn)
	return ok && q.byName[name] != nil
}

func (one *queue) fifo() bool { return strings.HasSuffix(one.Name, ".fifo") }

// seconds reads an attribute that is a number of seconds; it has been checked.
func (one *queue) seconds(attribute string) time.Duration {
	n, _ := strconv.Atoi(one.Attributes[attribute])
	return time.Duration(n) * time.Second
}

// redrive is a queue's RedrivePolicy.
type redrive struct {
	Target string       `json:"deadLetterTargetArn"`
	Most   flexibleUint `json:"maxReceiveCount"`
}

func (one *queue) redrive() (r redrive, ok bool) {
	text := one.Attributes["RedrivePolicy"]
	return r, text != "" && json.Unmarshal([]byte(text), &r) == nil
}

// Outgoing is a message to be sent.
type Outgoing struct {
	Body       string
	Attributes map[string]MessageAttributeValue
	Group      string // FIFO queues require one
	Dedup      string // of a FIFO queue; see Prepare
	Trace      string
	Delay      time.Duration
}

// String makes a string attribute.
func String(value string) MessageAttributeValue {
	return MessageAttributeValue{DataType: "String", StringValue: value}
}

// Prepare makes the write that stores a message, so that it can be committed together
// with others; add, to be called after that, lets it be received. A FIFO queue
// requires a group, and a deduplication id unless it has content-based
// deduplication. If it accepted a message with the same id in the last five
// minutes, there is nothing to write, and add is nil. The error is AWS's.
func (q *Queues) Prepare(arn string, m Outgoing) (w datafile.Write, add func(), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	name, _ := q.nameOf(arn)
	one := q.byName[name]
	if one == nil {
		return w, nil, errNoQueue()
	}
	if err := m.checkIDs(); err != nil {
		return w, nil, err
	}
	if one.fifo() {
		if err := one.setOrder(&m); err != nil {
			return w, nil, err
		}
		if _, twice := one.duplicateOf(m.Dedup, q.opts.Now()); twice {
			return w, nil, nil
		}
	}
	_, w, add, err = q.prepare(one, &m)
	return w, add, err
}

// setOrder checks the group of a message for a FIFO queue and sets its deduplication
// id.
func (one *queue) setOrder(m *Outgoing) error {
	if m.Group == "" {
		return missingParameter("MessageGroupId")
	}
	if m.Dedup == "" {
		if one.Attributes["ContentBasedDeduplication"] != "true" {
			return invalidParameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
		}
		sum := sha256.Sum256([]byte(m.Body))
		m.Dedup = hex.EncodeToString(sum[:])
	}
	return nil
}

// prepare is Prepare with the lock held; add takes the lock itself.
func (q *Queues) prepare(one *queue, out *Outgoing) (m *message, w datafile.Write, add func(), err error) {
	now := q.opts.Now()
	return q.enqueue(one, &message{ID: awsjson.NewID(), Body: out.Body, Attributes: out.Attributes, Trace: out.Trace,
		Group: out.Group, Dedup: out.Dedup, Sent: now, Visible: now.Add(out.Delay)})
}

// enqueue makes the write that stores a new message of a queue, and the function that
// lets it be received. The lock is held; add takes it itself.
func (q *Queues) enqueue(one *queue, m *message) (_ *message, w datafile.Write, add func(), err error) {
	q.last++
	m.Seq = q.last
	record, err := json.Marshal(m)
	if err != nil {
		return nil, w, nil, invalidParameter("The message cannot be stored.")
	}
	add = func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		one.remember(m)
		// Two that were prepared in one order may be added in the other.
		i := len(one.messages)
		for i > 0 && one.messages[i-1].Seq > m.Seq {
			i--
		}
		one.messages = slices.Insert(one.messages, i, m)
		close(q.news)
		q.news = make(chan struct{})
	}
	return m, q.file.Put(BucketMessages, messageKey(one.Name, m.Seq), record), add, nil
}

// remember stores a message's deduplication id, so that it is not accepted twice.
func (one *queue) remember(m *message) {
	if one.fifo() && m.Dedup != "" {
		one.recent[m.Dedup] = dedup{m.Sent, m.ID, m.Seq}
	}
}

// duplicateOf returns the message that was accepted with this deduplication id in the
// last five minutes.
func (one *queue) duplicateOf(id string, now time.Time) (d dedup, ok bool) {
	maps.DeleteFunc(one.recent, func(_ string, d dedup) bool { return now.Sub(d.at) > dedupWindow })
	d, ok = one.recent[id]
	return d, ok
}

// keepMessage is the write that keeps a message as it is now.
func (q *Queues) keepMessage(one *queue, m *message) (datafile.Write, error) {
	record, err := json.Marshal(m)
	return q.file.Put(BucketMessages, messageKey(one.Name, m.Seq), record), err
}

func (q *Queues) keepQueue(ctx context.Context, one *queue) error {
	record, err := json.Marshal(one)
	if err != nil {
		return err
	}
	return q.file.Commit(ctx, []datafile.Write{q.file.Put(BucketQueues, []byte(one.Name), record)})
}
