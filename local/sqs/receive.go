package sqs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

type ReceiveMessageInput struct {
	QueueUrl                    string   `json:"QueueUrl" aws:"required"`
	AttributeNames              []string `json:"AttributeNames,omitempty"`
	MessageSystemAttributeNames []string `json:"MessageSystemAttributeNames,omitempty"`
	MessageAttributeNames       []string `json:"MessageAttributeNames,omitempty"`
	MaxNumberOfMessages         *int     `json:"MaxNumberOfMessages,omitempty"`
	VisibilityTimeout           *int     `json:"VisibilityTimeout,omitempty"`
	WaitTimeSeconds             *int     `json:"WaitTimeSeconds,omitempty"`
	ReceiveRequestAttemptId     string   `json:"ReceiveRequestAttemptId,omitempty"`
}

type receivedMessage struct {
	MessageId              string                           `json:"MessageId,omitempty"`
	ReceiptHandle          string                           `json:"ReceiptHandle,omitempty"`
	MD5OfBody              string                           `json:"MD5OfBody,omitempty"`
	Body                   string                           `json:"Body,omitempty"`
	Attributes             map[string]string                `json:"Attributes,omitempty"`
	MD5OfMessageAttributes string                           `json:"MD5OfMessageAttributes,omitempty"`
	MessageAttributes      map[string]MessageAttributeValue `json:"MessageAttributes,omitempty"`
}

type ReceiveMessageOutput struct {
	Messages []receivedMessage `json:"Messages,omitempty"`
}

type DeleteMessageInput struct {
	QueueUrl      string `json:"QueueUrl" aws:"required"`
	ReceiptHandle string `json:"ReceiptHandle" aws:"required"`
}

type deleteMessageBatchRequestEntry struct {
	Id            string `json:"Id" aws:"required"`
	ReceiptHandle string `json:"ReceiptHandle" aws:"required"`
}

type DeleteMessageBatchInput struct {
	QueueUrl string                           `json:"QueueUrl" aws:"required"`
	Entries  []deleteMessageBatchRequestEntry `json:"Entries" aws:"required"`
}

type deleteMessageBatchResultEntry struct {
	Id string `json:"Id,omitempty"`
}

type DeleteMessageBatchOutput struct {
	Successful []deleteMessageBatchResultEntry `json:"Successful"`
	Failed     []batchResultErrorEntry         `json:"Failed"`
}

type ChangeMessageVisibilityInput struct {
	QueueUrl          string `json:"QueueUrl" aws:"required"`
	ReceiptHandle     string `json:"ReceiptHandle" aws:"required"`
	VisibilityTimeout *int   `json:"VisibilityTimeout" aws:"required"`
}

// ReceiveMessage hands out visible messages and hides them for a while. It waits
// for one as long as it is asked to.
func (q *Queues) ReceiveMessage(ctx context.Context, in *ReceiveMessageInput) (*ReceiveMessageOutput, error) {
	most, err := within(in.MaxNumberOfMessages, 1, 1, 10, "MaxNumberOfMessages")
	if err != nil {
		return nil, err
	}
	if _, err := within(in.WaitTimeSeconds, 0, 0, 20, "WaitTimeSeconds"); err != nil {
		return nil, err
	}
	if _, err := within(in.VisibilityTimeout, 0, 0, 43200, "VisibilityTimeout"); err != nil {
		return nil, err
	}
	var deadline time.Time // of real time: waiting is not what a test's clock is for
	for {
		q.mu.Lock()
		one, err := q.find(in.QueueUrl)
		if err != nil {
			q.mu.Unlock()
			return nil, err
		}
		if deadline.IsZero() {
			wait := one.seconds("ReceiveMessageWaitTimeSeconds")
			if in.WaitTimeSeconds != nil {
				wait = time.Duration(*in.WaitTimeSeconds) * time.Second
			}
			deadline = time.Now().Add(wait)
		}
		hide := one.seconds("VisibilityTimeout")
		if in.VisibilityTimeout != nil {
			hide = time.Duration(*in.VisibilityTimeout) * time.Second
		}
		messages, writes, adds, err := q.take(one, most, hide, in)
		news := q.news
		q.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if len(writes) > 0 {
			if err := q.file.Commit(ctx, writes); err != nil {
				return nil, err
			}
		}
		for _, add := range adds {
			add()
		}
		left := time.Until(deadline)
		if len(messages) > 0 || left <= 0 {
			return &ReceiveMessageOutput{Messages: messages}, nil
		}
		select {
		case <-ctx.Done():
			return &ReceiveMessageOutput{Messages: messages}, nil
		case <-news:
		case <-time.After(min(left, 100*time.Millisecond)): // one may become visible again
		}
	}
}

func within(value *int, normal, lo, hi int, name string) (int, error) {
	if value == nil {
		return normal, nil
	}
	if *value < lo || *value > hi {
		return 0, invalidParameter("Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.", *value, name, lo, hi)
	}
	return *value, nil
}

// take picks messages to hand out, and moves those that have been received too
// often to the dead-letter queue. The lock is held.
func (q *Queues) take(one *queue, most int, hide time.Duration, in *ReceiveMessageInput) (out []receivedMessage, writes []datafile.Write, adds []func(), err error) {
	now := q.opts.Now()
	policy, redrives := one.redrive()
	var dead *queue
	if name, ok := q.nameOf(policy.Target); redrives && ok {
		dead = q.byName[name]
	}
	retention := one.seconds("MessageRetentionPeriod")
	busy := map[string]bool{} // groups of a FIFO queue that have a message under way
	gone := map[*message]bool{}
	for _, m := range one.messages {
		if len(out) == most {
			break
		}
		if now.Sub(m.Sent) > retention {
			gone[m] = true
			writes = append(writes, q.file.Remove(BucketMessages, messageKey(one.Name, m.Seq)))
			continue
		}
		if m.Visible.After(now) || one.fifo() && busy[m.Group] {
			busy[m.Group] = true
			continue
		}
		if dead != nil && m.Received >= int(policy.Most) {
			// A moved message has the same id and receive count as before. Its age begins
			// anew in a FIFO queue only.
			moved := *m
			moved.Source, moved.Visible = q.arn(one.Name), now
			if dead.fifo() {
				moved.Sent = now
			}
			_, w, add, err := q.enqueue(dead, &moved)
			if err != nil {
				return nil, nil, nil, err
			}
			gone[m] = true
			writes = append(writes, w, q.file.Remove(BucketMessages, messageKey(one.Name, m.Seq)))
			adds = append(adds, add)
			continue
		}
		if m.Received++; m.First.IsZero() {
			m.First = now
		}
		m.Visible = now.Add(hide)
		w, err := q.keepMessage(one, m)
		if err != nil {
			return nil, nil, nil, err
		}
		writes = append(writes, w)
		out = append(out, m.wire(q, in))
	}
	if len(gone) > 0 {
		one.messages = slices.DeleteFunc(one.messages, func(m *message) bool { return gone[m] })
	}
	return out, writes, adds, nil
}

// count tells how many messages are visible, delayed, and received.
func (one *queue) count(now time.Time) (visible, delayed, received int) {
	for _, m := range one.messages {
		switch {
		case !m.Visible.After(now):
			visible++
		case m.Received == 0:
			delayed++
		default:
			received++
		}
	}
	return visible, delayed, received
}

// wire is the message as the caller asked for it.
func (m *message) wire(q *Queues, in *ReceiveMessageInput) receivedMessage {
	w := receivedMessage{MessageId: m.ID, ReceiptHandle: strconv.FormatUint(m.Seq, 10) + "-" + awsjson.NewID(), Body: m.Body, MD5OfBody: md5Of([]byte(m.Body))}
	all := map[string]string{
		"SenderId":                         q.opts.Account,
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.Received),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.First.UnixMilli(), 10),
	}
	for name, value := range map[string]string{"MessageGroupId": m.Group, "MessageDeduplicationId": m.Dedup,
		"SequenceNumber": m.sequenceNumber(), "AWSTraceHeader": m.Trace, "DeadLetterQueueSourceArn": m.Source} {
		if value != "" {
			all[name] = value
		}
	}
	for _, name := range append(in.AttributeNames, in.MessageSystemAttributeNames...) {
		if name == "All" {
			w.Attributes = all
			break
		}
		if value, ok := all[name]; ok {
			if w.Attributes == nil {
				w.Attributes = map[string]string{}
			}
			w.Attributes[name] = value
		}
	}
	for name, value := range m.Attributes {
		if wanted(name, in.MessageAttributeNames) {
			if w.MessageAttributes == nil {
				w.MessageAttributes = map[string]MessageAttributeValue{}
			}
			w.MessageAttributes[name] = value
		}
	}
	w.MD5OfMessageAttributes = md5OfAttributes(w.MessageAttributes)
	return w
}

// sequenceNumber returns the number that orders the messages of a FIFO queue, with the
// 20 digits that SQS's numbers have; a message without a deduplication id has none.
func (m *message) sequenceNumber() string {
	if m.Dedup == "" {
		return ""
	}
	return sequenceNumber(m.Seq)
}

func sequenceNumber(seq uint64) string { return fmt.Sprintf("1%019d", seq) }

// wanted reports whether one of the names selects the attribute: its own, All, or a
// prefix that ends with * or .*.
func wanted(attribute string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		prefix, isPrefix := strings.CutSuffix(name, "*")
		return name == "All" || name == attribute || isPrefix && strings.HasPrefix(attribute, strings.TrimSuffix(prefix, "."))
	})
}

// seqOf reads a receipt handle.
func seqOf(handle string) (uint64, error) {
	number, _, ok := strings.Cut(handle, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return 0, errHandle()
	}
	return seq, nil
}

// DeleteMessage removes a message; it succeeds if the message does not exist. A FIFO
// queue rejects a receipt handle whose visibility timeout has expired.
func (q *Queues) DeleteMessage(ctx context.Context, in *DeleteMessageInput) (*awsjson.None, error) {
	q.mu.Lock()
	one, m, err := q.received(in.QueueUrl, in.ReceiptHandle)
	if err != nil || m == nil {
		q.mu.Unlock()
		return nil, err
	}
	if one.fifo() && !m.Visible.After(q.opts.Now()) {
		q.mu.Unlock()
		return nil, invalidParameter("Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", in.ReceiptHandle)
	}
	one.messages = slices.DeleteFunc(one.messages, func(other *message) bool { return other == m })
	q.mu.Unlock()
	return nil, q.file.Commit(ctx, []datafile.Write{q.file.Remove(BucketMessages, messageKey(one.Name, m.Seq))})
}

// received returns the queue, and its message that a receipt handle names: nil if it
// does not exist any more. The lock is held.
func (q *Queues) received(url, handle string) (*queue, *message, error) {
	one, err := q.find(url)
	if err != nil {
		return nil, nil, err
	}
	seq, err := seqOf(handle)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range one.messages {
		if m.Seq == seq {
			return one, m, nil
		}
	}
	return one, nil, nil
}

// DeleteMessageBatch removes up to ten messages.
func (q *Queues) DeleteMessageBatch(ctx context.Context, in *DeleteMessageBatchInput) (*DeleteMessageBatchOutput, error) {
	out := &DeleteMessageBatchOutput{Successful: []deleteMessageBatchResultEntry{}, Failed: []batchResultErrorEntry{}}
	err := q.eachEntry("Delete", in.QueueUrl, len(in.Entries), nil, func(i int) error {
		e := &in.Entries[i]
		_, err := q.DeleteMessage(ctx, &DeleteMessageInput{QueueUrl: in.QueueUrl, ReceiptHandle: e.ReceiptHandle})
		if err == nil {
			out.Successful = append(out.Successful, deleteMessageBatchResultEntry{Id: e.Id})
		}
		return err
	}, func(i int) string { return in.Entries[i].Id }, &out.Failed)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ChangeMessageVisibility changes how long a received message stays hidden. It does
// nothing to a message of a standard queue that is visible again (recorded on AWS,
// 2023-11-14).
func (q *Queues) ChangeMessageVisibility(ctx context.Context, in *ChangeMessageVisibilityInput) (*awsjson.None, error) {
	if n := *in.VisibilityTimeout; n < 0 || n > 43200 {
		return nil, invalidParameter("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.", n)
	}
	w, err := q.hide(in, time.Duration(*in.VisibilityTimeout)*time.Second)
	if err != nil || w == nil {
		return nil, err
	}
	return nil, q.file.Commit(ctx, []datafile.Write{*w})
}

func (q *Queues) hide(in *ChangeMessageVisibilityInput, hide time.Duration) (*datafile.Write, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, m, err := q.received(in.QueueUrl, in.ReceiptHandle)
	if err != nil {
		return nil, err
	}
	now := q.opts.Now()
	switch {
	case m == nil:
		return nil, invalidParameter("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", in.ReceiptHandle)
	case !m.Visible.After(now) && one.fifo():
		return nil, invalidParameter("Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", in.ReceiptHandle)
	case !m.Visible.After(now):
		return nil, nil
	}
	m.Visible = now.Add(hide)
	w, err := q.keepMessage(one, m)
	return &w, err
}
