package pattern

import (
	"cmp"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/internal/jsonscan"
)

// Text is skipped by package jsonscan, which accepts only what the scanner accepts. What
// it does not read (an error, deep nesting) is left to the scanner, which reports errors
// in AWS's words.

// quickValid reports whether text is an event without errors, as far as jsonscan can
// decide. What follows the event is ignored, as the scanner does.
func quickValid(text string) bool {
	i := jsonscan.Space(text, 0)
	return i < len(text) && text[i] == '{' && jsonscan.Value(text, i) >= 0
}

// A Matcher reads from an event only the leaves at paths that its patterns name. The
// paths are a tree of names, so that a member that no pattern names is skipped with
// all that it contains.

// A pathNode is a path that patterns name, or the beginning of one.
type pathNode struct {
	index  *pathIndex // nil if no entry is filed under the path
	path   string
	name   string // the last of the path's names
	parent *pathNode
	// children are the paths that are one name longer; byName has them as well if
	// there are many.
	children []*pathNode
	byName   map[string]*pathNode
	// fields is how many fields of entries have this path; slot is its number in
	// index.slots while there are any.
	fields int
	slot   int32
}

// maxListed is the greatest number of names that is searched without a map.
const maxListed = 8

// child returns the node for a name below n, which may contain dots; nil if no
// pattern names it.
func (n *pathNode) child(name string) *pathNode {
	for n != nil {
		if c := n.step(name); c != nil {
			return c
		}
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			return nil
		}
		n, name = n.step(name[:dot]), name[dot+1:]
	}
	return nil
}

func (n *pathNode) step(name string) *pathNode {
	if n.byName != nil {
		return n.byName[name]
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// grow returns the node for a path, which it adds if need be.
func (n *pathNode) grow(path string) *pathNode {
	end := 0
	for name := range strings.SplitSeq(path, ".") {
		end += len(name)
		c := n.step(name)
		if c == nil {
			c = &pathNode{path: path[:end], name: name, parent: n}
			n.children = append(n.children, c)
			switch {
			case n.byName != nil:
				n.byName[name] = c
			case len(n.children) > maxListed:
				n.byName = make(map[string]*pathNode, len(n.children))
				for _, c := range n.children {
					n.byName[c.name] = c
				}
			}
		}
		n = c
		end++ // the dot
	}
	return n
}

// prune removes n, and what it was the last child of, if no pattern needs them.
func (n *pathNode) prune() {
	for n.parent != nil && n.fields == 0 && len(n.children) == 0 {
		p := n.parent
		i := slices.Index(p.children, n)
		p.children = slices.Delete(p.children, i, i+1)
		if delete(p.byName, n.name); len(p.children) <= maxListed {
			p.byName = nil
		}
		n = p
	}
}

// name notes that a field of an entry has this path, and returns its node.
func (x *index) name(path string) *pathNode {
	n := x.root.grow(path)
	if n.fields++; n.fields == 1 {
		if free := len(x.freeSlots); free > 0 {
			n.slot = x.freeSlots[free-1]
			x.freeSlots = x.freeSlots[:free-1]
			x.slots[n.slot] = n
		} else {
			n.slot = int32(len(x.slots))
			x.slots = append(x.slots, n)
		}
	}
	return n
}

// forget undoes one call of name.
func (x *index) forget(n *pathNode) {
	if n.fields--; n.fields == 0 {
		x.slots[n.slot] = nil
		x.freeSlots = append(x.freeSlots, n.slot)
		n.prune()
	}
}

// A selection is the leaves of one event at the paths of an index.
type selection struct {
	leaves []value   // those of a slot adjacent, in the event's order
	slots  []leafRun // by slot; empty for a path without leaves
	found  []int32   // the slots that are not empty

	src      string
	inside   *element
	elements int
	depth    int
}

// A leafRun is leaves[from:to] of a selection.
type leafRun struct{ from, to int32 }

func (l *selection) at(slot int32) []value {
	r := l.slots[slot]
	return l.leaves[r.from:r.to]
}

// reset forgets the event.
func (l *selection) reset() {
	clear(l.leaves)
	for _, slot := range l.found {
		l.slots[slot] = leafRun{}
	}
	*l = selection{leaves: l.leaves[:0], slots: l.slots, found: l.found[:0]}
}

// read selects the leaves of an event, and reports whether it could: if not, the
// event has an error, or only the scanner can read it.
func (l *selection) read(x *index, src string) bool {
	l.src = src
	if n := len(x.slots) - len(l.slots); n > 0 {
		l.slots = append(l.slots, make([]leafRun, n)...)
	}
	i := jsonscan.Space(src, 0)
	if i >= len(src) || src[i] != '{' || l.object(&x.root, i) < 0 {
		return false
	}
	l.group()
	return true
}

// group makes the leaves of each slot adjacent, as they usually are: only elements of
// arrays and repeated names can separate them.
func (l *selection) group() {
	if l.runs() {
		return
	}
	for _, slot := range l.found {
		l.slots[slot] = leafRun{}
	}
	l.found = l.found[:0]
	slices.SortFunc(l.leaves, func(a, b value) int {
		return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.at, b.at))
	})
	l.runs()
}

// runs notes the leaves of each slot, and reports whether they are adjacent.
func (l *selection) runs() bool {
	for from := 0; from < len(l.leaves); {
		slot := l.leaves[from].slot
		to := from + 1
		for to < len(l.leaves) && l.leaves[to].slot == slot {
			to++
		}
		if l.slots[slot].to > 0 {
			return false
		}
		l.slots[slot] = leafRun{int32(from), int32(to)}
		l.found = append(l.found, slot)
		from = to
	}
	return true
}

// object reads the object whose brace is at i and whose path is n's. It returns the
// offset after the object, or -1.
func (l *selection) object(n *pathNode, i int) int {
	s := l.src
	if len(n.children) == 0 {
		return jsonscan.Value(s, i)
	}
	if l.depth++; l.depth > jsonscan.MaxDepth {
		return -1
	}
	if i = jsonscan.Space(s, i+1); i < len(s) && s[i] == '}' {
		l.depth--
		return i + 1
	}
	for {
		if i >= len(s) || s[i] != '"' {
			return -1
		}
		start := i
		var escaped bool
		if i, escaped = jsonscan.String(s, start); i < 0 {
			return -1
		}
		name := s[start+1 : i-1]
		if escaped {
			name = unescaped(s, start)
			name = name[1 : len(name)-1]
		}
		if i = jsonscan.Space(s, i); i >= len(s) || s[i] != ':' {
			return -1
		}
		if i = l.value(n.child(name), i+1); i < 0 {
			return -1
		}
		if i = jsonscan.Space(s, i); i >= len(s) {
			return -1
		}
		switch s[i] {
		case ',':
			i = jsonscan.Space(s, i+1)
		case '}':
			l.depth--
			return i + 1
		default:
			return -1
		}
	}
}

// unescaped returns the string at i as the scanner does, with its quotation marks.
func unescaped(s string, i int) string {
	sc := scanner{src: s, pos: i}
	text, _ := sc.quoted() // jsonscan has found no error
	return text
}

// value reads the value at i, whose path is n's. It returns the offset after the
// value, or -1.
func (l *selection) value(n *pathNode, i int) int {
	s := l.src
	if n == nil {
		return jsonscan.Value(s, i)
	}
	if i = jsonscan.Space(s, i); i >= len(s) {
		return -1
	}
	switch s[i] {
	case '{':
		return l.object(n, i)
	case '[':
		return l.array(n, i)
	default:
		return l.scalar(n, i)
	}
}

func (l *selection) scalar(n *pathNode, i int) int {
	s := l.src
	v := value{slot: n.slot, at: int32(len(l.leaves)), element: l.inside}
	end := 0
	if s[i] == '"' {
		var escaped bool
		if end, escaped = jsonscan.String(s, i); end < 0 {
			return -1
		}
		v.kind, v.raw = stringValue, s[i:end]
		if escaped {
			v.raw = unescaped(s, i)
		}
	} else {
		if end = jsonscan.Scalar(s, i); end < 0 {
			return -1
		}
		v.raw = s[i:end]
		switch s[i] {
		case 't':
			v.kind = trueValue
		case 'f':
			v.kind = falseValue
		case 'n':
			v.kind = nullValue
		default:
			v.kind = numberValue
			v.number, v.comparable = comparableNumber(v.raw)
		}
	}
	if n.fields > 0 {
		l.leaves = append(l.leaves, v)
	}
	return end
}

// array reads the array whose bracket is at i; see eventReader.array.
func (l *selection) array(n *pathNode, i int) int {
	s := l.src
	if l.depth++; l.depth > jsonscan.MaxDepth {
		return -1
	}
	outer, from := l.inside, int32(len(l.leaves))
	var a *array
	if i = jsonscan.Space(s, i+1); i < len(s) && s[i] == ']' {
		l.depth--
		return i + 1
	}
	for {
		if i = jsonscan.Space(s, i); i >= len(s) {
			return -1
		}
		if c := s[i]; c != '{' && c != '[' {
			i = l.scalar(n, i)
		} else {
			if a == nil {
				a = &array{path: n.path, from: from}
			}
			l.elements++
			e := &element{id: l.elements, outer: outer, array: a, from: int32(len(l.leaves))}
			l.inside = e
			if c == '{' {
				i = l.object(n, i)
			} else {
				i = l.array(n, i)
			}
			e.to = int32(len(l.leaves))
			l.inside = outer
		}
		if i < 0 {
			return -1
		}
		if i = jsonscan.Space(s, i); i >= len(s) {
			return -1
		}
		switch s[i] {
		case ',':
			i++
		case ']':
			if a != nil {
				a.to = int32(len(l.leaves))
			}
			l.depth--
			return i + 1
		default:
			return -1
		}
	}
}
