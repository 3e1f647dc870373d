package local_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// What a template makes need not be JSON: a queue gets it as it is, a function
// cannot be invoked with it, and nothing else is held up.
func TestInputThatIsNotJSON(t *testing.T) {
	t.Parallel()
	box := &inbox{}
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	queue, err := m.sqsClient().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	template := &delivery.InputTransformer{InputPathsMap: map[string]string{"x": "$.detail.x"}, InputTemplate: `{"x": <x>}`}
	if _, err := m.EventBridge.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: "in", Targets: []delivery.Target{
		{Id: "1", Arn: "arn:aws:lambda:us-east-1:000000000000:function:box", InputTransformer: template},
		{Id: "2", Arn: "arn:aws:sqs:us-east-1:000000000000:q", InputTransformer: template}}}); err != nil {
		t.Fatal(err)
	}
	put(t, m.client(), entry("a", "b", `{}`), entry("a", "b", `{"x":7}`))
	got := map[string]bool{}
	eventually(t, "both messages", func() bool {
		out, err := m.sqsClient().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 1, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range out.Messages {
			got[aws.ToString(one.Body)] = true
		}
		return len(got) == 2
	})
	if !got[`{"x": }`] || !got[`{"x": 7}`] {
		t.Error(got)
	}
	eventually(t, "the dead letter", func() bool { l := m.letters(); return len(l) == 1 })
	if l := m.letters(); l[0].Record.RequestContext.Condition != "INVALID_JSON" || string(l[0].Record.RequestPayload) != `"{\"x\": }"` {
		t.Errorf("%+v", l[0])
	}
	eventually(t, "the invocation", func() bool { return len(box.got()) == 1 })
	if box.got()[0] != `{"x": 7}` {
		t.Error(box.got())
	}
}
