package sqs

import (
	"context"
	"log/slog"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

// Service is SQS's API.
func (q *Queues) Service(log *slog.Logger) *awsjson.Service {
	return awsjson.NewService("AmazonSQS", "1.0", log,
		awsjson.Op("CreateQueue", q.CreateQueue),
		awsjson.Op("DeleteQueue", q.DeleteQueue),
		awsjson.Op("GetQueueUrl", q.GetQueueUrl),
		awsjson.Op("ListQueues", q.ListQueues),
		awsjson.Op("GetQueueAttributes", q.GetQueueAttributes),
		awsjson.Op("SetQueueAttributes", q.SetQueueAttributes),
		awsjson.Op("PurgeQueue", q.PurgeQueue),
		awsjson.Op("TagQueue", q.TagQueue),
		awsjson.Op("UntagQueue", q.UntagQueue),
		awsjson.Op("ListQueueTags", q.ListQueueTags),
		awsjson.Op("ListDeadLetterSourceQueues", q.ListDeadLetterSourceQueues),
		awsjson.Op("SendMessage", q.SendMessage),
		awsjson.Op("SendMessageBatch", q.SendMessageBatch),
		awsjson.Op("ReceiveMessage", q.ReceiveMessage),
		awsjson.Op("DeleteMessage", q.DeleteMessage),
		awsjson.Op("DeleteMessageBatch", q.DeleteMessageBatch),
		awsjson.Op("ChangeMessageVisibility", q.ChangeMessageVisibility),
		awsjson.Op("ChangeMessageVisibilityBatch", q.ChangeMessageVisibilityBatch),
	)
}

type CreateQueueInput struct {
	QueueName  string            `json:"QueueName" aws:"required"`
	Attributes map[string]string `json:"Attributes,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

type CreateQueueOutput struct {
	QueueUrl string `json:"QueueUrl,omitempty"`
}

type DeleteQueueInput struct {
	QueueUrl string `json:"QueueUrl" aws:"required"`
}

type GetQueueUrlInput struct {
	QueueName              string `json:"QueueName" aws:"required"`
	QueueOwnerAWSAccountId string `json:"QueueOwnerAWSAccountId,omitempty"`
}

type GetQueueUrlOutput struct {
	QueueUrl string `json:"QueueUrl,omitempty"`
}

type ListQueuesInput struct {
	QueueNamePrefix string `json:"QueueNamePrefix,omitempty"`
	NextToken       string `json:"NextToken,omitempty"`
	MaxResults      *int   `json:"MaxResults,omitempty"`
}

type ListQueuesOutput struct {
	QueueUrls []string `json:"QueueUrls,omitempty"`
	NextToken string   `json:"NextToken,omitempty"`
}

type GetQueueAttributesInput struct {
	QueueUrl       string   `json:"QueueUrl" aws:"required"`
	AttributeNames []string `json:"AttributeNames,omitempty"`
}

type GetQueueAttributesOutput struct {
	Attributes map[string]string `json:"Attributes,omitempty"`
}

type SetQueueAttributesInput struct {
	QueueUrl   string            `json:"QueueUrl" aws:"required"`
	Attributes map[string]string `json:"Attributes" aws:"required"`
}

type PurgeQueueInput struct {
	QueueUrl string `json:"QueueUrl" aws:"required"`
}

type TagQueueInput struct {
	QueueUrl string            `json:"QueueUrl" aws:"required"`
	Tags     map[string]string `json:"Tags" aws:"required"`
}

type UntagQueueInput struct {
	QueueUrl string   `json:"QueueUrl" aws:"required"`
	TagKeys  []string `json:"TagKeys" aws:"required"`
}

type ListQueueTagsInput struct {
	QueueUrl string `json:"QueueUrl" aws:"required"`
}

type ListQueueTagsOutput struct {
	Tags map[string]string `json:"Tags,omitempty"`
}

type ListDeadLetterSourceQueuesInput struct {
	QueueUrl   string `json:"QueueUrl" aws:"required"`
	NextToken  string `json:"NextToken,omitempty"`
	MaxResults *int   `json:"MaxResults,omitempty"`
}

type ListDeadLetterSourceQueuesOutput struct {
	QueueUrls []string `json:"queueUrls"`
	NextToken string   `json:"NextToken,omitempty"`
}

// ranges are the attributes that are numbers, with their bounds.
var ranges = map[string]struct{ lo, hi, normal int }{
	"VisibilityTimeout":             {0, 43200, 30},
	"MaximumMessageSize":            {1024, 1 << 20, 1 << 20},
	"MessageRetentionPeriod":        {60, 1209600, 345600},
	"DelaySeconds":                  {0, 900, 0},
	"ReceiveMessageWaitTimeSeconds": {0, 20, 0},
	"KmsDataKeyReusePeriodSeconds":  {60, 86400, 300},
}

// texts are the attributes that are kept and shown, whatever they say.
var texts = map[string]bool{"Policy": true, "FifoQueue": true, "ContentBasedDeduplication": true, "KmsMasterKeyId": true,
	"DeduplicationScope": true, "FifoThroughputLimit": true, "RedriveAllowPolicy": true, "SqsManagedSseEnabled": true}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// CreateQueue makes a queue; one that is there with the same attributes is as
// good as made.
func (q *Queues) CreateQueue(ctx context.Context, in *CreateQueueInput) (*CreateQueueOutput, error) {
	base, fifo := strings.CutSuffix(in.QueueName, ".fifo")
	if !queueName.MatchString(base) || len(in.QueueName) > 80 {
		return nil, invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if fifo != (in.Attributes["FifoQueue"] == "true") {
		return nil, invalidParameter("The name of a FIFO queue, and only that, must end with .fifo.")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	out := &CreateQueueOutput{QueueUrl: q.url(ctx, in.QueueName)}
	if have := q.byName[in.QueueName]; have != nil {
		for name, value := range in.Attributes {
			if have.attribute(name) != value {
				return nil, refuse("QueueNameExists", "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute %s", name)
			}
		}
		return out, nil
	}
	now := q.opts.Now().Unix()
	one := &queue{Name: in.QueueName, Attributes: map[string]string{}, Tags: in.Tags, Created: now, Modified: now, recent: map[string]dedup{}}
	maps.Copy(one.Attributes, in.Attributes)
	for name, r := range ranges {
		if one.Attributes[name] == "" && name != "KmsDataKeyReusePeriodSeconds" {
			one.Attributes[name] = strconv.Itoa(r.normal)
		}
	}
	if err := q.keepQueue(ctx, one); err != nil {
		return nil, err
	}
	q.byName[one.Name] = one
	return out, nil
}

func (one *queue) attribute(name string) string { return one.Attributes[name] }

func (q *Queues) checkAttributes(attributes map[string]string) error {
	for name, value := range attributes {
		r, isNumber := ranges[name]
		switch {
		case isNumber:
			if n, err := strconv.Atoi(value); err != nil || n < r.lo || n > r.hi {
				return refuse("InvalidAttributeValue", "InvalidAttributeValue", "Invalid value for the parameter %s.", name)
			}
		case name == "RedrivePolicy":
			if err := q.checkRedrive(value); err != nil {
				return err
			}
		case !texts[name]:
			return refuse("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute %s.", awsjson.Clip(name))
		}
	}
	return nil
}

func (q *Queues) checkRedrive(text string) error {
	if text == "" {
		return nil
	}
	bad := func(reason string) error {
		return invalidParameter("Value for parameter RedrivePolicy is invalid. Reason: %s", reason)
	}
	var r redrive
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return bad("Redrive policy is not a valid JSON map.")
	}
	if r.Most < 1 || r.Most > 1000 {
		return bad("Invalid value for maxReceiveCount; it must be 1 to 1000.")
	}
	if name, ok := q.nameOf(r.Target); !ok || q.byName[name] == nil {
		return bad("Dead letter target does not exist.")
	}
	return nil
}

// flexibleUint reads a number that some clients send as a string.
type flexibleUint uint

// UnmarshalJSONFrom reads 5 and "5".
func (u *flexibleUint) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(tok.String(), 10, 32)
	if err != nil {
		return fault.Errorf(fault.Invalid, "must be a number")
	}
	*u = flexibleUint(n)
	return nil
}

// url is where a queue is, as the caller reaches us.
func (q *Queues) url(ctx context.Context, name string) string {
	return "http://" + awsjson.Host(ctx) + "/" + q.opts.Account + "/" + name
}

// find looks up the queue that a URL names; only its last part counts, since a
// client may have reached us under another address. The lock is held.
func (q *Queues) find(url string) (*queue, error) {
	if one := q.byName[url[strings.LastIndexByte(url, '/')+1:]]; one != nil {
		return one, nil
	}
	return nil, errNoQueue()
}

// DeleteQueue removes a queue with what is in it.
func (q *Queues) DeleteQueue(ctx context.Context, in *DeleteQueueInput) (*awsjson.None, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	writes := append(q.removeAll(one), q.file.Remove(BucketQueues, []byte(one.Name)))
	if err := q.file.Commit(ctx, writes); err != nil {
		return nil, err
	}
	delete(q.byName, one.Name)
	return nil, nil
}

func (q *Queues) removeAll(one *queue) []datafile.Write {
	var writes []datafile.Write
	for _, m := range one.messages {
		writes = append(writes, q.file.Remove(BucketMessages, messageKey(one.Name, m.Seq)))
	}
	return writes
}

// PurgeQueue empties a queue.
func (q *Queues) PurgeQueue(ctx context.Context, in *PurgeQueueInput) (*awsjson.None, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := q.file.Commit(ctx, q.removeAll(one)); err != nil {
		return nil, err
	}
	one.messages = nil
	return nil, nil
}

// GetQueueUrl tells where a queue is.
func (q *Queues) GetQueueUrl(ctx context.Context, in *GetQueueUrlInput) (*GetQueueUrlOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.byName[in.QueueName] == nil {
		return nil, errNoQueue()
	}
	return &GetQueueUrlOutput{QueueUrl: q.url(ctx, in.QueueName)}, nil
}

// ListQueues lists queues by name, 1000 at most a page.
func (q *Queues) ListQueues(ctx context.Context, in *ListQueuesInput) (*ListQueuesOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	most := 1000
	if in.MaxResults != nil {
		if most = *in.MaxResults; most < 1 || most > 1000 {
			return nil, invalidParameter("MaxResults must be 1 to 1000.")
		}
	}
	names, next, err := awsjson.Page(q.byName, in.QueueNamePrefix, in.NextToken, &most)
	if err != nil {
		return nil, err
	}
	out := &ListQueuesOutput{}
	for _, name := range names {
		out.QueueUrls = append(out.QueueUrls, q.url(ctx, name))
	}
	if in.MaxResults != nil {
		out.NextToken = next
	}
	return out, nil
}

// GetQueueAttributes tells the attributes that are asked for.
func (q *Queues) GetQueueAttributes(_ context.Context, in *GetQueueAttributesInput) (*GetQueueAttributesOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(one.Attributes)
	visible, delayed, received := one.count(q.opts.Now())
	all["ApproximateNumberOfMessages"] = strconv.Itoa(visible)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(delayed)
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(received)
	all["CreatedTimestamp"] = strconv.FormatInt(one.Created, 10)
	all["LastModifiedTimestamp"] = strconv.FormatInt(one.Modified, 10)
	all["QueueArn"] = q.arn(one.Name)
	out := &GetQueueAttributesOutput{Attributes: map[string]string{}}
	for _, name := range in.AttributeNames {
		_, isNumber := ranges[name]
		switch value, have := all[name]; {
		case name == "All":
			out.Attributes = all
			return out, nil
		case have:
			out.Attributes[name] = value
		case !isNumber && !texts[name] && name != "RedrivePolicy":
			return nil, refuse("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute %s.", awsjson.Clip(name))
		}
	}
	return out, nil
}

// SetQueueAttributes changes attributes; one set to "" is taken away.
func (q *Queues) SetQueueAttributes(ctx context.Context, in *SetQueueAttributesInput) (*awsjson.None, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := q.checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	changed := maps.Clone(one.Attributes)
	for name, value := range in.Attributes {
		if changed[name] = value; value == "" {
			delete(changed, name)
		}
	}
	return nil, q.change(ctx, one, func(one *queue) { one.Attributes = changed })
}

// change changes a queue on disk and then in memory. The lock is held.
func (q *Queues) change(ctx context.Context, one *queue, apply func(*queue)) error {
	changed := *one
	changed.Modified = q.opts.Now().Unix()
	apply(&changed)
	if err := q.keepQueue(ctx, &changed); err != nil {
		return err
	}
	apply(one)
	one.Modified = changed.Modified
	return nil
}

// TagQueue adds tags.
func (q *Queues) TagQueue(ctx context.Context, in *TagQueueInput) (*awsjson.None, error) {
	return nil, q.changeTags(ctx, in.QueueUrl, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

// UntagQueue takes tags away.
func (q *Queues) UntagQueue(ctx context.Context, in *UntagQueueInput) (*awsjson.None, error) {
	return nil, q.changeTags(ctx, in.QueueUrl, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (q *Queues) changeTags(ctx context.Context, url string, apply func(map[string]string)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(url)
	if err != nil {
		return err
	}
	tags := map[string]string{}
	maps.Copy(tags, one.Tags)
	apply(tags)
	return q.change(ctx, one, func(one *queue) { one.Tags = tags })
}

// ListQueueTags lists a queue's tags.
func (q *Queues) ListQueueTags(_ context.Context, in *ListQueueTagsInput) (*ListQueueTagsOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &ListQueueTagsOutput{Tags: maps.Clone(one.Tags)}, nil
}

// ListDeadLetterSourceQueues lists the queues whose dead letters go to this one.
func (q *Queues) ListDeadLetterSourceQueues(ctx context.Context, in *ListDeadLetterSourceQueuesInput) (*ListDeadLetterSourceQueuesOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	sources := map[string]*queue{}
	for name, other := range q.byName {
		if r, ok := other.redrive(); ok && r.Target == q.arn(one.Name) {
			sources[name] = other
		}
	}
	names, next, err := awsjson.Page(sources, "", in.NextToken, in.MaxResults)
	out := &ListDeadLetterSourceQueuesOutput{QueueUrls: []string{}, NextToken: next}
	for _, name := range names {
		out.QueueUrls = append(out.QueueUrls, q.url(ctx, name))
	}
	return out, err
}
