package sqs

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS's clients check messages with it
	"encoding/binary"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strconv"
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

// SendMessage accepts a message; it is stored when the call returns.
func (q *Queues) SendMessage(ctx context.Context, in *SendMessageInput) (*SendMessageOutput, error) {
	if strings.HasSuffix(in.QueueUrl, ".fifo") { // two sends with one deduplication id must not both be new
		q.fifoSends.Lock()
		defer q.fifoSends.Unlock()
	}
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
	if strings.ContainsFunc(in.MessageBody, forbidden) {
		return nil, none, nil, queryError("InvalidMessageContents", "InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	}
	if err := checkMessageAttributes(in.MessageAttributes); err != nil {
		return nil, none, nil, err
	}
	m := Outgoing{Body: in.MessageBody, Attributes: in.MessageAttributes, Group: in.MessageGroupId, Dedup: in.MessageDeduplicationId,
		Trace: in.MessageSystemAttributes["AWSTraceHeader"].StringValue, Delay: one.seconds("DelaySeconds")}
	if in.DelaySeconds != nil {
		if *in.DelaySeconds < 0 || *in.DelaySeconds > 900 {
			return nil, none, nil, invalidParameter("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", *in.DelaySeconds)
		}
		if one.fifo() && *in.DelaySeconds != 0 {
			return nil, none, nil, notForThisQueue(strconv.Itoa(*in.DelaySeconds), "DelaySeconds")
		}
		if !one.fifo() {
			m.Delay = time.Duration(*in.DelaySeconds) * time.Second
		}
	}
	if err := m.checkIDs(); err != nil {
		return nil, none, nil, err
	}
	out := &SendMessageOutput{MD5OfMessageBody: md5Of([]byte(m.Body)), MD5OfMessageAttributes: md5OfAttributes(m.Attributes)}
	if one.fifo() {
		if err := one.setOrder(&m); err != nil {
			return nil, none, nil, err
		}
		if d, twice := one.duplicateOf(m.Dedup, q.opts.Now()); twice {
			out.MessageId, out.SequenceNumber = d.id, sequenceNumber(d.seq)
			return out, none, nil, nil
		}
	} else if m.Dedup != "" {
		return nil, none, nil, notForThisQueue(m.Dedup, "MessageDeduplicationId")
	}
	kept, w, add, err := q.prepare(one, &m)
	if err != nil {
		return nil, none, nil, err
	}
	out.MessageId, out.SequenceNumber = kept.ID, kept.sequenceNumber()
	return out, w, add, nil
}

// orderID is what a message group id or a deduplication id looks like.
var orderID = regexp.MustCompile("^[a-zA-Z0-9!\"#$%&'()*+,./:;<=>?@\\[\\\\\\]^_`{|}~-]{1,128}$")

// checkIDs checks the characters of the message group id and the deduplication id.
func (m *Outgoing) checkIDs() error {
	for _, id := range [][2]string{{"MessageGroupId", m.Group}, {"MessageDeduplicationId", m.Dedup}} {
		if id[1] != "" && !orderID.MatchString(id[1]) {
			return invalidParameter("Value %s for parameter %s is invalid. Reason: %s can only include alphanumeric and punctuation characters. 1 to 128 in length.", awsjson.Clip(id[1]), id[0], id[0])
		}
	}
	return nil
}

func notForThisQueue(value, parameter string) error {
	return invalidParameter("Value %s for parameter %s is invalid. Reason: The request include parameter that is not valid for this queue type.", value, parameter)
}

// checkMessageAttributes checks the types of message attributes, and that each has a
// value.
func checkMessageAttributes(attributes map[string]MessageAttributeValue) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		v := attributes[name]
		kind, _, _ := strings.Cut(v.DataType, ".")
		empty := v.StringValue == ""
		switch kind {
		case "Binary":
			empty = len(v.BinaryValue) == 0
		case "String", "Number":
		default:
			return invalidParameter("The type of message (user) attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, Number, String.", awsjson.Clip(name))
		}
		if empty {
			return invalidParameter("Message (user) attribute '%s' must contain a non-empty value of type '%s'.", awsjson.Clip(name), kind)
		}
	}
	return nil
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

// maxBatchBytes is the size that the messages of a batch can have together.
const maxBatchBytes = 1 << 20

// SendMessageBatch accepts up to ten messages, each with a result of its own. A FIFO
// queue rejects the whole batch if an entry has no group or deduplication id.
func (q *Queues) SendMessageBatch(ctx context.Context, in *SendMessageBatchInput) (*SendMessageBatchOutput, error) {
	out := &SendMessageBatchOutput{Successful: []sendMessageBatchResultEntry{}, Failed: []batchResultErrorEntry{}}
	check := func(one *queue) error {
		total := 0
		for i := range in.Entries {
			e := &in.Entries[i]
			total += size(e.message(in.QueueUrl))
			if one.fifo() {
				if err := one.setOrder(&Outgoing{Body: e.MessageBody, Group: e.MessageGroupId, Dedup: e.MessageDeduplicationId}); err != nil {
					return invalidParameter("%s", awsjson.AsError(err).Message)
				}
			}
		}
		if total > maxBatchBytes {
			return queryError("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxBatchBytes, total)
		}
		return nil
	}
	err := q.eachEntry("Send", in.QueueUrl, len(in.Entries), check, func(i int) error {
		e := &in.Entries[i]
		sent, err := q.SendMessage(ctx, e.message(in.QueueUrl))
		if err == nil {
			out.Successful = append(out.Successful, sendMessageBatchResultEntry{Id: e.Id, MessageId: sent.MessageId, SequenceNumber: sent.SequenceNumber,
				MD5OfMessageBody: sent.MD5OfMessageBody, MD5OfMessageAttributes: sent.MD5OfMessageAttributes})
		}
		return err
	}, func(i int) string { return in.Entries[i].Id }, &out.Failed)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (e *sendMessageBatchRequestEntry) message(url string) *SendMessageInput {
	return &SendMessageInput{QueueUrl: url, MessageBody: e.MessageBody, DelaySeconds: e.DelaySeconds, MessageAttributes: e.MessageAttributes,
		MessageSystemAttributes: e.MessageSystemAttributes, MessageDeduplicationId: e.MessageDeduplicationId, MessageGroupId: e.MessageGroupId}
}

// entryID is what the id of a batch's entry looks like.
var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// eachEntry performs a batch: first the checks that reject all of it, then entry by
// entry.
func (q *Queues) eachEntry(action, url string, n int, check func(*queue) error, do func(i int) error, id func(i int) string, failed *[]batchResultErrorEntry) error {
	const most = 10
	switch {
	case n == 0:
		return queryError("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one %sMessageBatchRequestEntry in the request.", action)
	case n > most:
		return queryError("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent %d.", n)
	}
	seen := map[string]bool{}
	for i := range n {
		if !entryID.MatchString(id(i)) {
			return queryError("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id(i)] {
			return queryError("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id %s repeated.", id(i))
		}
		seen[id(i)] = true
	}
	q.mu.Lock()
	one, err := q.find(url)
	if err == nil && check != nil {
		err = check(one)
	}
	q.mu.Unlock()
	if err != nil {
		return err
	}
	for i := range n {
		if err := do(i); err != nil {
			e := awsjson.AsError(err)
			code := e.Query
			if code == "" {
				code = e.Code
			}
			*failed = append(*failed, batchResultErrorEntry{Id: id(i), SenderFault: e.HTTPStatus() < 500, Code: code, Message: e.Message})
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
