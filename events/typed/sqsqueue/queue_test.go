package sqsqueue_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/events/typed/sqsqueue"
	"github.com/blockforger/eventrouter/internal/awstest"
)

func TestMain(m *testing.M) { os.Exit(awstest.Main(m)) }

// TestPoll: what is handled leaves the queue, what fails is delivered again.
func TestPoll(t *testing.T) {
	client := sqs.NewFromConfig(awstest.Config(awstest.Moto(t)))
	queue, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q-" + rand.Text()), Attributes: map[string]string{"VisibilityTimeout": "0"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{"id":"e1","source":"s","detail-type":"t","detail":{}}`, `{"id":"e2","source":"s","detail-type":"t","detail":{}}`} {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	handled := make(map[string]int)
	consumer := typed.NewConsumer(&typed.Registry{}).Otherwise(func(_ context.Context, e typed.Decoded) error {
		id := e.Raw().ID
		handled[id]++
		if id == "e1" && handled[id] < 3 {
			return errors.New("not yet")
		}
		if handled["e1"] >= 3 && handled["e2"] > 0 {
			stop()
		}
		return nil
	})
	if err := typed.Poll(ctx, sqsqueue.New(client, *queue.QueueUrl), consumer, nil); err != nil {
		t.Fatal(err)
	}
	if handled["e1"] != 3 || handled["e2"] != 1 {
		t.Errorf("handled %v, want e1 three times and e2 once", handled)
	}
	left, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil || len(left.Messages) != 0 {
		t.Errorf("%d messages are left, %v", len(left.Messages), err)
	}
}

func TestErrors(t *testing.T) {
	q := sqsqueue.New(sqs.NewFromConfig(awstest.Config("http://127.0.0.1:1"), func(o *sqs.Options) { o.RetryMaxAttempts = 1 }), "http://127.0.0.1:1/q")
	if m, err := q.Receive(t.Context()); err == nil {
		t.Errorf("no queue gives %v", m)
	}
	if err := q.Delete(t.Context(), typed.Message{Receipt: "r"}); err == nil {
		t.Error("a message is deleted from no queue")
	}
}
