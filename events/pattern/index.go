package pattern

import (
	"encoding/binary"
	"math"
	"slices"
)

// An index files alternatives by what a leaf must be like for them to match, so
// that the leaves of an event lead to the few that are worth trying.
type index struct {
	paths map[string]*pathIndex
	// always are those that may match without any leaf.
	always bucket
}

// An entry is one alternative of a rule.
type entry struct {
	rule   *rule
	fields alternative
	filed  int // the field it is filed under, -1 for none
	probes []probe
}

type bucket []*entry

// A pathIndex files the entries of one path.
type pathIndex struct {
	shelves [shelfCount]shelf
	entries int
}

// A shelf is one way of looking entries up by a string.
type shelf struct {
	buckets map[string]bucket
	// lengths are those of the keys, ascending; keysOf counts them.
	lengths []int
	keysOf  map[int]int
}

type shelfName uint8

const (
	shelfAny          shelfName = iota // no key: every leaf
	shelfExact                         // the leaf's raw text
	shelfNumber                        // a comparable number's bits
	shelfPrefix                        // the start of a string
	shelfSuffix                        // its end
	shelfInside                        // up to gramLength bytes within it
	shelfFolded                        // the folded string
	shelfFoldedPrefix                  // its start
	shelfFoldedSuffix                  // its end
	shelfAddress                       // the first digits of an IP address
	shelfCount
)

// gramLength is how many bytes of a literal inside a wildcard are looked up.
const gramLength = 4

// A probe is a shelf and a key that every leaf a condition holds for leads to.
type probe struct {
	shelf shelfName
	key   string
}

func (x *index) add(rule *rule, a alternative) *entry {
	e := &entry{rule: rule, fields: a, filed: -1}
	best := 0
	for i := range a {
		f := &a[i]
		if f.absent {
			continue // may match without a leaf
		}
		probes, cost := x.probes(f)
		if e.filed < 0 || cost < best || cost == best && len(f.path) > len(a[e.filed].path) {
			e.filed, e.probes, best = i, probes, cost
		}
	}
	if e.filed < 0 {
		x.always = append(x.always, e)
		return e
	}
	if x.paths == nil {
		x.paths = map[string]*pathIndex{}
	}
	path := a[e.filed].path
	p := x.paths[path]
	if p == nil {
		p = &pathIndex{}
		x.paths[path] = p
	}
	p.entries++
	for _, probe := range e.probes {
		p.shelves[probe.shelf].add(probe.key, e)
	}
	return e
}

func (x *index) remove(e *entry) {
	if e.filed < 0 {
		x.always = x.always.without(e)
		return
	}
	path := e.fields[e.filed].path
	p := x.paths[path]
	for _, probe := range e.probes {
		p.shelves[probe.shelf].remove(probe.key, e)
	}
	if p.entries--; p.entries == 0 {
		delete(x.paths, path)
	}
}

// probes returns how to file a field, and how many entries are there already.
func (x *index) probes(f *field) (probes []probe, cost int) {
	p := x.paths[f.path]
	for _, c := range f.conditions {
		best, fewest := probe{}, -1
		for _, candidate := range probesOf(c) {
			n := 0
			if p != nil {
				n = len(p.shelves[candidate.shelf].buckets[candidate.key])
			}
			if candidate.shelf == shelfAny {
				n += dearest
			}
			if fewest < 0 || n < fewest {
				best, fewest = candidate, n
			}
		}
		if !slices.Contains(probes, best) {
			probes = append(probes, best)
		}
		cost += fewest
	}
	return probes, cost
}

// dearest is what it costs, in entries, that every leaf leads to an entry.
const dearest = 1000

// probesOf returns the ways to file a condition, best first.
func probesOf(c condition) []probe {
	switch c := c.(type) {
	case literal:
		return []probe{{shelfExact, `"` + string(c) + `"`}}
	case exactly:
		return []probe{{shelfExact, `"` + string(c) + `"`}}
	case keyword:
		return []probe{{shelfExact, string(c.appendJSON(nil))}}
	case number:
		if c.comparable {
			return []probe{{shelfNumber, numberKey(c.value)}}
		}
		return []probe{{shelfExact, c.text}}
	case numeric:
		if c[0].operator == "=" {
			return []probe{{shelfNumber, numberKey(c[0].operand.value)}}
		}
	case prefix:
		return []probe{{shelfPrefix, string(c)}}
	case suffix:
		return []probe{{shelfSuffix, string(c)}}
	case foldEqual:
		return []probe{{shelfFolded, c.fold.folded()}}
	case foldPrefix:
		return []probe{{shelfFoldedPrefix, c.fold.folded()}}
	case foldSuffix:
		return []probe{{shelfFoldedSuffix, c.fold.folded()}}
	case address:
		return []probe{{shelfAddress, c.digits}}
	case block:
		n := 0
		for n < len(c.bottom) && c.bottom[n] == c.top[n] {
			n++
		}
		return []probe{{shelfAddress, c.bottom[:n]}}
	case wildcard:
		return wildcardProbes(c)
	}
	return []probe{{shelf: shelfAny}}
}

func wildcardProbes(c wildcard) []probe {
	last := len(c.literals) - 1
	if last == 0 {
		return []probe{{shelfExact, `"` + c.literals[0] + `"`}}
	}
	var probes []probe
	if first := c.literals[0]; first != "" {
		probes = append(probes, probe{shelfPrefix, first})
	}
	if end := c.literals[last]; end != "" {
		probes = append(probes, probe{shelfSuffix, end})
	}
	for _, inner := range c.literals[1:last] {
		n := min(len(inner), gramLength)
		for i := 0; i+n <= len(inner); i++ {
			probes = append(probes, probe{shelfInside, inner[i : i+n]})
		}
	}
	slices.SortStableFunc(probes, func(a, b probe) int { return len(b.key) - len(a.key) })
	if len(probes) == 0 {
		probes = []probe{{shelf: shelfAny}}
	}
	return probes
}

func (s *shelf) add(key string, e *entry) {
	if s.buckets == nil {
		s.buckets, s.keysOf = map[string]bucket{}, map[int]int{}
	}
	if _, ok := s.buckets[key]; !ok {
		if s.keysOf[len(key)]++; s.keysOf[len(key)] == 1 {
			i, _ := slices.BinarySearch(s.lengths, len(key))
			s.lengths = slices.Insert(s.lengths, i, len(key))
		}
	}
	s.buckets[key] = append(s.buckets[key], e)
}

func (s *shelf) remove(key string, e *entry) {
	left := s.buckets[key].without(e)
	if len(left) > 0 {
		s.buckets[key] = left
		return
	}
	delete(s.buckets, key)
	if s.keysOf[len(key)]--; s.keysOf[len(key)] == 0 {
		delete(s.keysOf, len(key))
		i, _ := slices.BinarySearch(s.lengths, len(key))
		s.lengths = slices.Delete(s.lengths, i, i+1)
	}
}

func (b bucket) without(e *entry) bucket {
	i := slices.Index(b, e)
	if i < 0 {
		return b
	}
	b[i] = b[len(b)-1]
	b[len(b)-1] = nil
	return b[:len(b)-1]
}

// prefixes tries all keys that s starts with.
func (s *shelf) prefixes(text string, t *trial) {
	for _, n := range s.lengths {
		if n > len(text) {
			return
		}
		t.try(s.buckets[text[:n]])
	}
}

func (s *shelf) suffixes(text string, t *trial) {
	for _, n := range s.lengths {
		if n > len(text) {
			return
		}
		t.try(s.buckets[text[len(text)-n:]])
	}
}

func (s *shelf) inside(text string, t *trial) {
	for _, n := range s.lengths {
		for i := 0; i+n <= len(text); i++ {
			t.try(s.buckets[text[i:i+n]])
		}
	}
}

// A trial is one event's way through an index.
type trial struct {
	event   *Event
	found   []*rule
	tried   map[*entry]struct{}
	matched map[*rule]struct{}
}

func newTrial() *trial {
	return &trial{tried: map[*entry]struct{}{}, matched: map[*rule]struct{}{}}
}

func (t *trial) reset() {
	t.event = nil
	clear(t.found)
	t.found = t.found[:0]
	clear(t.tried)
	clear(t.matched)
}

// try matches the entries that were not tried yet.
func (t *trial) try(b bucket) {
	for _, e := range b {
		if _, ok := t.matched[e.rule]; ok {
			continue
		}
		if _, ok := t.tried[e]; ok {
			continue
		}
		t.tried[e] = struct{}{}
		if e.fields.match(t.event) {
			t.matched[e.rule] = struct{}{}
			t.found = append(t.found, e.rule)
		}
	}
}

// lookup tries all entries that the event's leaves lead to.
func (x *index) lookup(t *trial) {
	t.try(x.always)
	for _, group := range t.event.paths {
		p := x.paths[group.path]
		if p == nil {
			continue
		}
		t.try(p.shelves[shelfAny].buckets[""])
		for i := group.from; i < group.to; i++ {
			p.lookup(t, &t.event.leaves[i])
		}
	}
}

func (p *pathIndex) lookup(t *trial, v *value) {
	if v.kind == numberValue && v.comparable {
		var key [8]byte
		t.try(p.shelves[shelfNumber].buckets[string(appendNumberKey(key[:0], v.number))])
		return
	}
	t.try(p.shelves[shelfExact].buckets[v.raw])
	if v.kind != stringValue {
		return
	}
	// Starts and ends are looked up with the quotation mark that a condition
	// may reach; see prefix.
	start, end := v.raw[1:], v.raw[:len(v.raw)-1]
	p.shelves[shelfPrefix].prefixes(start, t)
	p.shelves[shelfSuffix].suffixes(end, t)
	p.shelves[shelfInside].inside(v.text(), t)
	if p.folds() {
		p.shelves[shelfFolded].exactly(folded(v.text()), t)
		p.shelves[shelfFoldedPrefix].prefixes(folded(start), t)
		p.shelves[shelfFoldedSuffix].suffixes(folded(end), t)
	}
	if p.shelves[shelfAddress].lengths != nil {
		if digits, ok := v.address(); ok {
			p.shelves[shelfAddress].prefixes(digits, t)
		}
	}
}

func (p *pathIndex) folds() bool {
	return len(p.shelves[shelfFolded].buckets)+len(p.shelves[shelfFoldedPrefix].buckets)+len(p.shelves[shelfFoldedSuffix].buckets) > 0
}

func (s *shelf) exactly(key string, t *trial) { t.try(s.buckets[key]) }

func numberKey(f float64) string { return string(appendNumberKey(nil, f)) }

func appendNumberKey(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}
