package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// A ledger of what is under way: one that has arrived is struck off, so that it
// stays small however long the soak.
type ledger struct {
	mu       sync.Mutex
	open     map[int64]bool // whether its first attempt has failed on purpose
	arrived  int64
	repeated int64
}

func (l *ledger) expect(n int64) { l.mu.Lock(); l.open[n] = false; l.mu.Unlock() }

func (l *ledger) left() int { l.mu.Lock(); defer l.mu.Unlock(); return len(l.open) }

// arrive strikes an event off. With stumble, one event in two hundred fails the
// first time.
func (l *ledger) arrive(n int64, stumble bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	failed, open := l.open[n]
	switch {
	case !open:
		l.repeated++
	case stumble && !failed && n%200 == 0:
		l.open[n] = true
		return errors.New("on purpose")
	default:
		delete(l.open, n)
		l.arrived++
	}
	return nil
}

// numberOf reads an event's number.
func numberOf(event []byte) (int64, error) {
	var e struct {
		Detail struct {
			N int64 `json:"n"`
		} `json:"detail"`
	}
	err := json.Unmarshal(event, &e)
	return e.Detail.N, err
}

// TestSoak sends events for as long as SOAK says, with chaos on, to a function
// and to a queue. In the end each that was acknowledged has reached both, none is
// left or a dead letter, and neither memory nor the file has grown.
//
//	SOAK=30m go test ./local -run '^TestSoak$' -timeout 0 -v
func TestSoak(t *testing.T) {
	length, err := 30*time.Minute, error(nil)
	switch asked := os.Getenv("SOAK"); asked {
	case "":
		t.Skip("SOAK says for how long, such as 30m; make soak")
	case "1":
	default:
		if length, err = time.ParseDuration(asked); err != nil {
			t.Fatal(err)
		}
	}
	function, queue := &ledger{open: map[int64]bool{}}, &ledger{open: map[int64]bool{}}
	dir := t.TempDir()
	m := start(t, dir, local.Options{RetryDelays: []time.Duration{100 * time.Millisecond, 200 * time.Millisecond},
		Chaos: delivery.Chaos{Duplicates: 0.01, Fail: 0.005, Delay: 50 * time.Millisecond}}, func(s *local.Server) {
		s.Functions.Register("count", func(_ context.Context, event []byte, log io.Writer) ([]byte, error) {
			n, err := numberOf(event)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(log, "event %d\n", n)
			return nil, function.arrive(n, true)
		})
		wire(t, s, "in", `{"source":["soak"]}`, "count")
	})
	client, queues := m.client(), m.sqsClient()
	made, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("soak")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.EventBridge.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: "in", Targets: []delivery.Target{
		{Id: "2", Arn: "arn:aws:sqs:us-east-1:000000000000:soak"}}}); err != nil {
		t.Fatal(err)
	}

	stop := make(chan struct{})
	var consumers sync.WaitGroup
	for range 4 {
		consumers.Go(func() { drain(t, queues, *made.QueueUrl, queue, stop) })
	}
	until := time.Now().Add(length)
	var samples []sample
	var watching, senders sync.WaitGroup
	watching.Go(func() { samples = watch(dir, until) })
	const writers = 4
	sent := make([]int64, writers)
	for w := range writers {
		senders.Go(func() { sent[w] = send(t, client, int64(w), writers, until, function, queue) })
	}
	senders.Wait()
	watching.Wait()
	all := int64(0)
	for _, n := range sent {
		all += n
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && function.left()+queue.left() > 0; {
		time.Sleep(50 * time.Millisecond)
	}
	eventually(t, "nothing left to deliver", func() bool { due, waiting := m.Pending(); return due+waiting == 0 })
	close(stop)
	consumers.Wait()

	letters, err := m.DeadLetters().List()
	if err != nil || len(letters) > 0 {
		t.Errorf("%d dead letters, %v", len(letters), err)
	}
	t.Logf("%d events acknowledged in %v, %.0f a second", all, length, float64(all)/length.Seconds())
	for name, l := range map[string]*ledger{"function": function, "queue": queue} {
		t.Logf("%s: %d arrived, %d came again, %d are missing", name, l.arrived, l.repeated, l.left())
		if l.arrived != all || l.left() != 0 || all == 0 {
			t.Errorf("%s: the counts do not balance", name)
		}
		if want := all / 500; all > 10_000 && l.repeated < want {
			t.Errorf("%s: %d duplicates are fewer than chaos should make", name, l.repeated)
		}
	}
	flat(t, samples)
}

// mostUnderWay keeps senders from outrunning the consumers: what is to stay flat
// must not grow for that.
const mostUnderWay = 1000

// send sends numbered events, ten a call, until the time is up: first, first+step
// and so on. Without the SDK's retries, each that is answered was sent once.
func send(t *testing.T, client *awseventbridge.Client, first, step int64, until time.Time, to ...*ledger) (acknowledged int64) {
	once := func(o *awseventbridge.Options) { o.Retryer = aws.NopRetryer{} }
	for n := first; time.Now().Before(until); {
		if slices.ContainsFunc(to, func(l *ledger) bool { return l.left() > mostUnderWay }) {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		batch := make([]types.PutEventsRequestEntry, 10)
		for i := range batch {
			for _, l := range to {
				l.expect(n)
			}
			batch[i] = entry("soak", "t", fmt.Sprintf(`{"n":%d,"text":"what an event of some length says"}`, n))
			n += step
		}
		out, err := client.PutEvents(context.Background(), &awseventbridge.PutEventsInput{Entries: batch}, once)
		if err != nil || out.FailedEntryCount > 0 {
			t.Errorf("an event was not taken: %v", err)
			return acknowledged
		}
		acknowledged += int64(len(batch))
		time.Sleep(20 * time.Millisecond) // a steady load, not the most that goes
	}
	return acknowledged
}

// drain receives and deletes until stop is closed.
func drain(t *testing.T, client *sqs.Client, url string, l *ledger, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		out, err := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			t.Error(err)
			return
		}
		var done []sqstypes.DeleteMessageBatchRequestEntry
		for i, msg := range out.Messages {
			n, err := numberOf([]byte(*msg.Body))
			if err != nil {
				t.Error(err)
			}
			_ = l.arrive(n, false)
			done = append(done, sqstypes.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: msg.ReceiptHandle})
		}
		if len(done) == 0 {
			continue
		}
		if _, err := client.DeleteMessageBatch(context.Background(), &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: done}); err != nil {
			t.Error(err)
			return
		}
	}
}

// A sample is what the process holds.
type sample struct{ heap, file, goroutines int64 }

// watch takes forty samples until the time is up.
func watch(dir string, until time.Time) (samples []sample) {
	every := time.Until(until) / 40
	for time.Now().Add(every).Before(until) {
		time.Sleep(every)
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		s := sample{heap: int64(mem.HeapAlloc), goroutines: int64(runtime.NumGoroutine())}
		if info, err := os.Stat(filepath.Join(dir, "local.db")); err == nil {
			s.file = info.Size()
		}
		samples = append(samples, s)
	}
	return samples
}

// flat compares the last third with the middle one: by then what is kept (the
// newest events, log lines) has come to its bound.
func flat(t *testing.T, samples []sample) {
	third := len(samples) / 3
	if third == 0 {
		t.Fatal("too few samples")
	}
	median := func(part []sample, of func(sample) int64) int64 {
		var all []int64
		for _, s := range part {
			all = append(all, of(s))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	for _, c := range []struct {
		name  string
		of    func(sample) int64
		slack int64
	}{
		{"heap bytes", func(s sample) int64 { return s.heap }, 4 << 20},
		{"file bytes", func(s sample) int64 { return s.file }, 16 << 20},
		{"goroutines", func(s sample) int64 { return s.goroutines }, 50},
	} {
		begin, middle, end := median(samples[:third], c.of), median(samples[third:2*third], c.of), median(samples[2*third:], c.of)
		t.Logf("%s: %d, %d, %d by thirds", c.name, begin, middle, end)
		if end > middle+middle/10+c.slack {
			t.Errorf("%s grew from %d to %d", c.name, middle, end)
		}
	}
}
