package local

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// A queue hands tasks out when they fall due, at most so many at a time for one
// target, so that a slow target does not hold up the others. It promises no
// order.
type queue struct {
	limit int // for each target
	now   func() time.Time
	poll  time.Duration
	wake  chan struct{}

	mu    sync.Mutex
	later taskHeap
	lanes map[string]*lane // by the target's ARN
	busy  map[*task]int    // those under way; one may be back in the queue before its worker has left it
	held  int              // tasks that are not under way
}

// lane holds one target's tasks that are due.
type lane struct {
	due     []*task
	running int
}

func newQueue(limit int, now func() time.Time, poll time.Duration) *queue {
	return &queue{limit: limit, now: now, poll: poll, wake: make(chan struct{}, 1), lanes: map[string]*lane{}, busy: map[*task]int{}}
}

// mostEventsHeld is how many waiting tasks keep their event in memory.
const mostEventsHeld = 1000

// add takes tasks that are on disk.
func (q *queue) add(tasks ...*task) {
	if len(tasks) == 0 {
		return
	}
	q.mu.Lock()
	for _, t := range tasks {
		if q.held++; q.held > mostEventsHeld {
			t.event = nil // it is read from disk when its time comes
		}
		heap.Push(&q.later, t)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // it has been woken already
	}
}

// run calls attempt for each task that falls due, until ctx ends, and returns
// when the last call has.
func (q *queue) run(ctx context.Context, attempt func(*task)) {
	var workers sync.WaitGroup
	defer workers.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		case <-timer.C:
		}
		for _, t := range q.start() {
			workers.Go(func() {
				for t := t; t != nil; t = q.next(ctx, t) {
					attempt(t)
				}
			})
		}
		timer.Reset(q.pause())
	}
}

// start moves what is due into its lane and returns what may begin now.
func (q *queue) start() []*task {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	var begin []*task
	for len(q.later) > 0 && !q.later[0].Due.After(now) {
		t := heap.Pop(&q.later).(*task)
		l := q.lanes[t.Target.Arn]
		if l == nil {
			l = &lane{}
			q.lanes[t.Target.Arn] = l
		}
		if l.running < q.limit {
			l.running++
			q.held--
			q.busy[t]++
			begin = append(begin, t)
		} else {
			l.due = append(l.due, t)
		}
	}
	return begin
}

// next ends done and returns the target's next task, or nil where there is none
// or no more may begin.
func (q *queue) next(ctx context.Context, done *task) *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy[done]--; q.busy[done] == 0 {
		delete(q.busy, done)
	}
	l := q.lanes[done.Target.Arn]
	if len(l.due) > 0 && ctx.Err() == nil {
		t := l.due[0]
		l.due[0] = nil
		l.due = l.due[1:]
		q.held--
		q.busy[t]++
		return t
	}
	if l.running--; l.running > 0 {
		return nil
	}
	// What ctx's end left here waits for the next run.
	for _, t := range l.due {
		heap.Push(&q.later, t)
	}
	delete(q.lanes, done.Target.Arn)
	return nil
}

// pause is how long until the next task falls due, at most poll: the clock may
// jump.
func (q *queue) pause() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.later) == 0 {
		return q.poll
	}
	return min(max(q.later[0].Due.Sub(q.now()), time.Millisecond), q.poll)
}

// counts tells how many tasks are due or under way, and how many wait for their
// time.
func (q *queue) counts() (due, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	due = len(q.busy)
	for _, l := range q.lanes {
		due += len(l.due)
	}
	for _, t := range q.later {
		if t.Due.After(now) {
			waiting++
		} else {
			due++
		}
	}
	return due, waiting
}

// of returns copies of an event's tasks.
func (q *queue) of(seq uint64) []task {
	q.mu.Lock()
	defer q.mu.Unlock()
	var tasks []task
	add := func(t *task) {
		if t.eventSeq() == seq {
			tasks = append(tasks, *t)
		}
	}
	for t := range q.busy { // the worker changes the rest
		add(&task{key: t.key, Event: t.Event, Rule: t.Rule, Target: Target{Arn: t.Target.Arn}})
	}
	for _, t := range q.later {
		add(t)
	}
	for _, l := range q.lanes {
		for _, t := range l.due {
			add(t)
		}
	}
	return tasks
}

// taskHeap orders tasks by when they fall due, then by their place in the file.
type taskHeap []*task

func (h taskHeap) Len() int      { return len(h) }
func (h taskHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h taskHeap) Less(i, j int) bool {
	if !h[i].Due.Equal(h[j].Due) {
		return h[i].Due.Before(h[j].Due)
	}
	return h[i].key.before(h[j].key)
}
func (h *taskHeap) Push(x any) { *h = append(*h, x.(*task)) }
func (h *taskHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}
