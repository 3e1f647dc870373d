package projection

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// Project lets the record's object or file show its current head, whichever
// change made it. The invocation calls it after its commit and a redelivery
// again; the relay calls it for marks that have Project set, and next writers
// make up for all before them. It answers what the caller must settle the mark
// with, and does not settle itself: what it has to say goes with the outcome of
// entries in one Settle. The settlement is empty where nothing follows.
//
// Calls at the same time for records of one file share its reads and writes.
func (s *Store) Project(ctx context.Context, ref store.Ref) (store.Progress, error) {
	const op = "projection.Project"
	l, p, err := s.layout(ctx, ref.Collection)
	if err != nil {
		return store.Progress{}, wrap(op, err)
	}
	if p == nil {
		progress, err := s.withoutProjection(ctx, ref, l)
		return progress, wrap(op, err)
	}
	j := &projectJob{key: ref.Key, turn: make(chan struct{}, 1)}
	s.queue.join(p.Object(ref), j)
	select {
	case <-j.turn:
	case <-ctx.Done():
		s.queue.leave(p.Object(ref), j)
		return store.Progress{}, wrap(op, ctx.Err())
	}
	if !j.done {
		jobs := s.queue.take(p.Object(ref))
		heads, err := s.project(ctx, ref.Collection, l, p, keysOf(jobs))
		s.queue.finish(p.Object(ref), jobs, heads, err)
	}
	switch {
	case isEnded(j.err) && ctx.Err() == nil:
		return s.Project(ctx, ref) // it was the other's time that had run out
	case j.err != nil:
		return store.Progress{}, wrap(op, j.err)
	}
	return store.Progress{Projected: j.head.Version, FileWrite: j.head.FileWrite, Recheck: s.Now().Add(s.o.Lifetime)}, nil
}

// withoutProjection is the progress of a record that has no object any more, because
// it was migrated to a backend without projection before its object was updated. There
// is none for a record that has not been migrated yet.
func (s *Store) withoutProjection(ctx context.Context, ref store.Ref, l Layout) (store.Progress, error) {
	if l.Backend == "" {
		return store.Progress{}, nil // the schema was removed: it may come back
	}
	h, err := s.Store.Get(ctx, ref)
	switch {
	case fault.Is(err, fault.NotFound):
		return store.Progress{}, nil
	case err != nil || isForeign(l, &h):
		return store.Progress{}, err
	}
	return store.Progress{Projected: h.Version}, nil
}

// Recheck compares object and head once more, when no invocation can be left
// that knew an older head: it brings back what a late one took away, and adopts
// what a person changed. The relay calls it for marks whose Recheck is past.
func (s *Store) Recheck(ctx context.Context, ref store.Ref) (store.Progress, error) {
	const op = "projection.Recheck"
	l, p, err := s.layout(ctx, ref.Collection)
	if err != nil {
		return store.Progress{}, wrap(op, err)
	}
	if p != nil {
		if err := s.recheck(ctx, ref, l, p); err != nil {
			return store.Progress{}, wrap(op, err)
		}
	}
	return store.Progress{Rechecked: true}, nil
}

func (s *Store) recheck(ctx context.Context, ref store.Ref, l Layout, p Projection) error {
	return s.retryConflicts(ctx, func() error {
		v, err := p.Open(ctx, ref.Collection, l, []events.RecordKey{ref.Key})
		if err != nil {
			return err
		}
		h, err := s.head(ctx, ref)
		if err != nil {
			return err
		}
		if isForeign(l, &h) {
			return nil // it is being migrated
		}
		shown := v.Observed(ref.Key)
		verdict := s.resolve(&h, shown)
		if verdict == importObserved && shown.Absent() {
			verdict = keepRecord // a late delete of ours looks the same: a record is not lost on a guess
		}
		switch verdict {
		case importObserved:
			_, err := s.importEdit(ctx, l, h, shown)
			return err
		case keepRecord:
			if h.Version == "" || matches(&h, shown) {
				return nil
			}
			s.logOverwritten(ctx, l, &h, shown)
			_, err := s.write(ctx, ref.Collection, l, v, []store.Record{h})
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

// project writes the current heads of the records to their object, and returns
// them with the number of the write.
func (s *Store) project(ctx context.Context, c store.Collection, l Layout, p Projection, keys []events.RecordKey) (map[events.RecordKey]store.Record, error) {
	var current map[events.RecordKey]store.Record
	err := s.retryConflicts(ctx, func() error {
		var v Snapshot
		if len(keys) == 1 && !p.Shared() {
			v = s.views.take(store.Ref{Collection: c, Key: keys[0]})
		}
		kept := v != nil
		var dirty []store.Record
		// A head is read after the object: one that was read earlier could be
		// written over what a younger one has left there.
		read := func() (err error) {
			if v == nil {
				if v, err = p.Open(ctx, c, l, keys); err != nil {
					return err
				}
			}
			current, dirty, err = s.currentHeads(ctx, c, l, keys)
			return err
		}
		if err := read(); err != nil {
			return err
		}
		if kept && len(dirty) == 1 && matches(&dirty[0], v.Observed(keys[0])) {
			// There would be no write to find out that the object has changed since.
			v = nil
			if err := read(); err != nil {
				return err
			}
		}
		if len(dirty) == 0 {
			return nil
		}
		for i := range dirty {
			s.logOverwritten(ctx, l, &dirty[i], v.Observed(dirty[i].Key))
		}
		n, err := s.write(ctx, c, l, v, dirty)
		for _, h := range dirty {
			h.FileWrite = n
			current[h.Key] = h
		}
		return err
	})
	return current, err
}

// currentHeads reads the heads of records, and returns those of them that their
// object does not show yet. Records of another backend are left out: they are being
// migrated, and another schema will show them. Whether an object still shows a record
// that was deleted under another backend is not known, so that it counts as shown.
func (s *Store) currentHeads(ctx context.Context, c store.Collection, l Layout, keys []events.RecordKey) (current map[events.RecordKey]store.Record, dirty []store.Record, err error) {
	current = make(map[events.RecordKey]store.Record, len(keys))
	for _, k := range keys {
		h, err := s.head(ctx, store.Ref{Collection: c, Key: k})
		if err != nil {
			return nil, nil, err
		}
		if h.Version == "" || isForeign(l, &h) {
			continue
		}
		current[k] = h
		if h.Unprojected || h.Backend != l.Backend {
			dirty = append(dirty, h)
		}
	}
	return current, dirty, nil
}

// A snapshotCache keeps what was read of single objects from the reading of a
// record to its change, which saves a read for each change: where the object has
// changed since, the conditional write fails and the object is read again.
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

// write writes heads, with what must go along where a person has changed the file.
// It returns the number of the write, greater than those of the heads that are
// written: numbers go on although the object has been lost.
func (s *Store) write(ctx context.Context, c store.Collection, l Layout, v Snapshot, heads []store.Record) (int64, error) {
	if keys, edited := v.ExternallyEdited(); edited {
		more, err := s.importEdits(ctx, c, l, v, keys)
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

// untilWritten tries again while rivals are faster and the context allows.
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
			// What a bucket refuses is our trouble, not the caller's request.
			return &fault.Error{Code: fault.Unavailable, Err: err}
		}
		return err
	}
}

func isEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// head reads a head; the zero one with its Ref where there is none.
func (s *Store) head(ctx context.Context, ref store.Ref) (store.Record, error) {
	h, err := s.Store.Get(ctx, ref)
	if fault.Is(err, fault.NotFound) {
		return store.Record{Ref: ref}, nil
	}
	return h, err
}

// tellOverwritten logs that what a person wrote gives way to a change of ours.
func (s *Store) logOverwritten(ctx context.Context, l Layout, h *store.Record, shown Observed) {
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
	s.logEdit(ctx, l, h.Ref, message, shown.Err)
}

func (s *Store) logEdit(ctx context.Context, l Layout, ref store.Ref, message string, err error) {
	attributes := []slog.Attr{
		slog.String("tenant", string(ref.Tenant)), slog.String("schema", string(ref.Schema)), slog.String("backend", string(l.Backend)),
	}
	if !l.HideKey {
		attributes = append(attributes, slog.String("key", string(ref.Key)))
	}
	if err != nil {
		attributes = append(attributes, slog.String("error", err.Error()))
	}
	slog.LogAttrs(ctx, slog.LevelWarn, message, attributes...)
}

// A projectQueue lets calls that concern one object take turns: who has the turn
// works for all that wait.
type projectQueue struct {
	mu      sync.Mutex
	objects map[string]*projectTurns
}

type projectTurns struct {
	waiting []*projectJob
}

type projectJob struct {
	key  events.RecordKey
	turn chan struct{} // says that done is set, or that this one has the turn

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
	return keys
}

// join waits in line; the first has the turn at once.
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

// take answers all that wait; the caller has the turn and is among them.
func (q *projectQueue) take(object string) []*projectJob {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.objects[object].waiting
	q.objects[object].waiting = nil
	return jobs
}

// finish tells the jobs what came of them and gives the turn on.
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

// next gives the turn to who waits longest; q.mu is held.
func (q *projectQueue) next(object string) {
	if waiting := q.objects[object].waiting; len(waiting) > 0 {
		waiting[0].turn <- struct{}{}
	} else {
		delete(q.objects, object)
	}
}

// leave gives up waiting, and the turn if it has come meanwhile.
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
