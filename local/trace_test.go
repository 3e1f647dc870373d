package local_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// TestTraceHeaderReachesTheFunction where Lambda's Go runtime puts it.
func TestTraceHeaderReachesTheFunction(t *testing.T) {
	t.Parallel()
	seen := make(chan any, 1)
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Functions.Register("box", func(ctx context.Context, _ []byte, _ io.Writer) ([]byte, error) {
			seen <- ctx.Value("x-amzn-trace-id")
			return nil, nil
		})
		wire(t, s, "in", `{"source":["a"]}`, "box")
	})
	if _, err := m.EventBridge.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []eventbridge.PutEventsRequestEntry{
		{Source: "a", DetailType: "t", Detail: `{}`, TraceHeader: "Root=1-2-3"}}}); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-seen:
		if got != "Root=1-2-3" {
			t.Errorf("the function sees the trace header %v", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was delivered")
	}
}
