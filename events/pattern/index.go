package pattern

import "slices"

// An index maps properties of leaves to the alternatives that can match them, so
// that an event is compared with few alternatives.
type index struct {
	paths map[string]*pathIndex
	// always holds the alternatives that can match an event without any leaf.
	always bucket
}

// An entry is one alternative of a rule.
type entry struct {
	rule    *rule
	fields  fieldSet
	indexed int // the field it is filed under, -1 for none
	keys    []indexKey
}

type bucket []*entry

// A pathIndex holds the entries of one path.
type pathIndex struct {
	tables  [tableCount]indexTable
	entries int
}

func (x *index) add(rule *rule, a fieldSet) *entry {
	e := &entry{rule: rule, fields: a, indexed: -1}
	best := 0
	for i := range a {
		f := &a[i]
		if f.absent {
			continue // may match without a leaf
		}
		keys, cost := x.indexKeys(f)
		if e.indexed < 0 || cost < best || cost == best && len(f.path) > len(a[e.indexed].path) {
			e.indexed, e.keys, best = i, keys, cost
		}
	}
	if e.indexed < 0 {
		x.always = append(x.always, e)
		return e
	}
	if x.paths == nil {
		x.paths = map[string]*pathIndex{}
	}
	path := a[e.indexed].path
	p := x.paths[path]
	if p == nil {
		p = &pathIndex{}
		x.paths[path] = p
	}
	p.entries++
	for _, key := range e.keys {
		p.tables[key.table].add(key.key, e)
	}
	return e
}

func (x *index) remove(e *entry) {
	if e.indexed < 0 {
		x.always = x.always.without(e)
		return
	}
	path := e.fields[e.indexed].path
	p := x.paths[path]
	for _, key := range e.keys {
		p.tables[key.table].remove(key.key, e)
	}
	if p.entries--; p.entries == 0 {
		delete(x.paths, path)
	}
}

// indexKeys returns the keys under which to index a field, and how many entries
// these keys hold already.
func (x *index) indexKeys(f *field) (keys []indexKey, cost int) {
	p := x.paths[f.path]
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
