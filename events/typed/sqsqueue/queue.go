// Package sqsqueue is an SQS queue for typed.Poll:
//
//	err := typed.Poll(ctx, sqsqueue.New(client, url), consumer, nil)
//
// It is safe for concurrent use: several Polls may share a queue.
package sqsqueue

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

const (
	// longPoll is how long Receive waits for a message, in seconds: the longest
	// that SQS allows.
	longPoll = 20
	batch    = 10
)

// Queue is a queue of SQS.
type Queue struct {
	client *sqs.Client
	url    string
}

var _ typed.Queue = (*Queue)(nil)

// New returns the queue with that URL.
func New(client *sqs.Client, url string) *Queue { return &Queue{client: client, url: url} }

// Receive implements [typed.Queue].
func (q *Queue) Receive(ctx context.Context) ([]typed.Message, error) {
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: batch, WaitTimeSeconds: longPoll})
	if err != nil {
		return nil, fault.Wrap("sqsqueue.Receive", fault.Unavailable, err)
	}
	messages := make([]typed.Message, len(out.Messages))
	for i, m := range out.Messages {
		messages[i] = typed.Message{ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body)}
	}
	return messages, nil
}

// Delete implements [typed.Queue].
func (q *Queue) Delete(ctx context.Context, m typed.Message) error {
	_, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &m.Receipt})
	return fault.Wrap("sqsqueue.Delete", fault.Unavailable, err)
}
