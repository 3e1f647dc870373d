package store

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
)

// A Migration moves the records of a collection to another backend, or gives
// them another member as their key.
type Migration struct {
	Collection
	Backend  events.Backend
	KeyField string
}

// MigrationStats tells of a migration.
type MigrationStats struct {
	Records int // that there are
	Moved   int // of them, that had to be moved
}

// maxProblems is how many records a refusal names.
const maxProblems = 20

// Migrate moves every record, each in a change of its own, without bill or
// output events, and checks that all are there with the data that they had. A
// migration that was interrupted is taken up where it stopped. With dry set it
// only looks.
//
// The schema that says so comes into force afterwards (see [Store.CheckCompatible]); until
// then requests may write records that are not moved, so that it is run again,
// or traffic is stopped. Faults: Invalid, naming records, where one has no good
// key under KeyField or two have the same; Conflict where requests have changed
// records all the while.
func (s *Store) Migrate(ctx context.Context, m Migration, dry bool) (MigrationStats, error) {
	const op, passes = "store.Migrate", 5
	var done MigrationStats
	for range passes {
		plan, err := s.planMigration(ctx, m)
		if err != nil || dry {
			return MigrationStats{Records: plan.records, Moved: len(plan.moves)}, wrap(op, err)
		}
		done.Records = plan.records
		if len(plan.moves) == 0 {
			return done, nil // this pass was the check
		}
		n, err := s.move(ctx, m, plan.moves)
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
	head Record
	to   events.RecordKey
}

type migrationPlan struct {
	records int
	moves   []move
}

// planMigration reads all records, and finds the new key of each.
func (s *Store) planMigration(ctx context.Context, m Migration) (p migrationPlan, err error) {
	const page = 500
	taken := map[events.RecordKey]events.RecordKey{} // new keys with the old ones
	var problems []string
	for after := events.RecordKey(""); ; {
		heads, err := s.List(ctx, m.Collection, after, page)
		if err != nil {
			return p, err
		}
		for _, h := range heads {
			after = h.Key
			to, err := m.keyOf(&h)
			if other, clash := taken[to]; err == nil && clash && !s.half(ctx, m, h, other) {
				err = fmt.Errorf("its %s %q is that of %q too", m.KeyField, to, other)
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
	p.records += len(p.moves)
	for _, mv := range p.moves {
		// The key of a record that has not moved yet is not free.
		if at, found := slices.BinarySearchFunc(p.moves, mv.to, func(m move, k events.RecordKey) int { return compareKeys(m.head.Key, k) }); found && p.moves[at].head.Key != mv.head.Key {
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

// half reports whether h and the record with another key are the two halves of a
// move that was interrupted: the new one is there, the old one is not gone yet.
func (s *Store) half(ctx context.Context, m Migration, h Record, other events.RecordKey) bool {
	o, err := s.driver.Record(ctx, Ref{m.Collection, other})
	return err == nil && Equal(o.Data, h.Data) && (o.KeyField == m.KeyField) != (h.KeyField == m.KeyField)
}

// keyOf is the key that the record will have.
func (m *Migration) keyOf(h *Record) (events.RecordKey, error) {
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

// move carries moves out. A record that has changed since is left to the next pass.
func (s *Store) move(ctx context.Context, m Migration, moves []move) (n int, err error) {
	for _, mv := range moves {
		err := s.moveOne(ctx, m, mv)
		if _, changed := errors.AsType[*VersionConflict](err); changed {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, s.hide(ctx, m, moves)
}

func (s *Store) moveOne(ctx context.Context, m Migration, mv move) error {
	h := mv.head
	h.Backend, h.KeyField = m.Backend, m.KeyField
	if mv.to == h.Key {
		h.Revision++
		return s.rewrite(ctx, m, events.Put, mv.head.Version, h)
	}
	prior, err := s.head(ctx, Ref{m.Collection, mv.to})
	if err != nil {
		return err
	}
	h.Ref, h.Revision = Ref{m.Collection, mv.to}, prior.Revision+1
	if !(prior.KeyField == m.KeyField && !prior.Deleted && Equal(prior.Data, h.Data)) {
		if err := s.rewrite(ctx, m, events.Post, prior.Version, h); err != nil {
			return err
		}
	}
	old := mv.head
	old.Revision, old.Data, old.Deleted = old.Revision+1, nil, true
	return s.rewrite(ctx, m, events.Delete, mv.head.Version, old)
}

// rewrite commits a head under a mark that is made of what it replaces and what
// it becomes, so that it happens once.
func (s *Store) rewrite(ctx context.Context, m Migration, op events.Operation, prior Version, h Record) error {
	f := Fingerprint(sha256.Sum256([]byte(h.Path() + "\x00" + string(prior) + "\x00" + string(m.Backend) + "\x00" + m.KeyField + "\x00" + string(op))))
	_, err := s.Commit(ctx, Change{
		IfVersion: prior,
		Idempotency: IdempotencyRecord{
			Key:         IdempotencyKey{Tenant: h.Tenant, Origin: OriginMigration, Value: hex.EncodeToString(f[:])},
			Fingerprint: f,
			Result:      Result{Ref: h.Ref, Operation: op},
		},
		Record: &h,
	})
	return err
}

// hide takes what was moved out of the objects of the backend that it came from.
func (s *Store) hide(ctx context.Context, m Migration, moves []move) error {
	from := map[events.Backend][]Record{}
	for _, mv := range moves {
		if b := mv.head.Backend; b != m.Backend {
			h := mv.head
			h.Data, h.Deleted = nil, true
			from[b] = append(from[b], h)
		}
	}
	for b, heads := range from {
		l, p, err := s.layout(ctx, m.Collection)
		if err != nil {
			return err
		}
		if p == nil || l.Backend != b {
			continue // the schema has gone over already: nobody looks there
		}
		keys := make([]events.RecordKey, len(heads))
		for i := range heads {
			keys[i] = heads[i].Key
		}
		if err := s.retryConflicts(ctx, func() error {
			v, err := p.Open(ctx, m.Collection, l, keys)
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
