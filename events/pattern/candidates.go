package pattern

// candidates collects the rules that match one event.
type candidates struct {
	event        *Event
	matches      []*rule
	seen         map[*entry]struct{}
	matchedRules map[*rule]struct{}
}

func newCandidates() *candidates {
	return &candidates{seen: map[*entry]struct{}{}, matchedRules: map[*rule]struct{}{}}
}

// maxReusedEntries bounds the size at which candidates are reused: clearing a map
// costs time proportional to the largest size that it had.
const maxReusedEntries = 256

// reset clears the candidates and reports whether they should be reused.
func (t *candidates) reset() bool {
	if len(t.seen) > maxReusedEntries {
		return false
	}
	t.event = nil
	clear(t.matches)
	t.matches = t.matches[:0]
	clear(t.seen)
	clear(t.matchedRules)
	return true
}

// add matches the entries that were not compared with the event yet.
func (t *candidates) add(b bucket) {
	for _, e := range b {
		if _, ok := t.matchedRules[e.rule]; ok {
			continue
		}
		if _, ok := t.seen[e]; ok {
			continue
		}
		t.seen[e] = struct{}{}
		if e.fields.match(t.event) {
			t.matchedRules[e.rule] = struct{}{}
			t.matches = append(t.matches, e.rule)
		}
	}
}

// collect adds all entries that are indexed under the event's leaves.
func (x *index) collect(t *candidates) {
	t.add(x.always)
	for _, group := range t.event.paths {
		p := x.paths[group.path]
		if p == nil {
			continue
		}
		t.add(p.tables[tableAny].buckets[""])
		for i := group.from; i < group.to; i++ {
			p.collect(t, &t.event.leaves[i])
		}
	}
}

func (p *pathIndex) collect(t *candidates, v *value) {
	if v.kind == numberValue && v.comparable {
		var key [8]byte
		t.add(p.tables[tableNumber].buckets[string(appendNumberKey(key[:0], v.number))])
		if ranges := &p.tables[tableRange]; len(ranges.buckets) > 0 {
			ranges.prefixes(orderedBits(v.number), t)
		}
		return
	}
	t.add(p.tables[tableExact].buckets[v.raw])
	if v.kind != stringValue {
		return
	}
	// Starts and ends are looked up with the quotation mark that a condition
	// may reach; see prefix.
	start, end := v.raw[1:], v.raw[:len(v.raw)-1]
	p.tables[tablePrefix].prefixes(start, t)
	p.tables[tableSuffix].suffixes(end, t)
	p.tables[tableSubstring].substrings(v.text(), t)
	if p.hasFolded() {
		p.tables[tableFolded].exact(folded(v.text()), t)
		p.tables[tableFoldedPrefix].prefixes(folded(start), t)
		p.tables[tableFoldedSuffix].suffixes(folded(end), t)
	}
	if len(p.tables[tableAddress].buckets) > 0 {
		if digits, ok := v.address(); ok {
			p.tables[tableAddress].prefixes(digits, t)
		}
	}
}

func (p *pathIndex) hasFolded() bool {
	return len(p.tables[tableFolded].buckets)+len(p.tables[tableFoldedPrefix].buckets)+len(p.tables[tableFoldedSuffix].buckets) > 0
}

func (s *indexTable) exact(key string, t *candidates) { t.add(s.buckets[key]) }
