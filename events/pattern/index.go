package pattern

import "slices"

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
		var best way
		fewest := -1
		for _, w := range waysOf(c) {
			if n := p.crowd(w); fewest < 0 || n < fewest {
				best, fewest = w, n
			}
		}
		for _, probe := range best {
			if !slices.Contains(probes, probe) {
				probes = append(probes, probe)
			}
		}
		cost += fewest
	}
	return probes, cost
}

// dearest is what it costs, in entries, that every leaf leads to an entry.
const dearest = 1000

// crowd is how many entries a leaf meets on this way, at most.
func (p *pathIndex) crowd(w way) int {
	n := 0
	for _, probe := range w {
		if probe.shelf == shelfAny {
			n += dearest
		}
		if p != nil {
			n += len(p.shelves[probe.shelf].buckets[probe.key])
		}
	}
	return n
}
