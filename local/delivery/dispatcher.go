package delivery

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/metrics"
	"github.com/blockforger/eventrouter/local/sqs"
)

// A Deliverer delivers tasks to the targets of one AWS service. Deliver returns
// nil only after the target has taken the event; the task then ends. A
// *Error says why the target did not take it and whether a retry can
// help; after any other error the delivery is retried. Deliver may be called
// concurrently, and more than once for the same task.
type Deliverer interface {
	Deliver(ctx context.Context, t *Task) error
}

// An Invoker is a Deliverer whose targets are invoked after the delivery, with
// retries of their own, as Lambda invokes functions. Invoke runs one invocation
// and returns nil if it succeeded.
type Invoker interface {
	Deliverer
	Invoke(ctx context.Context, t *Task) *Failure
}

// A Error says why a target did not take an event, with EventBridge's
// error code.
type Error struct {
	Code, Message string
	Retry         bool // a retry can help, as after a 5xx or a throttle
}

// Permanent returns an Error after which a retry cannot help.
func Permanent(code, message string) *Error { return &Error{Code: code, Message: message} }

// Retryable returns an Error after which a retry can help.
func Retryable(code, message string) *Error { return &Error{Code: code, Message: message, Retry: true} }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Options configures a Dispatcher. All fields are required.
type Options struct {
	Log       *slog.Logger
	Now       func() time.Time
	Metrics   *metrics.Metrics
	Queues    *sqs.Queues        // holds the dead-letter queues
	Sequence  *datafile.Sequence // numbers tasks and dead letters
	ReadEvent EventReader
	// RetryDelays are the waits before the retries of an invocation; their number
	// is that of the retries.
	RetryDelays []time.Duration
	MaxEventAge time.Duration // how long an invocation is retried
	Concurrency int           // how many tasks of one target run at a time
	PollEvery   time.Duration // how late a jump of the clock may be noticed
	Chaos       *Chaos
}

// A Dispatcher stores tasks, runs them when they are due, retries those that
// fail, and keeps those that it gives up as dead letters. A task is removed only
// after its target has taken the event: delivery is at least once. It is safe
// for concurrent use.
type Dispatcher struct {
	Options

	file      *datafile.File
	targets   map[string]Deliverer // by service
	queue     *queue
	completer *completer
	outcomes  outcomes
	letters   DeadLetters
}

// New returns a Dispatcher without targets.
func New(file *datafile.File, opts Options) *Dispatcher {
	d := &Dispatcher{
		Options:  opts,
		file:     file,
		targets:  map[string]Deliverer{},
		queue:    newQueue(opts.Concurrency, opts.Now, opts.PollEvery),
		outcomes: outcomes{file},
	}
	d.completer = newCompleter(file, d.queue, opts.Log)
	d.letters = DeadLetters{file, d}
	return d
}

// Register sets the Deliverer of a service: the third part of a target's ARN, or
// "api-destination". All are registered before Run.
func (d *Dispatcher) Register(service string, targets Deliverer) { d.targets[service] = targets }

// Load queues the stored tasks.
func (d *Dispatcher) Load() error {
	return d.file.Each(BucketTasks, nil, func(key, record []byte) (bool, error) {
		t, err := decodeTask(key, record)
		if err == nil {
			d.queue.add(t)
		}
		return err == nil, err
	})
}

// Write returns the write that stores a task. After its commit the caller calls
// Add.
func (d *Dispatcher) Write(t *Task) (datafile.Write, error) {
	record, err := json.Marshal(t, jsontext.AllowDuplicateNames(true))
	if err != nil {
		return datafile.Write{}, fault.Wrap("store task", fault.Internal, err)
	}
	return d.file.Put(BucketTasks, t.key(), record), nil
}

// Add queues tasks that have been stored.
func (d *Dispatcher) Add(tasks ...*Task) { d.queue.add(tasks...) }

// Run runs tasks until ctx ends, waits for those that are running, and returns.
// The others resume with the next Run, in this process or another.
func (d *Dispatcher) Run(ctx context.Context) {
	ended, completed := make(chan struct{}), make(chan struct{})
	go func() { d.completer.run(ended); close(completed) }()
	d.queue.run(ctx, func(t *Task) { d.attempt(ctx, t) })
	close(ended)
	<-completed
}

// DeadLetters returns the deliveries that were given up.
func (d *Dispatcher) DeadLetters() *DeadLetters { return &d.letters }

// Pending returns how many tasks are due or running, including those whose end is
// not yet durable, and how many wait for a retry.
func (d *Dispatcher) Pending() (due, waiting int) { return d.queue.counts() }

// attempt runs the current stage of a task, and the next one after a successful
// delivery to an Invoker.
func (d *Dispatcher) attempt(ctx context.Context, t *Task) {
	target := d.targets[serviceOf(t.Target.Arn)]
	if t.Stage == StageDeliver && !d.deliver(ctx, t, target) {
		return
	}
	d.invoke(ctx, t, target)
}

// serviceOf returns the service of a target's ARN. API destinations have one of
// their own, although their ARNs belong to EventBridge.
func serviceOf(arn string) string {
	part := strings.SplitN(arn, ":", 6)
	switch {
	case len(part) < 6:
		return ""
	case part[2] == "events" && strings.HasPrefix(part[5], apiDestination+"/"):
		return apiDestination
	}
	return part[2]
}

// apiDestination is the service of API destinations.
const apiDestination = "api-destination"

// The buckets that the file must have.
const (
	BucketTasks       = "tasks"       // event sequence number, task number
	BucketDeadLetters = "deadletters" // sequence number
	BucketOutcomes    = "outcomes"    // event sequence number, task key: how the delivery ended
)

// ack ends a task whose target has taken the event.
func (d *Dispatcher) ack(t *Task) {
	end := t.completion
	end.writes = append(d.endWrites(t, Delivered, ""), end.writes...)
	d.completer.add(end)
}

// endWrites returns the writes that end a task and store its outcome.
func (d *Dispatcher) endWrites(t *Task, state State, queue string) []datafile.Write {
	writes := []datafile.Write{d.file.Remove(BucketTasks, t.key())}
	stored, err := d.outcomes.write(t, state, queue)
	if err != nil { // strings and a number
		d.Log.Error("the outcome of a delivery cannot be stored", "error", err)
	}
	return append(writes, stored...)
}

// reschedule stores a task for its next attempt after the wait.
func (d *Dispatcher) reschedule(t *Task, wait time.Duration) {
	t.Due = d.Now().Add(wait)
	t.Event, t.body = nil, nil // read again later: many tasks may wait for long
	w, err := d.Write(t)
	if err != nil {
		d.Log.Error("a task could not be stored for its retry; it is retried after a restart", "error", err)
		return
	}
	d.completer.add(completion{writes: []datafile.Write{w}})
	d.queue.add(t)
}

// function returns the name of the function in the target's ARN.
func (t *Task) function() string {
	_, name, _ := strings.Cut(t.Target.Arn, ":function:")
	name, _, _ = strings.Cut(name, ":")
	return name
}

// ruleName returns the rule's name, by which metrics are counted.
func (t *Task) ruleName() string { return t.Rule[strings.LastIndexByte(t.Rule, '/')+1:] }

// A Status is how far an event has come to one target.
type Status struct {
	Rule, Target string // ARNs
	State        State
	Attempts     int       // so far; at least 1 once the delivery has ended
	Due          time.Time // when a waiting delivery is retried
	LastError    string
	Queue        string // the dead-letter queue that got the event
}

// A State is the state of a delivery.
type State string

const (
	Delivered State = "delivered"
	Waiting   State = "waiting" // for its time, or running
	GivenUp   State = "given up"
)

// Deliveries returns the status of an event's deliveries, except those that
// succeeded at once: nothing is stored about them.
func (d *Dispatcher) Deliveries(event uint64) ([]Status, error) {
	var list []Status
	waiting := func(t *Task) {
		list = append(list, Status{Rule: t.Rule, Target: t.Target.Arn, State: Waiting, Attempts: t.Failures, Due: t.Due, LastError: t.LastError})
	}
	queued := map[uint32]bool{}
	for _, t := range d.queue.of(event) {
		waiting(&t)
		queued[t.N] = t.Seq == event || queued[t.N]
	}
	// A task that has left the queue has ended when its end is committed, which
	// removes the task.
	if err := d.file.Each(BucketTasks, datafile.SeqKey(event), func(key, record []byte) (bool, error) {
		if datafile.SeqOf(key) != event {
			return false, nil
		}
		t, err := decodeTask(key, record)
		if err == nil && !queued[t.N] {
			waiting(t)
		}
		return true, err
	}); err != nil {
		return nil, err
	}
	ended, err := d.outcomes.of(event)
	if err != nil {
		return nil, err
	}
	for _, o := range ended {
		list = append(list, Status{Rule: o.Rule, Target: o.Target, State: o.State, Attempts: o.Attempts, LastError: o.LastError, Queue: o.Queue})
	}
	letters, err := d.letters.List()
	if err != nil {
		return nil, err
	}
	for _, l := range letters {
		if c := l.Record.RequestContext; l.Event == event {
			list = append(list, Status{Rule: l.Rule, Target: l.Target, State: GivenUp, Attempts: c.ApproximateInvokeCount, LastError: c.Condition})
		}
	}
	return list, nil
}

// Undelivered returns the sequence numbers of the events that have tasks.
func (d *Dispatcher) Undelivered() (map[uint64]bool, error) {
	pending := map[uint64]bool{}
	err := d.file.Keys(BucketTasks, nil, func(key []byte) bool {
		pending[datafile.SeqOf(key)] = true
		return true
	})
	return pending, err
}

// TrimOutcomes removes the outcomes of events before oldest, except those that
// are still undelivered.
func (d *Dispatcher) TrimOutcomes(ctx context.Context, oldest uint64, undelivered map[uint64]bool) error {
	return d.outcomes.trim(ctx, oldest, undelivered)
}
