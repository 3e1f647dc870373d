package projection

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// Project writes the current state of a record to its object or file, whichever change
// it comes from. The invocation calls it after its commit, a redelivery calls it again,
// and the relay for idempotency records with NeedsProjection. It returns the progress,
// which the caller saves together with the results of publishing. The progress is zero
// if the record is not projected.
//
// Concurrent calls for records of one file share its reads and writes.
func (s *Store) Project(ctx context.Context, ref store.Ref) (store.Progress, error) {
	const op = "projection.Project"
	c, err := s.collection(ctx, ref.Collection)
	if err != nil {
		return store.Progress{}, wrap(op, err)
	}
	if c.driver == nil {
		progress, err := c.withoutProjection(ctx, ref)
		return progress, wrap(op, err)
	}
	object := c.driver.Object(ref)
	j := &projectJob{key: ref.Key, turn: make(chan struct{}, 1)}
	s.queue.join(object, j)
	select {
	case <-j.turn:
	case <-ctx.Done():
		s.queue.leave(object, j)
		return store.Progress{}, wrap(op, ctx.Err())
	}
	if !j.done {
		jobs := s.queue.take(object)
		heads, err := c.project(ctx, keysOf(jobs))
		s.queue.finish(object, jobs, heads, err)
	}
	switch {
	case isEnded(j.err) && ctx.Err() == nil:
		return s.Project(ctx, ref) // the context of another call has ended, not this one
	case j.err != nil:
		return store.Progress{}, wrap(op, j.err)
	}
	progress := store.Progress{Projected: j.head.Version, FileWrite: j.head.FileWrite, Recheck: s.Now().Add(s.o.Lifetime)}
	if progress.Projected != "" {
		progress.Ref, progress.Expires = ref, j.head.Expires
	}
	return progress, nil
}

// withoutProjection is the progress of a record that has no object any more, because
// it was migrated to a backend without projection before its object was updated. There
// is none for a record that has not been migrated yet.
func (c *collection) withoutProjection(ctx context.Context, ref store.Ref) (store.Progress, error) {
	if c.layout.Backend == "" {
		return store.Progress{}, nil // the schema was removed: it may come back
	}
	h, err := c.s.Store.Get(ctx, ref)
	switch {
	case fault.Is(err, fault.NotFound):
		return store.Progress{}, nil
	case err != nil || c.isForeign(&h):
		return store.Progress{}, err
	}
	return store.Progress{Projected: h.Version}, nil
}

// Recheck compares object and record once more, when no invocation that knows an older
// record can still run: it corrects what a slow writer wrote or deleted, and imports
// external edits. The relay calls it for idempotency records whose Recheck is past.
func (s *Store) Recheck(ctx context.Context, ref store.Ref) (store.Progress, error) {
	const op = "projection.Recheck"
	c, err := s.collection(ctx, ref.Collection)
	if err != nil {
		return store.Progress{}, wrap(op, err)
	}
	if c.driver != nil {
		if err := c.recheck(ctx, ref); err != nil {
			return store.Progress{}, wrap(op, err)
		}
	}
	return store.Progress{Rechecked: true}, nil
}

func (c *collection) recheck(ctx context.Context, ref store.Ref) error {
	return c.s.retryConflicts(ctx, func() error {
		v, err := c.driver.Open(ctx, c.id, c.layout, []events.RecordKey{ref.Key})
		if err != nil {
			return err
		}
		h, err := c.s.head(ctx, ref)
		if err != nil {
			return err
		}
		if c.isForeign(&h) {
			return nil // it is being migrated
		}
		shown := v.Observed(ref.Key)
		verdict := c.s.resolve(&h, shown)
		if verdict == importObserved && shown.Absent() {
			verdict = keepRecord // it may have been deleted by a slow writer: a record is not lost on a guess
		}
		switch verdict {
		case importObserved:
			_, err := c.importEdit(ctx, h, shown)
			return err
		case keepRecord:
			if h.Version == "" || matches(&h, shown) {
				return nil
			}
			c.logOverwritten(ctx, &h, shown)
			_, err := c.write(ctx, v, []store.Record{h})
			return err
		}
		return shown.Err
	})
}

// matches reports whether the object contains this state of the record.
func matches(h *store.Record, shown Observed) bool {
	if h.Deleted || shown.Data == nil {
		return h.Deleted && shown.Data == nil
	}
	return store.Equal(h.Data, shown.Data)
}

// project writes the current state of records to their object, and returns them with
// the number of the write.
func (c *collection) project(ctx context.Context, keys []events.RecordKey) (map[events.RecordKey]store.Record, error) {
	var current map[events.RecordKey]store.Record
	err := c.s.retryConflicts(ctx, func() error {
		var v Snapshot
		if len(keys) == 1 && !c.driver.Shared() {
			v = c.s.views.take(store.Ref{Collection: c.id, Key: keys[0]})
		}
		kept := v != nil
		var dirty []store.Record
		// A record is read after its object: one that was read earlier could replace
		// a newer one that was written meanwhile.
		read := func() (err error) {
			if v == nil {
				if v, err = c.driver.Open(ctx, c.id, c.layout, keys); err != nil {
					return err
				}
			}
			current, dirty, err = c.currentHeads(ctx, keys)
			return err
		}
		if err := read(); err != nil {
			return err
		}
		if kept && len(dirty) == 1 && matches(&dirty[0], v.Observed(keys[0])) {
			// No conditional write would detect that the object has changed since.
			v = nil
			if err := read(); err != nil {
				return err
			}
		}
		if len(dirty) == 0 {
			return nil
		}
		for i := range dirty {
			c.logOverwritten(ctx, &dirty[i], v.Observed(dirty[i].Key))
		}
		n, err := c.write(ctx, v, dirty)
		for _, h := range dirty {
			h.FileWrite = n
			current[h.Key] = h
		}
		return err
	})
	return current, err
}

// currentHeads reads records, and returns those that their object does not contain yet.
// Records of another backend are left out: they are being migrated, and will be
// projected under another schema. Whether an object still contains a record that was
// deleted under another backend is not known, so that it counts as containing it.
func (c *collection) currentHeads(ctx context.Context, keys []events.RecordKey) (current map[events.RecordKey]store.Record, dirty []store.Record, err error) {
	current = make(map[events.RecordKey]store.Record, len(keys))
	for _, k := range keys {
		h, err := c.s.head(ctx, store.Ref{Collection: c.id, Key: k})
		if err != nil {
			return nil, nil, err
		}
		if h.Version == "" || c.isForeign(&h) {
			continue
		}
		current[k] = h
		if h.Unprojected || h.Backend != c.layout.Backend {
			dirty = append(dirty, h)
		}
	}
	return current, dirty, nil
}

// A snapshotCache holds the snapshot of an object from the reading of a record to its
// change, which saves one read for each change: if the object has changed since, the
// conditional write fails and the object is read again.
type snapshotCache struct {
	mu    sync.Mutex
	views map[store.Ref]Snapshot
}

func (m *snapshotCache) keep(r store.Ref, p Projection, v Snapshot) {
	const most = 32 // of at most [MaxItem] each; a miss costs one read
	if p.Shared() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.views == nil || len(m.views) >= most {
		m.views = make(map[store.Ref]Snapshot)
	}
	m.views[r] = v
}

func (m *snapshotCache) take(r store.Ref) Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.views[r]
	delete(m.views, r)
	return v
}

// write writes records, with the rows that must be written too if the file was edited
// externally. It returns the number of the write, greater than those of the records
// that are written: numbers continue even if the object was lost.
func (c *collection) write(ctx context.Context, v Snapshot, heads []store.Record) (int64, error) {
	if keys, edited := v.ExternallyEdited(); edited {
		more, err := c.importEdits(ctx, v, keys)
		if err != nil {
			return 0, err
		}
		named := make(map[events.RecordKey]bool, len(heads))
		for i := range heads {
			named[heads[i].Key] = true
		}
		for _, h := range more {
			if !named[h.Key] {
				heads = append(heads, h)
			}
		}
	}
	var after int64
	for i := range heads {
		after = max(after, heads[i].FileWrite)
	}
	return v.Write(ctx, heads, after)
}

// retryConflicts repeats try after write conflicts, as long as the context allows.
func (s *Store) retryConflicts(ctx context.Context, try func() error) error {
	for attempt := 0; ; attempt++ {
		err := try()
		if err == nil {
			return nil
		}
		if fault.Is(err, fault.Precondition) && s.pause(ctx, attempt) {
			continue
		}
		if fault.IsRejection(err) {
			// A rejection by the bucket is a fault of the router, not of the request.
			return &fault.Error{Code: fault.Unavailable, Err: err}
		}
		return err
	}
}

func isEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// head reads a record from the ledger; a zero one with its Ref if there is none.
func (s *Store) head(ctx context.Context, ref store.Ref) (store.Record, error) {
	h, err := s.Store.Get(ctx, ref)
	if fault.Is(err, fault.NotFound) {
		return store.Record{Ref: ref}, nil
	}
	return h, err
}

// logOverwritten logs that an external edit is overwritten.
func (c *collection) logOverwritten(ctx context.Context, h *store.Record, shown Observed) {
	if shown.Managed || matches(h, shown) {
		return
	}
	message := "overwrote what was changed by hand while a change was under way"
	switch r := shown.Row; {
	case shown.Data == nil && shown.Err == nil && (h.Unprojected || r == nil):
		return // it has not been shown before
	case h.Unprojected || r == nil || shown.Err != nil:
	case shown.Data == nil:
		message = "restored a row that is missing from an older copy of the file"
	case h.Deleted:
		message = "removed the row of a deleted record; for a new record, leave its _version empty"
	default:
		message = "overwrote a row that was changed by hand in an older copy of the file: its _version is not the record's"
	}
	c.logEdit(ctx, h.Ref, message, shown.Err)
}

func (c *collection) logEdit(ctx context.Context, ref store.Ref, message string, err error) {
	attributes := []slog.Attr{
		slog.String("tenant", string(ref.Tenant)), slog.String("schema", string(ref.Schema)), slog.String("backend", string(c.layout.Backend)),
	}
	if !c.layout.HideKey {
		attributes = append(attributes, slog.String("key", string(ref.Key)))
	}
	if err != nil {
		attributes = append(attributes, slog.String("error", err.Error()))
	}
	slog.LogAttrs(ctx, slog.LevelWarn, message, attributes...)
}

// A projectQueue serializes the calls for one object: the call that has the turn
// projects the records of all that wait.
type projectQueue struct {
	mu      sync.Mutex
	objects map[string]*projectTurns
}

type projectTurns struct {
	waiting []*projectJob
}

type projectJob struct {
	key  events.RecordKey
	turn chan struct{} // receives when done is set, or when this job has the turn

	done bool
	head store.Record
	err  error
}

func keysOf(jobs []*projectJob) []events.RecordKey {
	keys := make([]events.RecordKey, 0, len(jobs))
	seen := make(map[events.RecordKey]bool, len(jobs))
	for _, j := range jobs {
		if !seen[j.key] {
			seen[j.key] = true
			keys = append(keys, j.key)
		}
	}
	slices.Sort(keys)
	return keys
}

// join appends a job to the queue; the first has the turn at once.
func (q *projectQueue) join(object string, j *projectJob) {
	q.mu.Lock()
	defer q.mu.Unlock()
	turns, busy := q.objects[object]
	if !busy {
		if q.objects == nil {
			q.objects = make(map[string]*projectTurns)
		}
		turns = new(projectTurns)
		q.objects[object] = turns
		j.turn <- struct{}{}
	}
	turns.waiting = append(turns.waiting, j)
}

// take returns all jobs that wait; the caller has the turn and is one of them.
func (q *projectQueue) take(object string) []*projectJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.objects[object].waiting
	q.objects[object].waiting = nil
	return jobs
}

// finish sets the results of the jobs and passes the turn on.
func (q *projectQueue) finish(object string, jobs []*projectJob, heads map[events.RecordKey]store.Record, err error) {
	for i, j := range jobs {
		j.done, j.head, j.err = true, heads[j.key], err
		if i > 0 {
			j.turn <- struct{}{}
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next(object)
}

// next gives the turn to the job that has waited longest; q.mu is held.
func (q *projectQueue) next(object string) {
	if waiting := q.objects[object].waiting; len(waiting) > 0 {
		waiting[0].turn <- struct{}{}
	} else {
		delete(q.objects, object)
	}
}

// leave removes a job from the queue, and passes its turn on if it has it.
func (q *projectQueue) leave(object string, j *projectJob) {
	q.mu.Lock()
	defer q.mu.Unlock()
	turns, ok := q.objects[object]
	if !ok {
		return
	}
	for i, w := range turns.waiting {
		if w != j {
			continue
		}
		turns.waiting = append(turns.waiting[:i:i], turns.waiting[i+1:]...)
		select {
		case <-j.turn:
			q.next(object)
		default:
		}
		return
	}
}
