package local_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// BenchmarkPutEvents sets events taken through HTTP, durable before the answer,
// beside group commits of the same bytes to a bare bbolt file.
//
//	go test ./local -run '^$' -bench PutEvents -benchtime 2s
func BenchmarkPutEvents(b *testing.B) {
	detail := `{\"tenant\":\"evented\",\"rootSchema\":\"evented\",\"api_key\":\"0123456789012345678901234567890123456789\",\"payload\":{\"string\":\"` +
		string(bytes.Repeat([]byte("x"), 400)) + `\",\"numeric\":1}}`
	body := `{"Entries":[{"Source":"blockforger-input","DetailType":"evented.POST","Detail":"` + detail + `"}]}`
	for _, writers := range []int{1, 64} {
		// What the same requests cost where nothing is stored.
		b.Run(fmt.Sprintf("http-only/%d", writers), func(b *testing.B) { benchmarkHTTP(b, writers, "AWSEvents.DescribeEventBus", body) })
		b.Run(fmt.Sprintf("http/%d", writers), func(b *testing.B) { benchmarkHTTP(b, writers, "AWSEvents.PutEvents", body) })
		value := []byte(body)
		for name, update := range map[string]func(*bbolt.DB, func(*bbolt.Tx) error) error{"bare-update": (*bbolt.DB).Update, "bare-batch": (*bbolt.DB).Batch} {
			b.Run(fmt.Sprintf("%s/%d", name, writers), func(b *testing.B) {
				db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, nil)
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				_ = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(bucket); return err })
				spread(b, writers, func(i int) error {
					return update(db, func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put(numbered(i), value) })
				})
			})
		}
		b.Run(fmt.Sprintf("bare-group/%d", writers), func(b *testing.B) {
			db, err := boltdb.Open(filepath.Join(b.TempDir(), "bare.db"), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			ctx := context.Background()
			_ = db.Update(ctx, func(tx *boltdb.Tx) error { _, err := tx.CreateBucketIfNotExists(bucket); return err })
			spread(b, writers, func(i int) error {
				return db.Update(ctx, func(tx *boltdb.Tx) error { return tx.Bucket(bucket).Put(numbered(i), value) })
			})
		})
	}
}

func benchmarkHTTP(b *testing.B, writers int, operation, body string) {
	m := start(b, b.TempDir(), local.Options{}, func(s *local.Server) { wire(b, s, "in", `{"source":["another"]}`, "nobody") })
	transport := &http.Transport{MaxIdleConnsPerHost: writers}
	client := &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	spread(b, writers, func(int) error {
		r, _ := http.NewRequest("POST", m.url, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", operation)
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	})
}

var bucket = []byte("events")

func numbered(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

// BenchmarkDelivery is the way of an event from PutEvents to the function's
// start, with 16 senders.
//
//	go test ./local -run '^$' -bench Delivery -benchtime 5000x
func BenchmarkDelivery(b *testing.B) {
	var mu sync.Mutex
	var waits []time.Duration
	var delivered sync.WaitGroup
	m := start(b, b.TempDir(), local.Options{}, func(s *local.Server) {
		s.Functions.Register("box", func(_ context.Context, payload []byte, _ io.Writer) ([]byte, error) {
			now := time.Now()
			var e struct {
				Detail struct {
					At int64 `json:"at"`
				} `json:"detail"`
			}
			if err := json.Unmarshal(payload, &e); err != nil {
				return nil, err
			}
			mu.Lock()
			waits = append(waits, now.Sub(time.Unix(0, e.Detail.At)))
			mu.Unlock()
			delivered.Done()
			return nil, nil
		})
		wire(b, s, "in", `{"source":["a"]}`, "box")
	})
	delivered.Add(b.N)
	ctx := context.Background()
	spread(b, 16, func(int) error {
		_, err := m.EventBridge.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []eventbridge.PutEventsRequestEntry{
			{Source: "a", DetailType: "t", Detail: fmt.Sprintf(`{"at":%d}`, time.Now().UnixNano())}}})
		return err
	})
	delivered.Wait()
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
}

// spread runs b.N operations from so many goroutines and reports them a second.
func spread(b *testing.B, writers int, do func(i int) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > b.N {
					return
				}
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkBesideMoto sets what moto can do too beside it, in one run, one call
// after the other: to take an event that no rule wants, and to bring one to a
// queue and hand it out. Ours is on disk, moto's in memory.
//
//	go test ./local -run '^$' -bench BesideMoto -benchtime 300x
func BenchmarkBesideMoto(b *testing.B) {
	ours := start(b, b.TempDir(), local.Options{}, nil)
	for _, server := range []struct{ name, url string }{{"ours", ours.url}, {"moto", awstest.Moto(b)}} {
		m := &machine{t: b, url: server.url} // for its clients
		events, queues, ctx := m.client(), m.sqsClient(), context.Background()
		made, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("beside")})
		if err != nil {
			b.Fatal(err)
		}
		attributes, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: made.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := events.PutRule(ctx, &awseventbridge.PutRuleInput{Name: aws.String("beside"), EventPattern: aws.String(`{"source":["queue"]}`)}); err != nil {
			b.Fatal(err)
		}
		if _, err := events.PutTargets(ctx, &awseventbridge.PutTargetsInput{Rule: aws.String("beside"),
			Targets: []types.Target{{Id: aws.String("1"), Arn: aws.String(attributes.Attributes["QueueArn"])}}}); err != nil {
			b.Fatal(err)
		}
		b.Run("put/"+server.name, func(b *testing.B) {
			spread(b, 1, func(int) error {
				_, err := events.PutEvents(ctx, &awseventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry("nobody", "t", `{"n":1}`)}})
				return err
			})
		})
		b.Run("put-to-received/"+server.name, func(b *testing.B) {
			var waits []time.Duration
			spread(b, 1, func(int) error {
				begin := time.Now()
				_, err := events.PutEvents(ctx, &awseventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry("queue", "t", `{"n":1}`)}})
				for err == nil {
					var got *sqs.ReceiveMessageOutput
					if got, err = queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl}); err == nil && len(got.Messages) > 0 {
						waits = append(waits, time.Since(begin))
						_, err = queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: made.QueueUrl, ReceiptHandle: got.Messages[0].ReceiptHandle})
						break
					}
				}
				return err
			})
			slices.Sort(waits)
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
