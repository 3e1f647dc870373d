package pattern

import "slices"

// candidates collects the rules that match one event.
type candidates struct {
	selection
	// whole is the event if its leaves could not be selected.
	whole   *flatEvent
	matches []*rule
	seen    pointerSet[entry]
	matched pointerSet[rule]
}

// maxReused bounds the number of entries and leaves for which candidates are reused,
// so that one large event does not keep its memory.
const maxReused = 256

// reset clears the candidates and reports whether they should be reused.
func (t *candidates) reset() bool {
	if t.seen.len() > maxReused || len(t.leaves) > maxReused {
		return false
	}
	t.selection.reset()
	t.whole = nil
	clear(t.matches)
	t.matches = t.matches[:0]
	t.seen.clear()
	t.matched.clear()
	return true
}

// add matches the entries that were not compared with the event yet.
func (t *candidates) add(b bucket) {
	for _, e := range b {
		if t.matched.has(e.rule) || !t.seen.add(e) {
			continue
		}
		s := search{event: t.whole}
		if t.whole == nil {
			s.selected = &t.selection
		}
		if s.matchFrom(e.fields, nil) {
			t.matched.add(e.rule)
			t.matches = append(t.matches, e.rule)
		}
	}
}

// match collects the rules that match an event. whole reads the leaves of an event that
// cannot be selected from.
func (x *index) match(t *candidates, text string, whole func() (*flatEvent, error)) (err error) {
	if !t.read(x, text) {
		if t.whole, err = whole(); err != nil {
			return err
		}
	}
	x.collect(t)
	return nil
}

// collect adds all entries that are indexed under the event's leaves.
func (x *index) collect(t *candidates) {
	t.add(x.always)
	if t.whole == nil {
		for _, slot := range t.found {
			if p := x.slots[slot].index; p != nil {
				p.collect(t, t.at(slot))
			}
		}
		return
	}
	for _, group := range t.whole.paths {
		if n := x.root.child(group.path); n != nil && n.index != nil {
			n.index.collect(t, t.whole.leaves[group.from:group.to])
		}
	}
}

func (p *pathIndex) collect(t *candidates, leaves []value) {
	t.add(p.tables[tableAny].buckets[""])
	for i := range leaves {
		p.collectLeaf(t, &leaves[i])
	}
}

func (p *pathIndex) collectLeaf(t *candidates, v *value) {
	if v.kind == numberValue && v.comparable {
		var key [8]byte
		t.add(p.tables[tableNumber].buckets[string(appendNumberKey(key[:0], v.number))])
		if ranges := &p.tables[tableRange]; len(ranges.buckets) > 0 {
			var digits [64]byte
			prefixes(ranges, appendOrderedBits(digits[:0], v.number), t)
		}
		return
	}
	t.add(p.tables[tableExact].buckets[v.raw])
	if v.kind != stringValue {
		return
	}
	// Prefixes and suffixes are looked up with the quotation mark that a condition
	// may include; see prefix.
	start, end := v.raw[1:], v.raw[:len(v.raw)-1]
	prefixes(&p.tables[tablePrefix], start, t)
	p.tables[tableSuffix].suffixes(end, t)
	p.tables[tableSubstring].substrings(v.text(), t)
	if p.hasFolded() {
		all := folded(v.raw)
		t.add(p.tables[tableFolded].buckets[all[1:len(all)-1]])
		prefixes(&p.tables[tableFoldedPrefix], all[1:], t)
		p.tables[tableFoldedSuffix].suffixes(all[:len(all)-1], t)
	}
	if len(p.tables[tableAddress].buckets) > 0 {
		if digits, ok := v.address(); ok {
			prefixes(&p.tables[tableAddress], digits, t)
		}
	}
}

func (p *pathIndex) hasFolded() bool {
	return len(p.tables[tableFolded].buckets)+len(p.tables[tableFoldedPrefix].buckets)+len(p.tables[tableFoldedSuffix].buckets) > 0
}

// A pointerSet is a set of pointers; the usual few are searched without a map.
type pointerSet[T any] struct {
	list []*T
	many map[*T]struct{} // has all of the list if it is longer than maxListed
}

func (s *pointerSet[T]) len() int { return len(s.list) }

func (s *pointerSet[T]) has(p *T) bool {
	if len(s.list) <= maxListed {
		return slices.Contains(s.list, p)
	}
	_, ok := s.many[p]
	return ok
}

// add adds p, and reports whether it was absent.
func (s *pointerSet[T]) add(p *T) bool {
	if s.has(p) {
		return false
	}
	s.list = append(s.list, p)
	switch n := len(s.list); {
	case n > maxListed+1:
		s.many[p] = struct{}{}
	case n == maxListed+1:
		if s.many == nil {
			s.many = map[*T]struct{}{}
		}
		for _, p := range s.list {
			s.many[p] = struct{}{}
		}
	}
	return true
}

func (s *pointerSet[T]) clear() {
	clear(s.list)
	s.list = s.list[:0]
	clear(s.many)
}
