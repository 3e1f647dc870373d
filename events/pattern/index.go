package pattern

import (
	"slices"
)

// An index maps properties of leaves to the alternatives that can match them, so
// that an event is compared with few alternatives.
type index struct {
	root      pathNode    // the paths that patterns name
	slots     []*pathNode // by slot; nil for a free one
	freeSlots []int32
	// always holds the alternatives that can match an event without any leaf.
	always bucket
}

// An entry is one alternative of a rule.
type entry struct {
	rule    *rule
	fields  fieldSet
	paths   []*pathNode // of the fields
	indexed int         // the field it is filed under, -1 for none
	keys    []indexKey
}

type bucket []*entry

// A pathIndex holds the entries of one path.
type pathIndex struct {
	tables  [tableCount]indexTable
	entries int
}

func (x *index) add(rule *rule, a fieldSet) *entry {
	e := &entry{rule: rule, fields: slices.Clone(a), paths: make([]*pathNode, len(a)), indexed: -1}
	best := 0
	for i := range e.fields {
		f := &e.fields[i]
		n := x.name(f.path)
		e.paths[i], f.slot = n, n.slot
		if f.absent {
			continue // may match without a leaf
		}
		keys, cost := n.index.indexKeys(f)
		if e.indexed < 0 || cost < best || cost == best && len(f.path) > len(a[e.indexed].path) {
			e.indexed, e.keys, best = i, keys, cost
		}
	}
	if e.indexed < 0 {
		x.always = append(x.always, e)
		return e
	}
	n := e.paths[e.indexed]
	if n.index == nil {
		n.index = &pathIndex{}
	}
	n.index.entries++
	for _, key := range e.keys {
		n.index.tables[key.table].add(key.key, e)
	}
	return e
}

func (x *index) remove(e *entry) {
	if e.indexed < 0 {
		x.always = x.always.without(e)
	} else {
		n := e.paths[e.indexed]
		for _, key := range e.keys {
			n.index.tables[key.table].remove(key.key, e)
		}
		if n.index.entries--; n.index.entries == 0 {
			n.index = nil
		}
	}
	for _, n := range e.paths {
		x.forget(n)
	}
}

// indexKeys returns the keys under which to index a field, and how many entries
// these keys hold already.
func (p *pathIndex) indexKeys(f *field) (keys []indexKey, cost int) {
	for _, c := range f.conditions {
		var best indexKeys
		fewest := -1
		for _, w := range indexKeysOf(c) {
			if n := p.cost(w); fewest < 0 || n < fewest {
				best, fewest = w, n
			}
		}
		for _, key := range best {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
		cost += fewest
	}
	return keys, cost
}

// costOfAny is the cost, in entries, of a condition that every leaf must be compared with.
const costOfAny = 1000

// cost is the largest number of entries that one leaf finds under these keys.
func (p *pathIndex) cost(w indexKeys) int {
	n := 0
	for _, key := range w {
		if key.table == tableAny {
			n += costOfAny
		}
		if p != nil {
			n += len(p.tables[key.table].buckets[key.key])
		}
	}
	return n
}

// An indexTable looks entries up by a string.
type indexTable struct {
	buckets map[string]bucket
	// lengths are the lengths of the keys, ascending; keysOf counts the keys of each length.
	lengths []int
	keysOf  map[int]int
}

func (s *indexTable) add(key string, e *entry) {
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

func (s *indexTable) remove(key string, e *entry) {
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

// prefixes adds the entries of all keys that text starts with.
func prefixes[T string | []byte](s *indexTable, text T, t *candidates) {
	for _, n := range s.lengths {
		if n > len(text) {
			return
		}
		t.add(s.buckets[string(text[:n])])
	}
}

func (s *indexTable) suffixes(text string, t *candidates) {
	for _, n := range s.lengths {
		if n > len(text) {
			return
		}
		t.add(s.buckets[text[len(text)-n:]])
	}
}

func (s *indexTable) substrings(text string, t *candidates) {
	for _, n := range s.lengths {
		for i := 0; i+n <= len(text); i++ {
			t.add(s.buckets[text[i:i+n]])
		}
	}
}
