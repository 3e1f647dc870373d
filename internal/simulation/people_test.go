package simulation

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// edit is a person who changes an object or a file with an editor, which writes
// unconditionally. Each edit writes a value that nothing else writes.
func (s *system) edit() {
	if s.quiet || s.faults&edits == 0 {
		return
	}
	t := tenants[s.rng.IntN(len(tenants))]
	if s.rng.IntN(2) == 0 {
		s.editObject(store.Ref{Collection: store.Collection{Tenant: t, Schema: "s3"}, Key: events.RecordKey(rune('a' + s.rng.IntN(3)))})
	} else {
		s.editFile(store.Collection{Tenant: t, Schema: "csv"})
	}
}

func (s *system) newValue() int {
	n := -len(s.edited) - 1
	s.edited[n] = true
	return n
}

func (s *system) editObject(ref store.Ref) {
	if s.backends[ref.Collection] != events.S3 {
		return
	}
	name := fmt.Sprintf("data/%s/%s/%s.json", ref.Tenant, ref.Schema, ref.Key)
	_, err := s.objects.Get(background, name, "")
	if err == nil && s.rng.IntN(4) == 0 {
		s.removed++
		s.log("a person removes %s", name)
		s.must(s.objects.Delete(background, name, blob.Condition{}))
		return
	}
	n := s.newValue()
	s.log("a person writes %d into %s", n, name)
	_, err = s.objects.Put(background, name, marshal(map[string]any{"id": ref.Key, "n": n, "text": ref.Tenant}), nil, blob.Condition{})
	s.must(err)
}

// editFile changes, adds or removes a row, in the file as it is or in an old copy.
func (s *system) editFile(c store.Collection) {
	if s.backends[c] != events.CSV {
		return
	}
	name := fmt.Sprintf("data/%s/%s.csv", c.Tenant, c.Schema)
	o, err := s.objects.Get(background, name, "")
	if err != nil {
		return
	}
	s.copies[name] = append(s.copies[name], o.Data)
	if s.rng.IntN(12) == 0 {
		s.log("a person loses %s", name)
		s.must(s.objects.Delete(background, name, blob.Condition{}))
		return
	}
	data := o.Data
	if s.rng.IntN(4) == 0 {
		data = s.copies[name][s.rng.IntN(len(s.copies[name]))]
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	s.must(err)
	column := func(name string) int { return slices.Index(rows[0], name) }
	var action string
	switch at := 1 + s.rng.IntN(len(rows)); {
	case at < len(rows) && s.rng.IntN(4) == 0:
		action = "removes row " + rows[at][column("id")]
		rows = slices.Delete(rows, at, at+1)
		s.removed++
	case at < len(rows):
		n := s.newValue()
		action = fmt.Sprintf("writes %d into row %s", n, rows[at][column("id")])
		rows[at][column("n")] = fmt.Sprint(n)
	default:
		n := s.newValue()
		key := string(rune('a' + s.rng.IntN(3)))
		if slices.ContainsFunc(rows[1:], func(row []string) bool { return row[column("id")] == key }) {
			return // two rows of one key are an error
		}
		row := make([]string, len(rows[0]))
		row[column("id")], row[column("n")], row[column("text")] = key, fmt.Sprint(n), string(c.Tenant)
		rows = append(rows, row)
		action = fmt.Sprintf("adds row %s with %d", key, n)
	}
	s.log("a person %s of %s", action, name)
	var b strings.Builder
	w := csv.NewWriter(&b)
	s.must(w.WriteAll(rows))
	_, err = s.objects.Put(background, name, []byte(b.String()), nil, blob.Condition{})
	s.must(err)
}

func (s *system) must(err error) {
	if err != nil {
		s.problem("the simulation itself: %v", err)
	}
}

// planOperators chooses what operators do, and when.
func (s *system) planOperators() {
	if s.faults&operators == 0 {
		return
	}
	at := func(f func()) { s.agenda = append(s.agenda, appointment{s.began.Add(s.between(0, 40*time.Second)), f}) }
	if s.rng.IntN(2) == 0 {
		at(func() { s.revoke(tenants[s.rng.IntN(2)]) })
	}
	if s.rng.IntN(2) == 0 {
		at(func() {
			t, schema := tenants[s.rng.IntN(len(tenants))], schemas[s.rng.IntN(len(schemas))]
			c := store.Collection{Tenant: t, Schema: schema}
			s.log("an operator adds a property to %s/%s", t, schema)
			s.extra[c] = `,"added":{"type":"string"}`
			s.putSchema(c)
		})
	}
	if s.rng.IntN(2) == 0 {
		moves := [][2]events.Backend{{events.DynamoDB, events.S3}, {events.S3, events.DynamoDB}, {events.CSV, events.S3}, {events.S3, events.CSV}, {events.DynamoDB, events.CSV}}
		m := moves[s.rng.IntN(len(moves))]
		at(func() { s.migrate(store.Collection{Tenant: "acme", Schema: events.SchemaID(m[0])}, m[1]) })
	}
}

// An appointment is something that happens at a time.
type appointment struct {
	due time.Time
	do  func()
}

// attend does what is due.
func (s *system) attend() {
	for i := 0; i < len(s.agenda); i++ {
		if a := s.agenda[i]; !a.due.After(time.Now()) {
			s.agenda = slices.Delete(s.agenda, i, i+1)
			a.do()
			i--
		}
	}
}

// revoke revokes the key of a tenant; its senders use another one from then on.
func (s *system) revoke(t events.TenantID) {
	old := s.keys[t]
	s.newKey(t)
	s.log("an operator revokes key %s of %s", old, t)
	_, err := apikey.Revoke(background, s.data, old, time.Now())
	s.must(err)
	s.revoked[old] = time.Now()
}

// migrate moves a collection to another backend: it moves the records, activates the
// schema, and moves what requests have changed until every instance has it.
func (s *system) migrate(c store.Collection, to events.Backend) {
	s.migrating++
	s.log("an operator migrates %s/%s to %s", c.Tenant, c.Schema, to)
	s.migrated = append(s.migrated, c)
	var run func(again int)
	run = func(again int) {
		i := s.runMigration(c, to)
		s.onEnd[i] = func(err error) {
			next := again
			if err == nil {
				if again == 0 {
					s.backends[c] = to
					s.log("an operator activates the schema %s/%s with the backend %s", c.Tenant, c.Schema, to)
					s.putSchema(c)
				}
				next++
			}
			if next > 2 {
				s.migrating--
				return
			}
			s.agenda = append(s.agenda, appointment{time.Now().Add(40 * time.Second), func() { run(next) }})
		}
	}
	run(0)
}

// runMigration starts the command that moves a collection, in a process of its own.
func (s *system) runMigration(c store.Collection, to events.Backend) *instance {
	i := s.newInstance("operator")
	s.invoke(i, "migrate", time.Hour, nil, func(ctx context.Context) ([]byte, error) {
		_, err := i.app.Store.Migrate(ctx, projection.Migration{Collection: c, Backend: to, KeyField: "id"}, false)
		return nil, err
	})
	return i
}
