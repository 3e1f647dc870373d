// Package listen forwards events of an EventBridge bus to a web server, through a
// temporary rule and queue.
package listen

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/fault"
)

// A Listener forwards the events that match a pattern. All fields are required.
type Listener struct {
	Events  *eventbridge.Client
	Queues  *sqs.Client
	Bus     string // the name of an event bus
	Pattern string // an event pattern
	URL     string
	Web     *http.Client
	Ready   func()        // is called when events are forwarded
	Report  func(Forward) // is called after each request
	Warn    func(string)  // is called with what could not be removed
}

// A Forward is the result of one request.
type Forward struct {
	Event      string        // the id
	Source     string        // of the event
	DetailType string        // of the event
	Status     int           // of the response; 0 if there was none
	Duration   time.Duration // until the response was complete
	Problem    string        // why there was no response
}

// cleanTime is the time for the removal of rule and queue.
const cleanTime = 30 * time.Second

// retention is how long SQS keeps the events if the queue could not be removed.
const retention = "3600"

// Run forwards events until ctx ends. Then, and after an error, it removes the rule and
// the queue. The end of ctx is not an error.
func (l *Listener) Run(ctx context.Context) (err error) {
	name := "eventrouter-listen-" + strings.ToLower(rand.Text()[:10])
	var url string
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
		defer cancel()
		l.remove(clean, name, url)
	}()
	if url, err = l.create(ctx, name); err == nil {
		l.Ready()
		err = l.forward(ctx, url)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// create creates a queue, and a rule that has it as its target.
func (l *Listener) create(ctx context.Context, name string) (url string, err error) {
	queue, err := l.Queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"MessageRetentionPeriod": retention}})
	if err != nil {
		return "", failed("the queue "+name+" cannot be created", err)
	}
	url = aws.ToString(queue.QueueUrl)
	rule, err := l.Events.PutRule(ctx, &eventbridge.PutRuleInput{Name: &name, EventBusName: &l.Bus, EventPattern: &l.Pattern,
		Description: aws.String("temporary rule of eventrouter listen")})
	if err != nil {
		return url, failed("the rule "+name+" cannot be created on the bus "+l.Bus, err)
	}
	found, err := l.Queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
	if err != nil {
		return url, failed("the queue "+name+" cannot be read", err)
	}
	arn := found.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": map[string]string{"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
		"Condition": map[string]any{"ArnEquals": map[string]string{"aws:SourceArn": aws.ToString(rule.RuleArn)}},
	}}})
	if err != nil {
		return url, err
	}
	if _, err := l.Queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"Policy": string(policy)}}); err != nil {
		return url, failed("EventBridge cannot be allowed to send to the queue "+name, err)
	}
	out, err := l.Events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &name, EventBusName: &l.Bus, Targets: []eventbridgetypes.Target{{Id: aws.String("queue"), Arn: &arn}}})
	if err == nil && out.FailedEntryCount > 0 {
		err = fault.Errorf(fault.Unavailable, "%s", aws.ToString(out.FailedEntries[0].ErrorMessage))
	}
	if err != nil {
		return url, failed("the queue cannot become the target of the rule "+name, err)
	}
	return url, nil
}

// failed returns an error with AWS's code and message.
func failed(what string, err error) error {
	if api, ok := errors.AsType[interface {
		error
		ErrorCode() string
		ErrorMessage() string
	}](err); ok {
		return &fault.Error{Code: fault.Unavailable, Message: fmt.Sprintf("%s: %s (%s)", what, api.ErrorMessage(), api.ErrorCode()), Err: err}
	}
	return &fault.Error{Code: fault.Unavailable, Message: what + ": the endpoint does not respond", Err: err}
}

// remove removes rule and queue. What does not exist counts as removed.
func (l *Listener) remove(ctx context.Context, name, url string) {
	missing := func(err error) bool {
		api, ok := errors.AsType[interface {
			error
			ErrorCode() string
		}](err)
		return err == nil || ok && (strings.Contains(api.ErrorCode(), "ResourceNotFound") || strings.Contains(api.ErrorCode(), "NonExistentQueue") || strings.Contains(api.ErrorCode(), "QueueDoesNotExist"))
	}
	_, targets := l.Events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &name, EventBusName: &l.Bus, Ids: []string{"queue"}})
	_, rule := l.Events.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &name, EventBusName: &l.Bus})
	if !missing(targets) || !missing(rule) {
		l.Warn(fmt.Sprintf("the temporary rule could not be removed; remove it with: aws events remove-targets --event-bus-name %[1]s --rule %[2]s --ids queue; aws events delete-rule --event-bus-name %[1]s --name %[2]s", l.Bus, name))
	}
	if url == "" {
		return
	}
	if _, err := l.Queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url}); !missing(err) {
		l.Warn("the temporary queue could not be removed; remove it with: aws sqs delete-queue --queue-url " + url)
	}
}

// forward receives events and forwards them one by one, in the order in which the queue
// returns them.
func (l *Listener) forward(ctx context.Context, url string) error {
	for {
		got, err := l.Queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, WaitTimeSeconds: 20, MaxNumberOfMessages: 10})
		if err != nil {
			return failed("the events cannot be received", err)
		}
		for _, m := range got.Messages {
			l.Report(l.post(ctx, []byte(aws.ToString(m.Body))))
			if _, err := l.Queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return failed("a forwarded event cannot be removed from the queue", err)
			}
		}
	}
}

// postTime is the time for one request.
const postTime = 30 * time.Second

// post forwards one event. A failure is reported and not repeated.
func (l *Listener) post(ctx context.Context, event []byte) Forward {
	var envelope struct {
		ID         string `json:"id"`
		Source     string `json:"source"`
		DetailType string `json:"detail-type"`
	}
	_ = json.Unmarshal(event, &envelope)
	f := Forward{Event: envelope.ID, Source: envelope.Source, DetailType: envelope.DetailType}
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL, bytes.NewReader(event))
	if err != nil {
		f.Problem = "the URL is not valid"
		return f
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "eventrouter")
	resp, err := l.Web.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		f.Status = resp.StatusCode
	}
	f.Duration = time.Since(began)
	switch {
	case err == nil:
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Problem = "no server listens at " + l.URL
	case ctx.Err() != nil:
		f.Problem = "no complete response within " + postTime.String()
	default:
		f.Problem = "the connection was closed before the response was complete"
	}
	return f
}
