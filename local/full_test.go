package local_test

import (
	"context"
	"strings"
	"testing"
	"time"

	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// On a full disk new events are refused clearly, and the old ones are kept and
// delivered once there is room.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir, local.Options{MaxDataBytes: 2 << 20}, nil)
	once := func(o *awseventbridge.Options) { o.RetryMaxAttempts = 1 }
	big := entry("a", "b", `{"x":"`+strings.Repeat("x", 100<<10)+`"}`)
	taken := 0
	for ; taken < 100; taken++ {
		_, err := m.client().PutEvents(context.Background(), &awseventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{big}}, once)
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), "StatusCode: 500") || !strings.Contains(err.Error(), "InternalException") || strings.Contains(err.Error(), dir) {
			t.Errorf("refused with %v", err)
		}
		break
	}
	if taken == 0 || taken == 100 {
		t.Fatalf("%d events were taken", taken)
	}
	begin := time.Now()
	m.stop()
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("the stop took %v", d)
	}
	m = start(t, dir, local.Options{}, nil)
	kept := 0
	for _, err := range m.EventBridge.Events(context.Background(), eventbridge.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		kept++
	}
	if kept != taken {
		t.Errorf("%d events kept, %d taken", kept, taken)
	}
	put(t, m.client(), big)
}
