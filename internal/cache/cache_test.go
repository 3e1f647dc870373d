package cache

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// An entry that a caller waits for is not dropped, even if the cache is full.
func TestEntryInUseIsNotDropped(t *testing.T) {
	c := New[string, int](time.Now, 1)
	var loads atomic.Int64
	loading, gate := make(chan struct{}), make(chan struct{})
	slow := func(context.Context, Loaded[int]) Loaded[int] {
		if loads.Add(1) == 1 {
			close(loading)
		}
		<-gate
		return Loaded[int]{Value: 7, Until: time.Now().Add(time.Hour)}
	}
	answers := make(chan int, 2)
	get := func() {
		v, _ := c.Get(t.Context(), "slow", slow)
		answers <- v
	}
	// The entry has been used before, and is to be asked for again.
	if _, err := c.Get(t.Context(), "slow", func(context.Context, Loaded[int]) Loaded[int] { return Loaded[int]{} }); err != nil {
		t.Fatal(err)
	}
	go get()
	<-loading
	for _, key := range []string{"a", "b", "c"} {
		if _, err := c.Get(t.Context(), key, func(context.Context, Loaded[int]) Loaded[int] {
			return Loaded[int]{Until: time.Now().Add(time.Hour)}
		}); err != nil {
			t.Fatal(err)
		}
	}
	go get()
	close(gate)
	if a, b := <-answers, <-answers; a != 7 || b != 7 || loads.Load() != 1 {
		t.Errorf("answers %d and %d after %d loads", a, b, loads.Load())
	}
	if len(c.entries) > 1 || c.present.Len()+c.absent.Len() != len(c.entries) {
		t.Errorf("%d entries, %d + %d listed", len(c.entries), c.present.Len(), c.absent.Len())
	}
}

// TestExpire: a load that began before Expire is not kept either, and the previous
// result is passed to the next load.
func TestExpire(t *testing.T) {
	c := New[string, int](time.Now, 10)
	load := func(v int, during func()) func(context.Context, Loaded[int]) Loaded[int] {
		return func(_ context.Context, was Loaded[int]) Loaded[int] {
			during()
			return Loaded[int]{Value: was.Value*10 + v, Until: time.Now().Add(time.Hour)}
		}
	}
	nothing := func() {}
	for i, step := range []struct {
		load   func(context.Context, Loaded[int]) Loaded[int]
		expire bool
		want   int
	}{{load(1, nothing), false, 1}, {load(2, nothing), false, 1}, {load(3, c.Expire), true, 13}, {load(4, nothing), false, 134}, {load(5, nothing), false, 134}} {
		if step.expire {
			c.Expire()
		}
		if got, err := c.Get(t.Context(), "key", step.load); got != step.want || err != nil {
			t.Errorf("step %d: %d, %v; want %d", i, got, err, step.want)
		}
	}
}
