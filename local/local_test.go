package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// A machine is a running server with its HTTP endpoint, for one test.
type machine struct {
	*local.Server
	t    testing.TB
	url  string
	stop func() // ends Run and closes the server; the test's end does it too
}

// start opens a server in dir, lets setup prepare it, and runs it.
func start(t testing.TB, dir string, opts local.Options, setup func(*local.Server)) *machine {
	t.Helper()
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s, err := local.Open(dir, &opts)
	if err != nil {
		t.Fatal(err)
	}
	if setup != nil {
		setup(s)
	}
	web := httptest.NewServer(s.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	m := &machine{Server: s, t: t, url: web.URL}
	m.stop = sync.OnceFunc(func() {
		web.Close()
		cancel()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	t.Cleanup(m.stop)
	return m
}

func (m *machine) client() *awseventbridge.Client {
	return awseventbridge.New(awseventbridge.Options{
		Region: "us-east-1", BaseEndpoint: &m.url,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// letters returns the dead letters.
func (m *machine) letters() []delivery.DeadLetter {
	m.t.Helper()
	letters, err := m.DeadLetters().List()
	if err != nil {
		m.t.Fatal(err)
	}
	return letters
}

// wire connects a rule with a pattern on the default bus to a function.
func wire(t testing.TB, s *local.Server, rule, pattern, function string) {
	t.Helper()
	ctx := context.Background()
	_, err := s.EventBridge.PutRule(ctx, &eventbridge.PutRuleInput{Name: rule, EventPattern: pattern})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: rule, Targets: []delivery.Target{
		{Id: "1", Arn: "arn:aws:lambda:us-east-1:000000000000:function:" + function}}})
	if err != nil {
		t.Fatal(err)
	}
}

// inbox is a function that remembers what it got.
type inbox struct {
	mu       sync.Mutex
	payloads []string
	fail     int // how many calls are still to fail
}

func (b *inbox) handle(_ context.Context, payload []byte, log io.Writer) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(log, "got %d bytes\n", len(payload))
	b.payloads = append(b.payloads, string(payload))
	if b.fail > 0 {
		b.fail--
		return nil, errors.New("not now")
	}
	return []byte(`"ok"`), nil
}

func (b *inbox) got() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.payloads...)
}

// eventually waits for a condition that must come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("in vain waited for: %s", what)
}

func entry(source, detailType, detail string) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{Source: &source, DetailType: &detailType, Detail: &detail}
}

func put(t testing.TB, c *awseventbridge.Client, entries ...types.PutEventsRequestEntry) []types.PutEventsResultEntry {
	t.Helper()
	out, err := c.PutEvents(context.Background(), &awseventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	return out.Entries
}

func code(e types.PutEventsResultEntry) string { return aws.ToString(e.ErrorCode) }
