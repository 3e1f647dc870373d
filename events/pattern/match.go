package pattern

import (
	"encoding/binary"
	"sort"
	"strings"
)

// Matching chooses a leaf for each field, in the order of paths, such that no
// two leaves come from different elements of one array. {"exists": false} is
// decided by the leaves that could still be chosen when its field's turn comes;
// so an element counts as lacking a field only where an earlier field has
// chosenElements that element. That is AWS's order, and it shows.

// chosenElements is the innermost elements that the leaves chosen so far stand in, of
// those that can still matter. Only an event with duplicate names has two.
type chosenElements []*element

// blocks returns the place to continue at if the leaf at this place cannot be chosen,
// because it is in an array of which another element is already chosen.
func (c chosenElements) blocks(at int32) (next int32, blocked bool) {
	for _, e := range c {
		for ; e != nil; e = e.outer {
			switch {
			case at < e.array.from || at >= e.array.to:
			case at < e.from:
				return e.from, true
			case at >= e.to:
				return e.array.to, true
			}
		}
	}
	return 0, false
}

// with adds the element of a leaf and forgets what no later field can meet.
func (c chosenElements) with(e *element, later fieldSet) chosenElements {
	e = relevant(e, later)
	if e == nil && len(c) == 0 {
		return nil
	}
	var next chosenElements
	add := func(e *element) {
		e = relevant(e, later)
		for i, have := range next {
			if have.contains(e) {
				next[i] = e
				return
			}
		}
		for _, have := range next {
			if e.contains(have) {
				return
			}
		}
		if e != nil {
			next = append(next, e)
		}
	}
	for _, have := range c {
		add(have)
	}
	add(e)
	return next
}

// contains reports whether inner is e or is within it. The nil element, which is outside
// of all arrays, contains every element.
func (e *element) contains(inner *element) bool {
	if e == nil {
		return true
	}
	for ; inner != nil; inner = inner.outer {
		if inner == e {
			return true
		}
	}
	return false
}

// relevant returns the innermost element from e outwards in whose array a
// later field has its leaves.
func relevant(e *element, later fieldSet) *element {
	for ; e != nil; e = e.outer {
		for i := range later {
			rest, ok := strings.CutPrefix(later[i].path, e.array.path)
			if ok && (rest == "" || rest[0] == '.') {
				return e
			}
		}
	}
	return nil
}

// each calls f with the leaves that can be chosen, until f returns true.
func (c chosenElements) each(leaves []value, f func(*value) bool) bool {
	for i := 0; i < len(leaves); {
		next, blocked := c.blocks(leaves[i].at)
		if blocked {
			i += sort.Search(len(leaves)-i, func(j int) bool { return leaves[i+j].at >= next })
			continue
		}
		if f(&leaves[i]) {
			return true
		}
		i++
	}
	return false
}

func (a fieldSet) match(event *Event) bool {
	s := search{event: event.all()}
	return s.matchFrom(a, nil)
}

// maxSteps bounds how often a search may choose elements of several arrays at
// oneKey path. Without a bound their combinations would, in an event with
// duplicate names made for the purpose; past it the event does not match.
const maxSteps = 1 << 16

// A search remembers what has failed, so that it looks at each pair of field
// and element once, whatever the event.
type search struct {
	// Either the whole event or the leaves that a Matcher has selected.
	event    *flatEvent
	selected *selection

	failed map[string]struct{}
	steps  int
	// picks, if not nil, is given the leaf chosen for each field, last first.
	chosenLeaves []*value
}

func (s *search) matchFrom(fields fieldSet, c chosenElements) bool {
	if len(fields) == 0 {
		return true
	}
	if len(c) == 0 {
		return s.matchField(fields, c)
	}
	key := c.key(len(fields))
	if _, failed := s.failed[key]; failed {
		return false
	}
	if s.matchField(fields, c) {
		return true
	}
	if s.failed == nil {
		s.failed = map[string]struct{}{}
	}
	s.failed[key] = struct{}{}
	return false
}

// key names a state of the search.
func (c chosenElements) key(fieldsLeft int) string {
	b := binary.AppendUvarint(nil, uint64(fieldsLeft))
	for _, e := range c {
		b = binary.AppendUvarint(b, uint64(e.id))
	}
	return string(b)
}

func (s *search) leavesOf(f *field) []value {
	if s.selected != nil {
		return s.selected.at(f.slot)
	}
	return s.event.at(f.path)
}

func (s *search) matchField(fields fieldSet, c chosenElements) bool {
	f, later := &fields[0], fields[1:]
	leaves := s.leavesOf(f)
	if f.absent && !c.each(leaves, func(*value) bool { return true }) && s.matchFrom(later, c) {
		return true
	}
	if !f.value {
		return false
	}
	// What the later fields answer depends on the elements chosen alone, so one
	// leaf outside of all elements stands for the others.
	outsideFailed := false
	found := false
	c.each(leaves, func(v *value) bool {
		if s.steps > maxSteps {
			return true
		}
		if !f.holds(v) {
			return false
		}
		next := c.with(v.element, later)
		if len(next) > 1 {
			s.steps++
		}
		if len(next) == 0 {
			if outsideFailed {
				return false
			}
			outsideFailed = true
		}
		if found = s.matchFrom(later, next); found && s.chosenLeaves != nil {
			s.chosenLeaves[len(s.chosenLeaves)-len(fields)] = v
		}
		return found
	})
	return found
}

// holds reports whether one of the field's conditions holds for the leaf.
func (f *field) holds(v *value) bool {
	for _, c := range f.conditions {
		if c.holds(v) {
			return true
		}
	}
	return false
}
