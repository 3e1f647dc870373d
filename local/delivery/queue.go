package delivery

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// A queue starts tasks when they fall due, at most limit at a time for each
// target, so that a slow target does not delay the others. It promises no
// order.
type queue struct {
	limit int // for each target
	now   func() time.Time
	poll  time.Duration
	wake  chan struct{}

	mu    sync.Mutex
	later taskHeap
	lanes map[string]*lane // by the target's ARN
	busy  map[*Task]int    // running tasks; one may be queued again before its worker has left it
	held  int              // tasks that are not running
	ends  int              // attempts that have ended, but are not yet committed
}

// lane holds one target's tasks that are due.
type lane struct {
	due     []*Task
	running int
}

func newQueue(limit int, now func() time.Time, poll time.Duration) *queue {
	return &queue{limit: limit, now: now, poll: poll, wake: make(chan struct{}, 1), lanes: map[string]*lane{}, busy: map[*Task]int{}}
}

// maxEventsHeld is how many waiting tasks keep their event in memory.
const maxEventsHeld = 1000

// add queues tasks that are on disk.
func (q *queue) add(tasks ...*Task) {
	if len(tasks) == 0 {
		return
	}
	q.mu.Lock()
	for _, t := range tasks {
		if q.held++; q.held > maxEventsHeld {
			t.Event = nil // it is read from disk when the task is due
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
func (q *queue) run(ctx context.Context, attempt func(*Task)) {
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

// start moves tasks that are due into their lanes and returns those that may
// begin now.
func (q *queue) start() []*Task {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	var begin []*Task
	for len(q.later) > 0 && !q.later[0].Due.After(now) {
		t := heap.Pop(&q.later).(*Task)
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

// next ends done and returns the target's next task, or nil if there is none or
// ctx has ended.
func (q *queue) next(ctx context.Context, done *Task) *Task {
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
	// Tasks left because ctx has ended wait for the next run.
	for _, t := range l.due {
		heap.Push(&q.later, t)
	}
	delete(q.lanes, done.Target.Arn)
	return nil
}

// pause returns the time until the next task is due, at most poll, because the
// clock may jump.
func (q *queue) pause() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.later) == 0 {
		return q.poll
	}
	return min(max(q.later[0].Due.Sub(q.now()), time.Millisecond), q.poll)
}

// ending adds n to the attempts that are not yet committed.
func (q *queue) ending(n int) {
	q.mu.Lock()
	q.ends += n
	q.mu.Unlock()
}

// counts returns how many tasks are due, running or not yet committed, and how
// many are due later.
func (q *queue) counts() (due, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	due = len(q.busy) + q.ends
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
func (q *queue) of(seq uint64) []Task {
	q.mu.Lock()
	defer q.mu.Unlock()
	var tasks []Task
	add := func(t *Task) {
		if t.eventSeq() == seq {
			tasks = append(tasks, *t)
		}
	}
	for t := range q.busy { // the worker changes the other fields
		add(&Task{Seq: t.Seq, N: t.N, Origin: t.Origin, Rule: t.Rule, Target: Target{Arn: t.Target.Arn}})
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
type taskHeap []*Task

func (h taskHeap) Len() int      { return len(h) }
func (h taskHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h taskHeap) Less(i, j int) bool {
	if !h[i].Due.Equal(h[j].Due) {
		return h[i].Due.Before(h[j].Due)
	}
	return h[i].before(h[j])
}
func (h *taskHeap) Push(x any) { *h = append(*h, x.(*Task)) }
func (h *taskHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}
