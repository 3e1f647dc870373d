package local_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

func (m *machine) sqsClient() *awssqs.Client {
	return awssqs.New(awssqs.Options{Region: "us-east-1", BaseEndpoint: &m.url,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

// A target that stays throttled is tried again as its policy says, and then its
// dead-letter queue gets the event with EventBridge's attributes (R93).
func TestRetriesToATargetEndInItsDeadLetterQueue(t *testing.T) {
	t.Parallel()
	box := &inbox{}
	m := start(t, t.TempDir(), local.Options{Chaos: delivery.Chaos{Fail: 1}}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	ctx, c := context.Background(), m.sqsClient()
	queue, err := c.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("dead")})
	if err != nil {
		t.Fatal(err)
	}
	one := 1
	if _, err := m.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: "in", Targets: []delivery.Target{{
		Id: "1", Arn: "arn:aws:lambda:us-east-1:000000000000:function:box",
		RetryPolicy:      &delivery.RetryPolicy{MaximumRetryAttempts: &one},
		DeadLetterConfig: &delivery.DeadLetterConfig{Arn: "arn:aws:sqs:us-east-1:000000000000:dead"},
	}}}); err != nil {
		t.Fatal(err)
	}
	put(t, m.client(), entry("a", "b", `{"x":1}`))
	got, err := c.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 10, MessageAttributeNames: []string{"All"}})
	if err != nil || len(got.Messages) != 1 {
		t.Fatal(got, err)
	}
	for name, want := range map[string]string{
		"RULE_ARN": "arn:aws:events:us-east-1:000000000000:rule/in", "TARGET_ARN": "arn:aws:lambda:us-east-1:000000000000:function:box",
		"ERROR_CODE": "THROTTLING", "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts", "RETRY_ATTEMPTS": "1",
	} {
		if v := aws.ToString(got.Messages[0].MessageAttributes[name].StringValue); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	if l := m.letters(); len(l) != 0 || len(box.got()) != 0 {
		t.Errorf("dead letters %v, invocations %d", l, len(box.got()))
	}
}

func TestChaosDeliversTwice(t *testing.T) {
	t.Parallel()
	box := &inbox{}
	m := start(t, t.TempDir(), local.Options{Chaos: delivery.Chaos{Duplicates: 1}}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	put(t, m.client(), entry("a", "b", `{}`))
	eventually(t, "both", func() bool { return len(box.got()) == 2 })
	if got := box.got(); got[0] != got[1] {
		t.Error("the duplicate is another event")
	}
}

// What a queue holds survives a restart, and how often it was received does too.
func TestQueuesSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir, local.Options{}, nil)
	ctx := context.Background()
	queue, err := m.sqsClient().CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("q"), Attributes: map[string]string{"VisibilityTimeout": "0"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.sqsClient().SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	receive := func() string {
		got, err := m.sqsClient().ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
		if err != nil || len(got.Messages) != 1 {
			t.Fatal(got, err)
		}
		return got.Messages[0].Attributes["ApproximateReceiveCount"]
	}
	receive()
	m.stop()
	m = start(t, dir, local.Options{}, nil)
	if n := receive(); n != "2" {
		t.Errorf("received %s times, want 2", n)
	}
}

// Whatever goes wrong on the way, each event arrives, and nothing is left over.
func TestChaosLosesNothing(t *testing.T) {
	t.Parallel()
	const events = 300
	var mu sync.Mutex
	seen := map[string]int{}
	m := start(t, t.TempDir(), local.Options{RetryDelays: quick, Chaos: delivery.Chaos{Duplicates: 0.1, Fail: 0.05, Delay: 20 * time.Millisecond}}, func(s *local.Server) {
		s.Functions.Register("box", func(_ context.Context, payload []byte, _ io.Writer) ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			seen[string(payload)]++
			return nil, nil
		})
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	c := m.client()
	for range events / 10 {
		batch := make([]ebtypes.PutEventsRequestEntry, 10)
		for i := range batch {
			batch[i] = entry("a", "b", `{}`)
		}
		put(t, c, batch...)
	}
	eventually(t, "an empty queue", func() bool { due, waiting := m.Pending(); return due+waiting == 0 })
	mu.Lock()
	defer mu.Unlock()
	total := 0
	for _, n := range seen {
		total += n
	}
	if letters := m.letters(); len(seen) != events || total <= events || len(letters) != 0 {
		t.Errorf("%d of %d events arrived, %d deliveries, %d dead letters", len(seen), events, total, len(letters))
	}
}
