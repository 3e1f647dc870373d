package local_test

import (
	"cmp"
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

func TestAnEventsStory(t *testing.T) {
	t.Parallel()
	bad, good, hold := &inbox{fail: 9}, &inbox{}, make(chan struct{})
	m := start(t, t.TempDir(), local.Options{RetryDelays: []time.Duration{time.Hour}}, func(s *local.Server) {
		s.Functions.Register("good", good.handle)
		s.Functions.Register("bad", bad.handle)
		s.Functions.Register("busy", func(context.Context, []byte, io.Writer) ([]byte, error) { <-hold; return nil, nil })
		for _, f := range []string{"good", "bad", "busy", "nobody"} {
			wire(t, s, f, `{"source":["a"]}`, f)
		}
		wire(t, s, "other", `{"source":["b"]}`, "good")
	})
	defer close(hold)
	id := aws.ToString(put(t, m.client(), entry("a", "b", `{}`))[0].EventId)
	want := map[string]string{"good": "delivered", "bad": "waiting", "busy": "waiting", "nobody": "given up"}
	var story trace.Arrival
	eventually(t, "the deliveries' states", func() bool {
		stories, err := m.EventBridge.Arrivals(id)
		if err != nil || len(stories) != 1 {
			t.Fatal(stories, err)
		}
		story = stories[0]
		for _, d := range story.Deliveries {
			function := d.Target[len("arn:aws:lambda:us-east-1:000000000000:function:"):]
			if d.State != want[function] || function == "bad" && d.LastError != "not now" {
				return false
			}
		}
		return len(story.Deliveries) == len(want)
	})
	if len(story.Rules) != 5 {
		t.Errorf("%d rules", len(story.Rules))
	}
	for _, v := range story.Rules {
		if v.Explanation == nil || v.Matches == (v.Rule == "other") {
			t.Errorf("%+v", v)
		}
	}
	if _, err := m.EventBridge.Arrivals("unknown"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

// What did not go well at once is told after its end too, and forgotten with
// its event.
func TestAStoryTellsOfRetriesAndDeadLetterQueues(t *testing.T) {
	t.Parallel()
	box := &inbox{fail: 1}
	m := start(t, t.TempDir(), local.Options{RetryDelays: quick, KeepEvents: 2}, func(s *local.Server) {
		s.Functions.Register("box", box.handle)
		wire(t, s, "flaky", `{"source":["a"]}`, "box")
		wire(t, s, "gone", `{"source":["a"]}`, "nobody")
	})
	const queue = "arn:aws:sqs:us-east-1:000000000000:dlq"
	if _, err := m.sqsClient().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("dlq")}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.EventBridge.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: "gone", Targets: []delivery.Target{
		{Id: "1", Arn: "arn:aws:lambda:us-east-1:000000000000:function:nobody", DeadLetterConfig: &delivery.DeadLetterConfig{Arn: queue}}}}); err != nil {
		t.Fatal(err)
	}
	id := aws.ToString(put(t, m.client(), entry("a", "b", `{}`))[0].EventId)
	var told []trace.Delivery
	eventually(t, "both ends", func() bool {
		stories, err := m.EventBridge.Arrivals(id)
		if err != nil {
			t.Fatal(err)
		}
		told = stories[0].Deliveries
		slices.SortFunc(told, func(a, b trace.Delivery) int { return cmp.Compare(a.Rule, b.Rule) })
		return len(told) == 2 && told[0].LastError != "" && told[0].State != "waiting" && told[1].LastError != ""
	})
	if d := told[0]; d.State != "delivered" || d.Attempts != 2 || d.LastError != "not now" {
		t.Errorf("%+v", d)
	}
	if d := told[1]; d.State != "given up" || d.Attempts != 1 || d.Queue != queue {
		t.Errorf("%+v", d)
	}
	put(t, m.client(), entry("x", "b", `{}`), entry("x", "b", `{}`))
	eventually(t, "the outcomes are forgotten", func() bool { n, err := m.OutcomesKept(); return n == 0 && err == nil })
}
