package sqs

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS's clients check messages with it
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

type MessageAttributeValue struct {
	StringValue      string   `json:"StringValue,omitempty"`
	BinaryValue      []byte   `json:"BinaryValue,omitempty"`
	StringListValues []string `json:"StringListValues,omitempty"`
	BinaryListValues [][]byte `json:"BinaryListValues,omitempty"`
	DataType         string   `json:"DataType" aws:"required"`
}

type messageSystemAttributeValue struct {
	StringValue      string   `json:"StringValue,omitempty"`
	BinaryValue      []byte   `json:"BinaryValue,omitempty"`
	StringListValues []string `json:"StringListValues,omitempty"`
	BinaryListValues [][]byte `json:"BinaryListValues,omitempty"`
	DataType         string   `json:"DataType" aws:"required"`
}

type SendMessageInput struct {
	QueueUrl                string                                 `json:"QueueUrl" aws:"required"`
	MessageBody             string                                 `json:"MessageBody" aws:"required"`
	DelaySeconds            *int                                   `json:"DelaySeconds,omitempty"`
	MessageAttributes       map[string]MessageAttributeValue       `json:"MessageAttributes,omitempty"`
	MessageSystemAttributes map[string]messageSystemAttributeValue `json:"MessageSystemAttributes,omitempty"`
	MessageDeduplicationId  string                                 `json:"MessageDeduplicationId,omitempty"`
	MessageGroupId          string                                 `json:"MessageGroupId,omitempty"`
}

type SendMessageOutput struct {
	MD5OfMessageBody             string `json:"MD5OfMessageBody,omitempty"`
	MD5OfMessageAttributes       string `json:"MD5OfMessageAttributes,omitempty"`
	MD5OfMessageSystemAttributes string `json:"MD5OfMessageSystemAttributes,omitempty"`
	MessageId                    string `json:"MessageId,omitempty"`
	SequenceNumber               string `json:"SequenceNumber,omitempty"`
}

type sendMessageBatchRequestEntry struct {
	Id                      string                                 `json:"Id" aws:"required"`
	MessageBody             string                                 `json:"MessageBody" aws:"required"`
	DelaySeconds            *int                                   `json:"DelaySeconds,omitempty"`
	MessageAttributes       map[string]MessageAttributeValue       `json:"MessageAttributes,omitempty"`
	MessageSystemAttributes map[string]messageSystemAttributeValue `json:"MessageSystemAttributes,omitempty"`
	MessageDeduplicationId  string                                 `json:"MessageDeduplicationId,omitempty"`
	MessageGroupId          string                                 `json:"MessageGroupId,omitempty"`
}

type SendMessageBatchInput struct {
	QueueUrl string                         `json:"QueueUrl" aws:"required"`
	Entries  []sendMessageBatchRequestEntry `json:"Entries" aws:"required"`
}

type sendMessageBatchResultEntry struct {
	Id                           string `json:"Id,omitempty"`
	MessageId                    string `json:"MessageId,omitempty"`
	MD5OfMessageBody             string `json:"MD5OfMessageBody,omitempty"`
	MD5OfMessageAttributes       string `json:"MD5OfMessageAttributes,omitempty"`
	MD5OfMessageSystemAttributes string `json:"MD5OfMessageSystemAttributes,omitempty"`
	SequenceNumber               string `json:"SequenceNumber,omitempty"`
}

type batchResultErrorEntry struct {
	Id          string `json:"Id,omitempty"`
	SenderFault bool   `json:"SenderFault,omitempty"`
	Code        string `json:"Code,omitempty"`
	Message     string `json:"Message,omitempty"`
}

type SendMessageBatchOutput struct {
	Successful []sendMessageBatchResultEntry `json:"Successful"`
	Failed     []batchResultErrorEntry       `json:"Failed"`
}

// dedupWindow is how long a FIFO queue remembers a deduplication id.
const dedupWindow = 5 * time.Minute

// SendMessage takes a message; it is durable before the answer.
func (q *Queues) SendMessage(ctx context.Context, in *SendMessageInput) (*SendMessageOutput, error) {
	q.mu.Lock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		q.mu.Unlock()
		return nil, err
	}
	out, w, add, err := q.accept(one, in)
	q.mu.Unlock()
	if err != nil || add == nil { // add is nil for a duplicate
		return out, err
	}
	if err := q.file.Commit(ctx, []datafile.Write{w}); err != nil {
		return nil, err
	}
	add()
	return out, nil
}

// accept checks a message and prepares it. The lock is held.
func (q *Queues) accept(one *queue, in *SendMessageInput) (*SendMessageOutput, datafile.Write, func(), error) {
	var none datafile.Write
	limit := int(one.seconds("MaximumMessageSize") / time.Second)
	if size(in) > limit {
		return nil, none, nil, invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", limit)
	}
	if i := strings.IndexFunc(in.MessageBody, forbidden); i >= 0 {
		return nil, none, nil, refuse("InvalidMessageContents", "InvalidMessageContents", "The message contains characters outside the allowed set, at byte %d.", i)
	}
	m := Outgoing{Body: in.MessageBody, Attributes: in.MessageAttributes, Group: in.MessageGroupId, Dedup: in.MessageDeduplicationId,
		Trace: in.MessageSystemAttributes["AWSTraceHeader"].StringValue, Delay: one.seconds("DelaySeconds")}
	if in.DelaySeconds != nil && !one.fifo() {
		if *in.DelaySeconds < 0 || *in.DelaySeconds > 900 {
			return nil, none, nil, invalidParameter("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", *in.DelaySeconds)
		}
		m.Delay = time.Duration(*in.DelaySeconds) * time.Second
	}
	out := &SendMessageOutput{MD5OfMessageBody: md5Of([]byte(m.Body)), MD5OfMessageAttributes: md5OfAttributes(m.Attributes)}
	if one.fifo() {
		if m.Group == "" {
			return nil, none, nil, missingParameter("MessageGroupId")
		}
		if m.Dedup == "" {
			if one.Attributes["ContentBasedDeduplication"] != "true" {
				return nil, none, nil, invalidParameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
			}
			m.Dedup = md5Of([]byte(m.Body))
		}
		now := q.opts.Now()
		maps.DeleteFunc(one.recent, func(_ string, d dedup) bool { return now.Sub(d.at) > dedupWindow })
		if d, twice := one.recent[m.Dedup]; twice {
			out.MessageId = d.id
			return out, none, nil, nil
		}
	}
	kept, w, add, err := q.prepare(one, &m)
	if err != nil {
		return nil, none, nil, err
	}
	out.MessageId = kept.ID
	return out, w, add, nil
}

func size(in *SendMessageInput) int {
	n := len(in.MessageBody)
	for name, v := range in.MessageAttributes {
		n += len(name) + len(v.DataType) + len(v.StringValue) + len(v.BinaryValue)
	}
	return n
}

// forbidden are the characters that XML cannot hold, which SQS still refuses.
func forbidden(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// SendMessageBatch takes up to ten messages, each with its own answer.
func (q *Queues) SendMessageBatch(ctx context.Context, in *SendMessageBatchInput) (*SendMessageBatchOutput, error) {
	out := &SendMessageBatchOutput{Successful: []sendMessageBatchResultEntry{}, Failed: []batchResultErrorEntry{}}
	total := 0
	for i := range in.Entries {
		total += size(in.Entries[i].message(in.QueueUrl))
	}
	if total > 1<<20 {
		return nil, refuse("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes.")
	}
	err := q.eachEntry(in.QueueUrl, len(in.Entries), func(i int) (string, error) {
		e := &in.Entries[i]
		sent, err := q.SendMessage(ctx, e.message(in.QueueUrl))
		if err == nil {
			out.Successful = append(out.Successful, sendMessageBatchResultEntry{Id: e.Id, MessageId: sent.MessageId,
				MD5OfMessageBody: sent.MD5OfMessageBody, MD5OfMessageAttributes: sent.MD5OfMessageAttributes})
		}
		return e.Id, err
	}, func(i int) string { return in.Entries[i].Id }, &out.Failed)
	return out, err
}

func (e *sendMessageBatchRequestEntry) message(url string) *SendMessageInput {
	return &SendMessageInput{QueueUrl: url, MessageBody: e.MessageBody, DelaySeconds: e.DelaySeconds, MessageAttributes: e.MessageAttributes,
		MessageSystemAttributes: e.MessageSystemAttributes, MessageDeduplicationId: e.MessageDeduplicationId, MessageGroupId: e.MessageGroupId}
}

// eachEntry carries a batch out: the checks that fail it whole, then entry by
// entry.
func (q *Queues) eachEntry(url string, n int, do func(i int) (string, error), id func(i int) string, failed *[]batchResultErrorEntry) error {
	q.mu.Lock()
	_, err := q.find(url)
	q.mu.Unlock()
	seen := map[string]bool{}
	for i := range n {
		seen[id(i)] = true
	}
	const most = 10
	switch {
	case err != nil:
		return err
	case n == 0:
		return refuse("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one entry in the request.")
	case n > most:
		return refuse("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent %d.", n)
	case len(seen) < n:
		return refuse("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Two or more entries have the same Id.")
	}
	for i := range n {
		if entry, err := do(i); err != nil {
			e := awsjson.AsError(err)
			code := e.Query
			if code == "" {
				code = e.Code
			}
			*failed = append(*failed, batchResultErrorEntry{Id: entry, SenderFault: e.HTTPStatus() < 500, Code: code, Message: e.Message})
		}
	}
	return nil
}

func md5Of(b []byte) string {
	sum := md5.Sum(b) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is the digest that clients compare: of name, type and value of
// each attribute in the order of the names, each with its length before it.
func md5OfAttributes(attributes map[string]MessageAttributeValue) string {
	if len(attributes) == 0 {
		return ""
	}
	var b []byte
	sized := func(s string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...) }
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		v := attributes[name]
		sized(name)
		sized(v.DataType)
		if strings.HasPrefix(v.DataType, "Binary") {
			b = append(b, 2)
			sized(string(v.BinaryValue))
		} else {
			b = append(b, 1)
			sized(v.StringValue)
		}
	}
	return md5Of(b)
}
