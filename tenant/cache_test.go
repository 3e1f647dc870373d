package tenant

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// An entry that someone waits for is not dropped, however full the cache is.
func TestCacheKeepsWhatIsWaitedFor(t *testing.T) {
	c := newCache[string, int](time.Now, 1)
	var loads atomic.Int64
	loading, gate := make(chan struct{}), make(chan struct{})
	slow := func(context.Context, loaded[int]) loaded[int] {
		if loads.Add(1) == 1 {
			close(loading)
		}
		<-gate
		return loaded[int]{value: 7, until: time.Now().Add(time.Hour)}
	}
	answers := make(chan int, 2)
	get := func() {
		v, _ := c.get(t.Context(), "slow", slow)
		answers <- v
	}
	// The entry has been used before, and is to be asked for again.
	if _, err := c.get(t.Context(), "slow", func(context.Context, loaded[int]) loaded[int] { return loaded[int]{} }); err != nil {
		t.Fatal(err)
	}
	go get()
	<-loading
	for _, key := range []string{"a", "b", "c"} {
		if _, err := c.get(t.Context(), key, func(context.Context, loaded[int]) loaded[int] {
			return loaded[int]{until: time.Now().Add(time.Hour)}
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
