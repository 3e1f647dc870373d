package pattern

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

// keptEntries bounds a trial that is used again: clearing a map costs what it
// ever held.
const keptEntries = 256

// reset empties the trial and reports whether it is worth keeping.
func (t *trial) reset() bool {
	if len(t.tried) > keptEntries {
		return false
	}
	t.event = nil
	clear(t.found)
	t.found = t.found[:0]
	clear(t.tried)
	clear(t.matched)
	return true
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
		if ranges := &p.shelves[shelfRange]; len(ranges.buckets) > 0 {
			ranges.prefixes(orderedBits(v.number), t)
		}
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
	if len(p.shelves[shelfAddress].buckets) > 0 {
		if digits, ok := v.address(); ok {
			p.shelves[shelfAddress].prefixes(digits, t)
		}
	}
}

func (p *pathIndex) folds() bool {
	return len(p.shelves[shelfFolded].buckets)+len(p.shelves[shelfFoldedPrefix].buckets)+len(p.shelves[shelfFoldedSuffix].buckets) > 0
}

func (s *shelf) exactly(key string, t *trial) { t.try(s.buckets[key]) }
