package local_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/internal/boltdb"
	"github.com/blockforger/eventrouter/local"
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
		b.Run(fmt.Sprintf("http/%d", writers), func(b *testing.B) {
			m := start(b, b.TempDir(), local.Options{}, func(s *local.Server) {
				wire(b, s, "in", `{"source":["another"]}`, "nobody")
			})
			transport := &http.Transport{MaxIdleConnsPerHost: writers}
			client := &http.Client{Transport: transport}
			defer transport.CloseIdleConnections()
			spread(b, writers, func(int) error {
				r, _ := http.NewRequest("POST", m.url, bytes.NewReader([]byte(body)))
				r.Header.Set("Content-Type", "application/x-amz-json-1.1")
				r.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
				resp, err := client.Do(r)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				_, err = io.Copy(io.Discard, resp.Body)
				return err
			})
		})
		b.Run(fmt.Sprintf("bare/%d", writers), func(b *testing.B) {
			db, err := boltdb.Open(filepath.Join(b.TempDir(), "bare.db"), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			ctx, name, value := context.Background(), []byte("events"), []byte(body)
			_ = db.Update(ctx, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(name); return err })
			spread(b, writers, func(i int) error {
				return db.Update(ctx, func(tx *bbolt.Tx) error {
					return tx.Bucket(name).Put(binary.BigEndian.AppendUint64(nil, uint64(i)), value)
				})
			})
		})
	}
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
