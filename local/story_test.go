package local_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local"
)

func TestAnEventsStory(t *testing.T) {
	bad, good, hold := &inbox{fail: 9}, &inbox{}, make(chan struct{})
	m := start(t, t.TempDir(), local.Options{RetryDelays: []time.Duration{time.Hour}}, func(s *local.Server) {
		s.Register("good", good.handle)
		s.Register("bad", bad.handle)
		s.Register("busy", func(context.Context, []byte, io.Writer) ([]byte, error) { <-hold; return nil, nil })
		for _, f := range []string{"good", "bad", "busy", "nobody"} {
			wire(t, s, f, `{"source":["a"]}`, f)
		}
		wire(t, s, "other", `{"source":["b"]}`, "good")
	})
	defer close(hold)
	id := aws.ToString(put(t, m.client(), entry("a", "b", `{}`))[0].EventId)
	want := map[string]local.DeliveryState{"good": local.Delivered, "bad": local.Waiting, "busy": local.Waiting, "nobody": local.GivenUp}
	var story local.Story
	eventually(t, "the deliveries' states", func() bool {
		stories, err := m.Stories(context.Background(), id)
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
	if len(story.Event.Rules) != 4 || len(story.Verdicts) != 5 {
		t.Errorf("%d rules matched, %d verdicts", len(story.Event.Rules), len(story.Verdicts))
	}
	for _, v := range story.Verdicts {
		if v.Explanation == nil || v.Matches == (v.Rule.Name == "other") {
			t.Errorf("%+v", v)
		}
	}
	if _, err := m.Stories(context.Background(), "unknown"); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
}
