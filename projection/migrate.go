package projection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A Migration moves the records of a collection to another backend, or gives
// them another member as their key.
type Migration struct {
	store.Collection
	Backend  events.Backend
	KeyField string
}

// MigrationStats counts the records of a migration.
type MigrationStats struct {
	Records int // that there are
	Moved   int // of them, that had to be moved
}

// A migrator executes a migration.
type migrator struct {
	s *Store
	Migration
}

// maxProblems is the number of records that an error names.
const maxProblems = 20

// Migrate moves every record, each in a change of its own, without bill or
// output events, and checks that all are there with the data that they had. A
// migration that was interrupted continues when it is run again. With dry set it
// changes nothing.
//
// The schema with the new backend or key takes effect afterwards (see
// [Store.CheckCompatible]). Until then requests may change records under their old
// keys: the newer data is moved too, by this run or the next one. Faults: Invalid,
// naming records, where one has no valid key under KeyField, two have the same, or
// a record was changed under its old key and under its new one; Conflict where
// requests change records faster than they are moved.
func (s *Store) Migrate(ctx context.Context, to Migration, dry bool) (MigrationStats, error) {
	const op, passes = "projection.Migrate", 5
	m := &migrator{s: s, Migration: to}
	var done MigrationStats
	for range passes {
		plan, err := m.plan(ctx)
		if err != nil || dry {
			return MigrationStats{Records: plan.records, Moved: len(plan.moves)}, wrap(op, err)
		}
		done.Records = plan.records
		if len(plan.moves) == 0 && len(plan.stale) == 0 {
			return done, nil // this pass was the check
		}
		n, err := m.move(ctx, plan)
		done.Moved += n
		if err != nil {
			return done, wrap(op, err)
		}
	}
	return done, fault.Wrap(op, fault.Conflict, fault.Errorf(fault.Conflict,
		"records of %s/%s are changed faster than they are moved: stop its requests, and run this again", m.Tenant, m.Schema))
}

// A move is one record with its new key.
type move struct {
	head store.Record
	to   events.RecordKey
}

type migrationPlan struct {
	records int
	moves   []move
	stale   []store.Record // copies of records that have another new key since, or are deleted
}

// plan reads all records, and finds the new key of each.
func (m *migrator) plan(ctx context.Context) (p migrationPlan, err error) {
	const page = 500
	taken := map[events.RecordKey]events.RecordKey{} // new keys with the old ones
	copied := map[events.RecordKey]bool{}            // old keys of records that also have the new one
	var problems []string
	for after := events.RecordKey(""); ; {
		heads, err := m.s.List(ctx, m.Collection, after, page)
		if err != nil {
			return p, err
		}
		for _, h := range heads {
			after = h.Key
			if stale, err := m.checkCopy(ctx, &h); err != nil {
				return p, err
			} else if stale {
				p.stale = append(p.stale, h)
				continue
			}
			to, err := m.keyOf(&h)
			if other, clash := taken[to]; err == nil && clash {
				original, same, readErr := m.unfinished(ctx, h, other, to)
				if readErr != nil {
					return p, readErr
				}
				if same {
					copied[original] = true
				} else {
					err = fmt.Errorf("its %s %q is that of %q too", m.KeyField, to, other)
				}
			}
			if err != nil {
				problems = append(problems, fmt.Sprintf("%q: %v", h.Key, err))
				continue
			}
			taken[to] = h.Key
			if h.Backend != m.Backend || h.KeyField != m.KeyField {
				p.moves = append(p.moves, move{h, to})
			} else {
				p.records++
			}
		}
		if len(heads) < page {
			break
		}
	}
	p.records += len(p.moves) - len(copied)
	for _, mv := range p.moves {
		// The key of a record that has not moved yet is not free.
		if at, found := slices.BinarySearchFunc(p.moves, mv.to, func(m move, k events.RecordKey) int { return compareKeys(m.head.Key, k) }); found && p.moves[at].head.Key != mv.head.Key && !copied[mv.head.Key] {
			problems = append(problems, fmt.Sprintf("%q: its %s %q is the present key of another", mv.head.Key, m.KeyField, mv.to))
		}
	}
	if len(problems) > 0 {
		more := ""
		if n := len(problems) - maxProblems; n > 0 {
			problems, more = problems[:maxProblems], fmt.Sprintf("; and %d more", n)
		}
		return p, fault.Errorf(fault.Invalid, "records that cannot be moved: %s%s", strings.Join(problems, "; "), more)
	}
	return p, nil
}

// checkCopy reports whether h is a copy that a migration made of a record which a
// request has since deleted, or given another new key: nothing else changes it,
// and the move was interrupted before it deleted the original. If the move was
// completed, it clears MovedFrom.
func (m *migrator) checkCopy(ctx context.Context, h *store.Record) (stale bool, err error) {
	if h.MovedFrom.Key == "" || h.KeyField != m.KeyField {
		return false, nil
	}
	from := store.Record{Ref: store.Ref{Collection: m.Collection, Key: h.MovedFrom.Key}, Version: h.MovedFrom.Version}
	// The original is read first: the commit that deletes it also writes the
	// idempotency record that is read next.
	original, err := m.s.head(ctx, from.Ref)
	if err != nil || original.Version == from.Version {
		return false, err
	}
	moved, err := m.moved(ctx, &from, from.Key, events.Delete)
	if err != nil {
		return false, err
	}
	if moved || !m.s.Now().Before(h.Time.Add(m.s.Retention())) { // or that record may have expired
		h.MovedFrom = store.Source{}
		return false, nil
	}
	if original.Version == "" || original.KeyField == m.KeyField {
		return false, nil
	}
	if original.Deleted {
		return true, nil
	}
	to, err := m.keyOf(&original)
	return err == nil && to != h.Key, nil
}

// unfinished returns the original, if h and the record with the key other, which
// both have the key to under KeyField, are one record whose move was interrupted:
// the copy is written, the original not deleted yet.
func (m *migrator) unfinished(ctx context.Context, h store.Record, other, to events.RecordKey) (events.RecordKey, bool, error) {
	o, err := m.s.head(ctx, store.Ref{Collection: m.Collection, Key: other})
	if err != nil {
		return "", false, err
	}
	if o.Key == to {
		o, h = h, o
	}
	if h.Key != to || h.Deleted || o.Deleted || o.KeyField == m.KeyField {
		return "", false, nil
	}
	same, err := m.isCopy(ctx, &h, &o)
	return o.Key, same, err
}

// isCopy reports whether h was made by moving the original.
func (m *migrator) isCopy(ctx context.Context, h, original *store.Record) (bool, error) {
	if h.MovedFrom.Key != "" {
		return h.MovedFrom.Key == original.Key, nil
	}
	if h.KeyField == m.KeyField && store.Equal(h.Data, original.Data) {
		return true, nil // by an earlier version of the program, which did not store MovedFrom
	}
	return m.moved(ctx, original, h.Key, events.Post) // requests have changed the copy since
}

// keyOf is the key that the record will have.
func (m *Migration) keyOf(h *store.Record) (events.RecordKey, error) {
	if h.KeyField == m.KeyField {
		return h.Key, nil
	}
	var data map[string]jsontext.Value
	if err := json.Unmarshal(h.Data, &data); err != nil {
		return "", err
	}
	value := data[m.KeyField]
	switch value.Kind() {
	case '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return "", err
		}
		return events.ParseRecordKey(text)
	case '0':
		return events.ParseIntegerRecordKey(string(value))
	case 0:
		return "", fmt.Errorf("it has no %s", m.KeyField)
	}
	return "", fmt.Errorf("its %s is neither a string nor an integer", m.KeyField)
}

// move executes a plan. A record that has changed since is left to the next pass.
func (m *migrator) move(ctx context.Context, p migrationPlan) (n int, err error) {
	for _, h := range p.stale {
		if err := m.remove(ctx, h); err != nil && !isVersionConflict(err) {
			return 0, err
		}
	}
	done := make([]move, 0, len(p.moves))
	for _, mv := range p.moves {
		err := m.moveOne(ctx, mv)
		if isVersionConflict(err) {
			continue
		}
		if err != nil {
			return len(done), err
		}
		done = append(done, mv)
	}
	return len(done), m.hide(ctx, done)
}

func isVersionConflict(err error) bool {
	_, ok := errors.AsType[*store.VersionConflict](err)
	return ok
}

// moveOne writes the record under its new key, then deletes it under the old one,
// each once for a version of the record, however often it is run.
func (m *migrator) moveOne(ctx context.Context, mv move) error {
	h := mv.head
	h.Backend, h.KeyField = m.Backend, m.KeyField
	if mv.to == h.Key {
		h.Revision++
		return m.rewrite(ctx, events.Put, mv.head, mv.head.Version, h)
	}
	prior, err := m.s.head(ctx, store.Ref{Collection: m.Collection, Key: mv.to})
	if err != nil {
		return err
	}
	h.Ref, h.Revision = store.Ref{Collection: m.Collection, Key: mv.to}, prior.Revision+1
	h.MovedFrom = store.Source{Key: mv.head.Key, Version: mv.head.Version}
	write := true
	if prior.Version != "" && !prior.Deleted {
		switch same, err := m.isCopy(ctx, &prior, &mv.head); {
		case err != nil:
			return err
		case !same:
			return &store.VersionConflict{Current: prior} // the next pass names both
		}
		write = prior.MovedFrom.Key != "" && prior.MovedFrom != h.MovedFrom
	}
	if write {
		if err := m.rewrite(ctx, events.Post, mv.head, prior.Version, h); err != nil {
			return err
		}
	}
	return m.remove(ctx, mv.head)
}

// remove deletes a record that is or was moved.
func (m *migrator) remove(ctx context.Context, h store.Record) error {
	gone := h
	gone.Revision, gone.Data, gone.Deleted, gone.MovedFrom = h.Revision+1, nil, true, store.Source{}
	return m.rewrite(ctx, events.Delete, h, h.Version, gone)
}

// rewrite commits one step of a move, with an idempotency key that is made of the
// record and version that is moved.
func (m *migrator) rewrite(ctx context.Context, op events.Operation, from store.Record, prior store.Version, h store.Record) error {
	key, f := stepKey(&from, h.Key, op)
	_, err := m.s.Commit(ctx, store.Change{
		IfVersion:   prior,
		Idempotency: store.IdempotencyRecord{Key: key, Fingerprint: f, Result: store.Result{Ref: h.Ref, Operation: op}},
		Record:      &h,
	})
	return err
}

// moved reports whether a step of the move of a record was carried out. The
// ledger knows for as long as idempotency records last.
func (m *migrator) moved(ctx context.Context, from *store.Record, to events.RecordKey, op events.Operation) (bool, error) {
	key, f := stepKey(from, to, op)
	_, ok, err := m.s.StoredResult(ctx, key, f, nil)
	return ok, err
}

// stepKey is the idempotency key of a step of a move, and its fingerprint.
func stepKey(from *store.Record, to events.RecordKey, op events.Operation) (store.IdempotencyKey, store.Fingerprint) {
	f := store.Fingerprint(sha256.Sum256([]byte(from.Path() + "\x00" + string(from.Version) + "\x00" + to.Escape() + "\x00" + string(op))))
	return store.IdempotencyKey{Tenant: from.Tenant, Origin: store.OriginMigration, Value: hex.EncodeToString(f[:])}, f
}

// hide removes moved records from the objects of their old backend.
func (m *migrator) hide(ctx context.Context, moves []move) error {
	from := map[events.Backend][]store.Record{}
	for _, mv := range moves {
		if b := mv.head.Backend; b != m.Backend {
			h := mv.head
			h.Data, h.Deleted = nil, true
			from[b] = append(from[b], h)
		}
	}
	for b, heads := range from {
		c, err := m.s.collection(ctx, m.Collection)
		if err != nil {
			return err
		}
		if c.driver == nil || c.layout.Backend != b {
			continue // the schema has the new backend already: these objects are not read any more
		}
		keys := make([]events.RecordKey, len(heads))
		for i := range heads {
			keys[i] = heads[i].Key
		}
		if err := m.s.retryConflicts(ctx, func() error {
			v, err := c.driver.Open(ctx, c.id, c.layout, keys)
			if err != nil {
				return err
			}
			_, err = v.Write(ctx, heads, 0)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
