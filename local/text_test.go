package local_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// A template that begins with a quote may make text that is not JSON: a queue gets
// it as it is, a function cannot be invoked with it. What a template of JSON makes
// must be JSON, or nothing is delivered.
func TestInputThatIsNotJSON(t *testing.T) {
	t.Parallel()
	box := &inbox{}
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	for _, name := range []string{"text", "json"} {
		if _, err := m.sqsClient().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	template := func(text string) *delivery.InputTransformer {
		return &delivery.InputTransformer{InputPathsMap: map[string]string{"x": "$.detail.x"}, InputTemplate: text}
	}
	const text, constant = "\"x is <x>\"\n\"done\"", `{"x": "<x>"}`
	function, queue := "arn:aws:lambda:us-east-1:000000000000:function:box", "arn:aws:sqs:us-east-1:000000000000:"
	if _, err := m.EventBridge.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: "in", Targets: []delivery.Target{
		{Id: "1", Arn: function, InputTransformer: template(text)}, {Id: "2", Arn: queue + "text", InputTransformer: template(text)},
		{Id: "3", Arn: function, InputTransformer: template(constant)}, {Id: "4", Arn: queue + "json", InputTransformer: template(constant)}}}); err != nil {
		t.Fatal(err)
	}
	put(t, m.client(), entry("a", "b", `{"x":7}`), entry("a", "b", `{"x":["\"y\""]}`))
	received := func(queue string, n int) map[string]bool {
		got := map[string]bool{}
		eventually(t, "the messages of "+queue, func() bool {
			out, err := m.sqsClient().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(m.url + "/000000000000/" + queue), WaitTimeSeconds: 1, MaxNumberOfMessages: 10})
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range out.Messages {
				got[aws.ToString(one.Body)] = true
			}
			return len(got) == n
		})
		return got
	}
	if got := received("text", 2); !got["\"x is 7\"\n\"done\""] || !got["\"x is [y]\"\n\"done\""] {
		t.Error(got)
	}
	if got := received("json", 1); !got[`{"x": "7"}`] {
		t.Error(got)
	}
	eventually(t, "the dead letters", func() bool { return len(m.letters()) == 4 })
	for _, l := range m.letters() {
		if l.Record.RequestContext.Condition != "INVALID_JSON" {
			t.Errorf("%+v", l)
		}
	}
	eventually(t, "an empty queue", func() bool { due, waiting := m.Pending(); return due+waiting == 0 })
	if got := box.got(); len(got) != 1 || got[0] != `{"x": "7"}` {
		t.Error(got)
	}
}
