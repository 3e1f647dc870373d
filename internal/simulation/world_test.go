package simulation

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// A faults lists kinds of faults as a bit set.
type faults uint32

const (
	failBefore faults = 1 << iota // a call fails and has no effect
	failAfter                     // a call has its effect and fails
	hang                          // a call takes longer than the time-out of its caller
	crash                         // an instance ends at a call
	skew                          // clocks of instances are ahead or behind
	staleList                     // the list of pending work lags
	partial                       // some entries of a PutEvents call fail
	duplicates                    // events are delivered more than once
	edits                         // people edit objects and files
	ahead                         // events are dated ahead, and delivered again when their idempotency records are old
	operators                     // keys are revoked, schemas changed, collections migrated

	allFaults = 1<<iota - 1
)

var faultNames = []string{"failBefore", "failAfter", "hang", "crash", "skew", "staleList", "partial", "duplicates", "edits", "ahead", "operators"}

func (f faults) String() string {
	var names []string
	for i, name := range faultNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return fmt.Sprint(names)
}

// A world schedules the calls of one run. Its methods without a comment about locking
// run on the scheduler's goroutine.
type world struct {
	rng    *rand.Rand
	faults faults
	quiet  bool // no more faults: the run is ending
	began  time.Time

	mu      sync.Mutex
	waiting []*call
	trace   []string
}

// A call is one I/O that waits to be carried out.
type call struct {
	name      string // unique among the waiting calls, unless they are equal
	node      *node
	apply     func()
	done      chan error // receives nil after apply, else the error of the call
	due       time.Time  // not before
	abandoned bool       // the caller has given up
}

// A node is what can crash: an instance of the function, a relay, an operator.
type node struct {
	name   string
	skew   time.Duration
	cancel context.CancelFunc
	dead   bool
}

func newWorld(seed uint64, f faults) *world {
	return &world{rng: rand.New(rand.NewPCG(seed, 0x5eed)), faults: f, began: time.Now()}
}

// chance reports true in n of 1000 cases, if the kind of fault is enabled.
func (w *world) chance(kind faults, n int) bool {
	if w.quiet || w.faults&kind == 0 {
		return false
	}
	return w.rng.IntN(1000) < n
}

// between returns a duration in [a, b).
func (w *world) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.rng.Int64N(int64(b-a)))
}

// log adds a line to the trace. It may be called by any goroutine that is the only one
// running.
func (w *world) log(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, fmt.Sprintf("%12.3fs ", time.Since(w.began).Seconds())+fmt.Sprintf(format, args...))
}

var errGone = fault.Errorf(fault.Unavailable, "the process has ended")

// perform is the I/O of a node: it waits until the scheduler has decided what happens to it.
func perform[T any](ctx context.Context, w *world, n *node, name string, apply func() (T, error)) (T, error) {
	var (
		value, zero T
		failure     error
	)
	if task, ok := ctx.Value(taskKey{}).(string); ok {
		name = task + " " + name
	}
	c := &call{
		name: n.name + " " + name, node: n, done: make(chan error, 1), due: time.Now(),
		apply: func() { value, failure = apply() },
	}
	w.mu.Lock()
	if n.dead || ctx.Err() != nil {
		w.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return zero, err
		}
		return zero, errGone
	}
	w.waiting = append(w.waiting, c)
	w.mu.Unlock()
	select {
	case err := <-c.done:
		if err != nil {
			return zero, err
		}
		return value, failure
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		c.abandoned = true
		return zero, ctx.Err()
	}
}

// taskKey is the context key of the name of the task that makes a call.
type taskKey struct{}

// step selects one waiting call and decides what happens to it. Without one, time passes. It
// returns when every goroutine is blocked again.
func (w *world) step() {
	synctest.Wait()
	w.mu.Lock()
	now := time.Now()
	var ready []*call
	for _, c := range w.waiting {
		if !c.due.After(now) {
			ready = append(ready, c)
		}
	}
	w.mu.Unlock()
	if len(ready) == 0 {
		time.Sleep(w.between(time.Millisecond, 500*time.Millisecond))
		synctest.Wait()
		return
	}
	slices.SortStableFunc(ready, func(a, b *call) int { return cmp.Compare(a.name, b.name) })
	c := ready[w.rng.IntN(len(ready))]
	switch {
	case w.chance(hang, 8) && !c.abandoned:
		delay := w.between(time.Second, 38*time.Second) // shorter than app.Config.Lifetime
		c.due = now.Add(delay)
		w.log("%s: HANGS for %s", c.name, delay.Round(time.Millisecond))
		return
	case w.chance(crash, 6) && !c.node.dead:
		if w.rng.IntN(2) == 0 {
			c.apply()
			w.remove(c)
			w.log("%s: done, then CRASH", c.name)
		} else {
			w.log("%s: CRASH", c.name)
		}
		w.kill(c.node)
	case w.chance(failBefore, 15):
		w.remove(c)
		w.log("%s: FAILS", c.name)
		c.done <- fault.Errorf(fault.Unavailable, "injected before %s", c.name)
	case w.chance(failAfter, 15):
		w.remove(c)
		c.apply()
		w.log("%s: done, REPLY LOST", c.name)
		c.done <- fault.Errorf(fault.Unavailable, "injected after %s", c.name)
	default:
		w.remove(c)
		if c.abandoned && w.rng.IntN(2) == 0 {
			w.log("%s: LOST", c.name)
			return
		}
		c.apply()
		if c.abandoned {
			w.log("%s: done LATE", c.name)
		} else {
			w.log("%s: done", c.name)
		}
		c.done <- nil
	}
	synctest.Wait()
	if w.rng.IntN(4) == 0 {
		time.Sleep(w.between(time.Microsecond, 20*time.Millisecond))
		synctest.Wait()
	}
}

func (w *world) remove(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = slices.DeleteFunc(w.waiting, func(other *call) bool { return other == c })
}

// kill ends a node. Half of the calls that it has sent are still carried out.
func (w *world) kill(n *node) {
	w.mu.Lock()
	n.dead = true
	var own []*call
	for _, c := range w.waiting {
		if c.node == n && !c.abandoned {
			own = append(own, c)
		}
	}
	slices.SortStableFunc(own, func(a, b *call) int { return cmp.Compare(a.name, b.name) })
	for _, c := range own {
		c.abandoned = true
	}
	w.mu.Unlock()
	for _, c := range own {
		c.done <- errGone
	}
	n.cancel()
	synctest.Wait()
}
