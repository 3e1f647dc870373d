package sqs

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

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
		awsjson.Op("SendMessage", q.SendMessage),
		awsjson.Op("SendMessageBatch", q.SendMessageBatch),
		awsjson.Op("ReceiveMessage", q.ReceiveMessage),
		awsjson.Op("DeleteMessage", q.DeleteMessage),
		awsjson.Op("DeleteMessageBatch", q.DeleteMessageBatch),
		awsjson.Op("ChangeMessageVisibility", q.ChangeMessageVisibility),
	).OnViolation(missingRequired)
}

type CreateQueueInput struct {
	QueueName  string            `json:"QueueName" aws:"required"`
	Attributes map[string]string `json:"Attributes,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"` // accepted, not stored
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
	Attributes map[string]string `json:"Attributes"`
}

type SetQueueAttributesInput struct {
	QueueUrl   string            `json:"QueueUrl" aws:"required"`
	Attributes map[string]string `json:"Attributes" aws:"required"`
}

type PurgeQueueInput struct {
	QueueUrl string `json:"QueueUrl" aws:"required"`
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

// texts are the attributes that are stored and returned as they are.
var texts = map[string]bool{"Policy": true, "KmsMasterKeyId": true, "RedriveAllowPolicy": true}

// switches are the attributes that have one of a few values; the first is the
// default. Those of fifoOnly exist on FIFO queues only.
var (
	switches = map[string][]string{
		"FifoQueue":                 {"true", "false"},
		"ContentBasedDeduplication": {"false", "true"},
		"DeduplicationScope":        {"queue", "messageGroup"},
		"FifoThroughputLimit":       {"perQueue", "perMessageGroupId"},
		"SqsManagedSseEnabled":      {"true", "false"},
	}
	fifoOnly = map[string]bool{"FifoQueue": true, "ContentBasedDeduplication": true, "DeduplicationScope": true, "FifoThroughputLimit": true}
)

// known reports whether queues have an attribute of this name that can be set.
func known(name string) bool {
	_, isNumber := ranges[name]
	_, isSwitch := switches[name]
	return isNumber || isSwitch || texts[name] || name == "RedrivePolicy"
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// CreateQueue creates a queue. If it exists with the same attributes, its URL is
// returned.
func (q *Queues) CreateQueue(ctx context.Context, in *CreateQueueInput) (*CreateQueueOutput, error) {
	attributes := normalized(in.Attributes)
	base, hasSuffix := strings.CutSuffix(in.QueueName, ".fifo")
	fifo := attributes["FifoQueue"] == "true"
	switch {
	case fifo && (!hasSuffix || !queueName.MatchString(base) || len(in.QueueName) > 80):
		return nil, invalidParameter("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	case !fifo && !queueName.MatchString(in.QueueName):
		return nil, invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.checkAttributes(attributes, fifo); err != nil {
		return nil, err
	}
	out := &CreateQueueOutput{QueueUrl: q.url(ctx, in.QueueName)}
	if have := q.byName[in.QueueName]; have != nil {
		for _, name := range slices.Sorted(maps.Keys(attributes)) {
			if have.Attributes[name] != attributes[name] {
				return nil, queryError("QueueNameExists", "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute %s", name)
			}
		}
		return out, nil
	}
	now := q.opts.Now().Unix()
	one := &queue{Name: in.QueueName, Attributes: attributes, Created: now, Modified: now, recent: map[string]dedup{}}
	one.setDefaults()
	if err := one.checkEncryption(attributes); err != nil {
		return nil, err
	}
	if err := q.keepQueue(ctx, one); err != nil {
		return nil, err
	}
	q.byName[one.Name] = one
	return out, nil
}

// normalized returns attributes with truth values as SQS returns them: it accepts
// "True" and returns "true".
func normalized(attributes map[string]string) map[string]string {
	n := make(map[string]string, len(attributes))
	for name, value := range attributes {
		if _, isSwitch := switches[name]; isSwitch && (strings.EqualFold(value, "true") || strings.EqualFold(value, "false")) {
			value = strings.ToLower(value)
		}
		n[name] = value
	}
	return n
}

// setDefaults sets the attributes that are not given.
func (one *queue) setDefaults() {
	set := func(name, value string) {
		if one.Attributes[name] == "" {
			one.Attributes[name] = value
		}
	}
	for name, r := range ranges {
		if name != "KmsDataKeyReusePeriodSeconds" || one.Attributes["KmsMasterKeyId"] != "" {
			set(name, strconv.Itoa(r.normal))
		}
	}
	if one.Attributes["KmsMasterKeyId"] != "" {
		set("SqsManagedSseEnabled", "false")
	}
	for name, values := range switches {
		if one.fifo() || !fifoOnly[name] {
			set(name, values[0])
		}
	}
}

// checkEncryption rejects two kinds of server-side encryption at the same time.
// Only attributes that the caller sets are compared: the other kind is switched off.
func (one *queue) checkEncryption(set map[string]string) error {
	if one.Attributes["KmsMasterKeyId"] != "" && set["SqsManagedSseEnabled"] == "true" {
		return queryError("InvalidAttributeName", "InvalidAttributeName",
			"You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
	}
	return nil
}

func (q *Queues) checkAttributes(attributes map[string]string, fifo bool) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		r, isNumber := ranges[name]
		values, isSwitch := switches[name]
		invalid := false
		switch {
		case !known(name) || fifoOnly[name] && !fifo:
			return unknownAttribute(name)
		case isNumber:
			n, err := strconv.Atoi(value)
			invalid = err != nil || n < r.lo || n > r.hi
		case isSwitch:
			invalid = !slices.Contains(values, value)
		case name == "RedrivePolicy":
			if err := q.checkRedrive(value, fifo); err != nil {
				return err
			}
		case name == "Policy" || name == "RedriveAllowPolicy":
			invalid = value != "" && (jsontext.Value(value).Kind() != '{' || !jsontext.Value(value).IsValid())
		}
		if invalid {
			return queryError("InvalidAttributeValue", "InvalidAttributeValue", "Invalid value for the parameter %s.", name)
		}
	}
	return nil
}

func unknownAttribute(name string) error {
	return queryError("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute %s.", awsjson.Clip(name))
}

func (q *Queues) checkRedrive(text string, fifo bool) error {
	if text == "" {
		return nil
	}
	bad := func(reason string) error {
		return invalidParameter("Value %s for parameter RedrivePolicy is invalid. Reason: %s", awsjson.Clip(text), reason)
	}
	var members map[string]jsontext.Value
	if json.Unmarshal([]byte(text), &members) != nil {
		return bad("Redrive policy is not a valid JSON map.")
	}
	for _, name := range []string{"deadLetterTargetArn", "maxReceiveCount"} {
		if members[name] == nil {
			return bad("Redrive policy does not contain mandatory attribute: " + name + ".")
		}
	}
	if len(members) > 2 {
		return bad("Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].")
	}
	var r redrive
	if json.Unmarshal([]byte(text), &r) != nil || r.Most < 1 || r.Most > 1000 {
		return bad("Invalid value for maxReceiveCount: " + awsjson.Clip(strings.Trim(string(members["maxReceiveCount"]), `"`)) + ", valid values are from 1 to 1000 both inclusive.")
	}
	if !strings.HasPrefix(r.Target, "arn:") || strings.Count(r.Target, ":") < 5 {
		return bad("Invalid value for deadLetterTargetArn.")
	}
	name, here := q.nameOf(r.Target)
	switch {
	case strings.HasSuffix(r.Target, ".fifo") != fifo:
		return bad("Dead-letter queue must be same type of queue as the source..")
	case !here || q.byName[name] == nil:
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

// purgeInterval is the time in which a queue can be purged once.
const purgeInterval = time.Minute

// PurgeQueue empties a queue.
func (q *Queues) PurgeQueue(ctx context.Context, in *PurgeQueueInput) (*awsjson.None, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	now := q.opts.Now()
	if !one.purged.IsZero() && now.Sub(one.purged) < purgeInterval && !now.Before(one.purged) {
		e := queryError("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", one.Name)
		e.Status = http.StatusForbidden
		return nil, e
	}
	if err := q.file.Commit(ctx, q.removeAll(one)); err != nil {
		return nil, err
	}
	one.messages, one.purged = nil, now
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
		switch value, have := all[name]; {
		case name == "All":
			out.Attributes = all
			return out, nil
		case have:
			out.Attributes[name] = value
		case !known(name):
			return nil, unknownAttribute(name)
		}
	}
	return out, nil
}

// SetQueueAttributes changes attributes; one that is set to "" is removed or gets its
// default.
func (q *Queues) SetQueueAttributes(ctx context.Context, in *SetQueueAttributesInput) (*awsjson.None, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	one, err := q.find(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	attributes := normalized(in.Attributes)
	set := map[string]string{}
	for name, value := range attributes {
		if value != "" || !known(name) {
			set[name] = value
		}
	}
	if one.fifo() && attributes["FifoQueue"] == "false" {
		return nil, queryError("InvalidAttributeValue", "InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
	}
	if err := q.checkAttributes(set, one.fifo()); err != nil {
		return nil, err
	}
	changed := &queue{Name: one.Name, Attributes: maps.Clone(one.Attributes)}
	for name, value := range attributes {
		if changed.Attributes[name] = value; value == "" {
			delete(changed.Attributes, name)
		}
	}
	switch {
	case attributes["KmsMasterKeyId"] != "" && one.Attributes["KmsMasterKeyId"] == "" && attributes["SqsManagedSseEnabled"] == "":
		changed.Attributes["SqsManagedSseEnabled"] = "false"
	case attributes["SqsManagedSseEnabled"] == "true" && attributes["KmsMasterKeyId"] == "" && one.Attributes["KmsMasterKeyId"] == "":
		delete(changed.Attributes, "KmsMasterKeyId")
	}
	if err := changed.checkEncryption(attributes); err != nil {
		return nil, err
	}
	changed.setDefaults()
	return nil, q.change(ctx, one, func(one *queue) { one.Attributes = changed.Attributes })
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
