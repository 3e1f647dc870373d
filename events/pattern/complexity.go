package pattern

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Complexity is how many places in the wildcards of one field a single string
// can have reached at once, at most. A place is a prefix of a wildcard; "*a*a*a"
// has reached six of them after aaa. Counting ends beyond [MaxComplexity].
//
// Wildcards of one field count together, within an alternative and across those
// alternatives of $or that agree in all fields before it.
func (p *Pattern) Complexity() int {
	machines := map[string]*wildcardMachine{}
	for _, a := range p.alternatives {
		var before []byte
		for _, f := range a {
			before = append(appendString(before, f.path), ':')
			for _, c := range f.conditions {
				ws := wildcardsOf(c)
				if len(ws) == 0 {
					continue
				}
				m := machines[string(before)]
				if m == nil {
					m = &wildcardMachine{known: map[string]bool{}, groups: map[string]int{}}
					machines[string(before)] = m
				}
				m.add(c, ws)
			}
			before = append(appendConditions(before, f.conditions), ',')
		}
	}
	complexity := 0
	for _, m := range machines {
		complexity = max(complexity, m.complexity())
	}
	return complexity
}

func wildcardsOf(c condition) []wildcard {
	switch c := c.(type) {
	case wildcard:
		return []wildcard{c}
	case anythingBut:
		var ws []wildcard
		for _, e := range c.excluded {
			if w, ok := e.(wildcard); ok {
				ws = append(ws, w)
			}
		}
		return ws
	}
	return nil
}

// A place is a position in a wildcard, after its first bytes or stars.
type place struct {
	symbol int // what leads on from here: a byte, star, or end
	group  int // places of equal group count once: see add
}

const (
	star = 256
	end  = 257
)

// A wildcardMachine is all wildcards of a field, their places laid out one
// after the other. The first place of each, where nothing is read, is left out
// of the count.
type wildcardMachine struct {
	known  map[string]bool
	places []place
	starts []int
	groups map[string]int
}

// add lays out the wildcards of one condition. Those of one anything-but share
// the places before their first star and count there once.
func (m *wildcardMachine) add(c condition, wildcards []wildcard) {
	name := string(c.appendJSON(nil))
	if m.known[name] {
		return
	}
	m.known[name] = true
	group := func(key string) int {
		if _, ok := m.groups[key]; !ok {
			m.groups[key] = len(m.groups)
		}
		return m.groups[key]
	}
	for i, w := range wildcards {
		m.starts = append(m.starts, len(m.places))
		path := append([]byte(name), 0)
		shared := true
		visit := func(symbol int) {
			m.places = append(m.places, place{symbol: symbol, group: group(string(path))})
			path = binary.AppendUvarint(path, uint64(symbol))
			if shared && symbol == star {
				shared = false
			} else if !shared && len(wildcards) > 1 {
				path = binary.AppendUvarint(append(path, 1), uint64(i))
			}
		}
		// The quotation marks of the string are places too.
		visit('"')
		for j, literal := range w.literals {
			if j > 0 {
				visit(star)
			}
			for _, b := range []byte(literal) {
				visit(int(b))
			}
		}
		visit('"')
		path = append([]byte(name), "end"...)
		m.places = append(m.places, place{symbol: end, group: group(string(path))})
	}
}

// maxExplored bounds the sets of places looked at; a pattern with more of them
// counts as too complex.
const maxExplored = 1 << 14

// complexity walks through all sets of places that a string can reach.
func (m *wildcardMachine) complexity() int {
	start := slices.Clone(m.starts)
	seen := map[string]bool{}
	pending := [][]int{start}
	most := 0
	for len(pending) > 0 {
		active := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, symbol := range m.symbols(active) {
			next := m.step(active, symbol)
			most = max(most, m.count(next))
			if most > MaxComplexity || len(seen) > maxExplored {
				return MaxComplexity + 1
			}
			if key := keyOf(next); len(next) > 0 && !seen[key] {
				seen[key] = true
				pending = append(pending, next)
			}
		}
	}
	return most
}

// symbols are the bytes that make a difference, and one for all others.
func (m *wildcardMachine) symbols(active []int) []int {
	symbols := []int{-1}
	for _, at := range active {
		if s := m.places[at].symbol; s < star && !slices.Contains(symbols, s) {
			symbols = append(symbols, s)
		}
	}
	return symbols
}

// step returns the places reached by one more byte, in order.
func (m *wildcardMachine) step(active []int, symbol int) []int {
	var next []int
	reach := func(at int) {
		for {
			if !slices.Contains(next, at) {
				next = append(next, at)
			}
			// A star may stand for nothing, so the place after it is reached too.
			if m.places[at].symbol != star {
				return
			}
			at++
		}
	}
	for _, at := range active {
		if m.places[at].symbol == symbol {
			reach(at + 1)
		}
		// No wildcard ends with a star, since a quotation mark follows; so the
		// place before is of the same wildcard.
		if at > 0 && m.places[at-1].symbol == star {
			reach(at)
		}
	}
	slices.Sort(next)
	return next
}

func (m *wildcardMachine) count(active []int) int {
	var groups []int
	for _, at := range active {
		if g := m.places[at].group; !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return len(groups)
}

func keyOf(places []int) string {
	var b strings.Builder
	for _, p := range places {
		b.Write(binary.AppendUvarint(nil, uint64(p)))
	}
	return b.String()
}
