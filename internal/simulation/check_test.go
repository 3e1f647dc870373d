package simulation

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
)

// check verifies the invariants of a system in which nothing is left to do.
func (s *system) check() {
	s.checkEffects()
	s.checkRevocations()
	s.checkHistory()
	s.checkUsage()
	s.checkOutputs()
	s.checkObjects()
}

// isRequest reports whether a commit is a request's, not an external edit or migration.
func (c *commit) isRequest() bool {
	origin := c.change.Idempotency.Key.Origin
	return origin != store.OriginExternalEdit && origin != store.OriginMigration
}

// checkEffects verifies that a request has one effect if its sender was told so, none
// if it was rejected, and never two.
func (s *system) checkEffects() {
	effects := map[int]int{} // by the number of the request
	for _, c := range s.data.commits {
		if c.isRequest() && c.change.Record != nil {
			if n := s.numberOf(&c); n != 0 {
				effects[n]++
			}
		}
	}
	for _, r := range s.requests {
		n := effects[r.number]
		if n > 1 {
			s.problem("request %s has %d effects", r, n)
		}
		switch {
		case r.op == events.Get:
			if n != 0 {
				s.problem("request %s has %d effects", r, n)
			}
		case r.unknown, s.revoked[r.keyID] != (time.Time{}):
			// Anything from no effect to one is right.
		case r.first == nil:
			s.problem("request %s was never answered", r)
		case r.first.accepted() && n != 1:
			s.problem("request %s was accepted and has %d effects", r, n)
		case !r.first.accepted() && n != 0:
			s.problem("request %s was rejected (%s) and has %d effects", r, r.first, n)
		case r.first.accepted() && r.invalid && r.op != events.Delete:
			s.problem("request %s is invalid and was accepted", r)
		}
	}
}

// checkRevocations verifies that a revoked key has no effect once the caches of
// instances, their clocks and late calls can no longer explain it.
func (s *system) checkRevocations() {
	for _, c := range s.data.commits {
		if n := s.numberOf(&c); n != 0 {
			r := s.requests[n-1]
			if at, ok := s.revoked[r.keyID]; ok && c.at.After(at.Add(30*time.Second+lifetime+6*time.Second)) {
				s.problem("request %s had an effect %s after its key was revoked", r, c.at.Sub(at))
			}
		}
	}
}

// numberOf returns the number of the request that a commit belongs to; 0 for a commit of
// no request.
func (s *system) numberOf(c *commit) int {
	if !c.isRequest() {
		return 0
	}
	value := c.change.Idempotency.Key.Value
	for _, prefix := range []string{"request-", "rest-", "00000000-0000-4000-8000-"} {
		if text, ok := strings.CutPrefix(value, prefix); ok {
			text, _, _ = strings.Cut(text, "-")
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > len(s.requests) {
				break
			}
			return n
		}
	}
	s.problem("a commit has the idempotency key %q", value)
	return 0
}

// checkHistory verifies that each commit is its request's operation on the state that
// the commit before it left.
func (s *system) checkHistory() {
	type state struct {
		revision int64
		data     jsontext.Value
		values   []int // of n, so far
		edited   bool  // the last change was an external edit
	}
	records := map[store.Ref]state{}
	for _, c := range s.data.commits {
		record := c.change.Record
		if record == nil {
			continue
		}
		before := records[record.Ref]
		expired := before.data == nil && record.Revision == 1 // the tombstone
		if record.Revision != before.revision+1 && !expired {
			s.problem("%s: revision %d follows %d", record.Path(), record.Revision, before.revision)
		}
		var want jsontext.Value
		switch {
		case c.change.Idempotency.Key.Origin == store.OriginMigration:
			want = record.Data
		case !c.isRequest():
			want = record.Data
			// A row keeps its version until the file is next written, so that a further
			// edit of the same copy can bring back what was there before the last edit.
			again := before.edited && slices.Contains(before.values, member(record.Data))
			if !record.Deleted && !s.edited[member(record.Data)] && !again {
				s.problem("%s: an external edit that no person made: %s", record.Path(), record.Data)
			}
			if record.Deleted && s.removed == 0 {
				s.problem("%s: an external removal that no person made", record.Path())
			}
		default:
			n := s.numberOf(&c)
			if n == 0 {
				continue
			}
			r := s.requests[n-1]
			payload := jsontext.Value(marshal(r.payload()))
			if r.tenant != record.Tenant || r.schema != record.Schema || r.key != string(record.Key) {
				s.problem("request %s changed %s", r, record.Path())
			}
			switch r.op {
			case events.Post:
				want = payload
				if before.data != nil {
					s.problem("request %s created a record that existed", r)
				}
			case events.Put:
				want = payload
			case events.Patch:
				if before.data == nil {
					s.problem("request %s patched a record that did not exist", r)
					continue
				}
				merged, err := router.Merge(before.data, payload)
				if err != nil {
					s.problem("request %s: %v", r, err)
				}
				want = merged
			case events.Delete:
				if before.data == nil {
					s.problem("request %s deleted a record that did not exist", r)
				}
			}
		}
		if (want == nil) != record.Deleted || want != nil && !store.Equal(want, record.Data) {
			s.problem("%s, revision %d: stored %s, want %s", record.Path(), record.Revision, record.Data, want)
		}
		records[record.Ref] = state{record.Revision, record.Data, append(before.values, member(record.Data)), !c.isRequest()}
	}
}

func member(data jsontext.Value) int {
	var v struct{ N int }
	_ = json.Unmarshal(data, &v)
	return v.N
}

// checkUsage verifies that each request that was carried out is billed once.
func (s *system) checkUsage() {
	want := map[events.TenantID]int64{}
	for _, c := range s.data.commits {
		if c.isRequest() && !c.result.Rejected {
			want[c.change.Idempotency.Key.Tenant] += router.TokensPerRequest
		}
	}
	for _, t := range tenants {
		// A run begins with a month: a clock that is behind bills in the one before.
		got := int64(0)
		for _, at := range []time.Time{s.began.Add(-time.Hour), s.began.Add(time.Hour)} {
			u, err := s.data.Usage(background, t, store.Month(at))
			if err != nil {
				s.problem("%v", err)
			}
			got += u.Tokens()
			if t == "gamma" && u.Tokens() > gammaLimit {
				s.problem("the limit of %d tokens was exceeded: %d", gammaLimit, u.Tokens())
			}
		}
		if got != want[t] {
			s.problem("the usage of %s is %d tokens, want %d", t, got, want[t])
		}
	}
}

// An output identifies what a change must publish.
type output struct {
	path     string
	revision int64
	time     int64 // of the commit: revisions begin anew when a tombstone has expired
}

// checkOutputs verifies that every change was published under exactly one id, with one
// content, to its tenant's bus, and nothing else was.
func (s *system) checkOutputs() {
	want := map[output]bool{}
	results := map[string]bool{}
	for _, c := range s.data.commits {
		if !c.isRequest() {
			continue
		}
		if c.change.Record != nil {
			want[output{c.change.Record.Path(), c.change.Record.Revision, c.result.Time.UnixMilli()}] = true
		}
	}
	ids := map[output]string{}
	contents := map[string]string{}
	for _, e := range s.published {
		if e.OutputID == "" {
			s.problem("an event without an id was published: %s", e.Detail)
		}
		content := fmt.Sprint(e.Bus, e.Source, e.DetailType, e.Resources, string(e.Detail))
		if strings.Contains(string(e.Detail), "the event is stale") {
			// The result of a delivery after the idempotency record has expired. It can
			// have the id of an entry of the first delivery, which is older than the
			// retention.
			continue
		}
		if before, ok := contents[e.OutputID]; ok && before != content {
			s.problem("two events have the id %s:\n%s\n%s", e.OutputID, before, content)
		}
		contents[e.OutputID] = content
		var detail struct {
			Tenant   events.TenantID
			Outcome  string
			Payload  struct{ Text string }
			Metadata struct{ Revision int64 }
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil {
			s.problem("event %s: %v", e.OutputID, err)
			continue
		}
		if e.Bus != busOf(detail.Tenant) || detail.Payload.Text != "" && detail.Payload.Text != string(detail.Tenant) {
			s.problem("event %s of %s crossed tenants: %s to %s", e.OutputID, detail.Tenant, e.Detail, e.Bus)
		}
		if detail.Outcome != "" {
			results[e.OutputID] = true
			continue
		}
		if len(e.Resources) != 1 {
			s.problem("event %s names the resources %q", e.OutputID, e.Resources)
			continue
		}
		o := output{e.Resources[0], detail.Metadata.Revision, e.Time.UnixMilli()}
		if !want[o] {
			s.problem("event %s reports revision %d of %s, which was never committed", e.OutputID, o.revision, o.path)
		}
		if id, ok := ids[o]; ok && id != e.OutputID {
			s.problem("revision %d of %s was published under two ids: %s and %s", o.revision, o.path, id, e.OutputID)
		}
		ids[o] = e.OutputID
	}
	for o := range want {
		if ids[o] == "" {
			s.problem("revision %d of %s was not published", o.revision, o.path)
		}
	}
	// Beta wants the result of each input event.
	n := 0
	for _, r := range s.requests {
		if r.tenant != "beta" || r.rest {
			continue
		}
		if s.revoked[r.keyID] != (time.Time{}) || r.unknown {
			return
		}
		n++
	}
	if len(results) != n {
		s.problem("%d results of %d input events of beta were published", len(results), n)
	}
}

// checkObjects verifies that objects and files contain what the ledger does.
func (s *system) checkObjects() {
	for _, t := range tenants {
		for _, schema := range schemas {
			c := store.Collection{Tenant: t, Schema: schema}
			records, err := s.data.Records(background, c, "", 1000)
			if err != nil {
				s.problem("%v", err)
				continue
			}
			want, found := map[string]string{}, map[string]string{}
			for _, r := range records {
				want[string(r.Key)] = canonical(r.Data)
			}
			switch s.backends[c] {
			case events.S3:
				s.readObjects(c, found)
			case events.CSV:
				if t == "gamma" && !slices.ContainsFunc(records, func(r store.Record) bool { return r.Key == "last" }) {
					continue // the limit was reached: the last edits wait for a write
				}
				s.readFile(c, found)
			default:
				found = want
			}
			if !maps.Equal(want, found) {
				s.problem("%s/%s: the ledger has %v, the objects have %v", t, schema, want, found)
			}
		}
	}
}

func (s *system) readObjects(c store.Collection, found map[string]string) {
	prefix := fmt.Sprintf("data/%s/%s/", c.Tenant, c.Schema)
	list, err := s.objects.List(background, prefix, "", 1000)
	if err != nil {
		s.problem("%v", err)
	}
	for _, info := range list {
		o, err := s.objects.Get(background, info.Key, "")
		if err != nil {
			s.problem("%v", err)
			continue
		}
		found[strings.TrimSuffix(strings.TrimPrefix(info.Key, prefix), ".json")] = canonical(o.Data)
	}
}

func (s *system) readFile(c store.Collection, found map[string]string) {
	o, err := s.objects.Get(background, fmt.Sprintf("data/%s/%s.csv", c.Tenant, c.Schema), "")
	if err != nil {
		return // no record was ever written
	}
	rows, err := csv.NewReader(strings.NewReader(string(o.Data))).ReadAll()
	if err != nil {
		s.problem("%s.csv: %v\n%s", c.Schema, err, o.Data)
		return
	}
	for _, row := range rows[1:] {
		m := map[string]any{}
		for i, name := range rows[0] {
			if row[i] == "" || strings.HasPrefix(name, "_") {
				continue
			}
			if name == "n" {
				m[name] = json.Number(row[i])
			} else {
				m[name] = row[i]
			}
		}
		id, _ := m["id"].(string)
		found[id] = canonical(marshal(m))
	}
}

// canonical returns a document with its members in order.
func canonical(data []byte) string {
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return string(data)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s=%v ", name, m[name])
	}
	return b.String()
}
