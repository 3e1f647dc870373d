package storetest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/store"
)

// Bench measures a driver's operations for one event: commits with 1 and with 64
// writers, redeliveries, reads, and saving progress.
func Bench(b *testing.B, open func(b *testing.B) store.Driver) {
	data := `{"id":"rex","name":"` + strings.Repeat("n", 560) + `"}`
	create := func(i int64) store.Change {
		name := fmt.Sprintf("n%09d", i)
		return change(ref("acme", "petstore", name), name, events.Post, store.Record{}, data)
	}
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("commit/writers=%d", writers), func(b *testing.B) {
			s := store.New(open(b), nil)
			b.ReportAllocs()
			share(b, writers, func(i int64) error {
				_, err := s.Commit(ctx, create(i))
				return err
			})
		})
	}
	b.Run("redelivery", func(b *testing.B) {
		s := store.New(open(b), nil)
		c := create(0)
		b.ReportAllocs()
		share(b, 1, func(int64) error {
			_, err := s.Commit(ctx, c)
			return err
		})
	})
	b.Run("get", func(b *testing.B) {
		s := store.New(open(b), nil)
		c := create(0)
		if _, err := s.Commit(ctx, c); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		share(b, 1, func(int64) error {
			_, err := s.Get(ctx, c.Record.Ref)
			return err
		})
	})
	b.Run("commit and save progress/writers=64", func(b *testing.B) {
		s := store.New(open(b), nil)
		b.ReportAllocs()
		share(b, 64, func(i int64) error {
			c := create(i)
			if _, err := s.Commit(ctx, c); err != nil {
				return err
			}
			return s.SaveProgress(ctx, c.Idempotency.Key, entryResult(0, store.EntryPublished, ""))
		})
	})
}

// share runs b.N operations, divided among writers.
func share(b *testing.B, writers int, do func(i int64) error) {
	b.Helper()
	var next atomic.Int64
	b.ResetTimer()
	concurrently(writers, func(int) {
		for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
			if err := do(i); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}
