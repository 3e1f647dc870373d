package pattern

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// An Event is parsed once and may then be matched against any number of
// patterns. It is immutable and safe for concurrent use.
type Event struct {
	src string
	// flat and err are set when the leaves are first needed: a Matcher reads the text instead.
	once sync.Once
	flat *flatEvent
	err  error
}

// A flatEvent is all leaves of an event.
type flatEvent struct {
	leaves []value // sorted by path, then in the event's order
	paths  []pathLeaves
}

// pathLeaves are the leaves at one path: leaves[from:to].
type pathLeaves struct {
	path     string
	from, to int
}

// A value is a leaf of an event: a scalar, whose path leaves out the arrays it
// stands in.
type value struct {
	kind       kind
	comparable bool
	raw        string  // as in token
	number     float64 // of a number, where comparable
	path       string
	at         int32    // the leaves before it in the event
	slot       int32    // of the path, in a selection
	element    *element // the innermost array element that holds it
}

// An element is an object or array that is an element of an array. Matched
// leaves must not come from different elements of one array.
type element struct {
	id       int
	outer    *element // the element that holds the array
	array    *array
	from, to int32 // its leaves
}

type array struct {
	path     string
	from, to int32
}

func (v *value) text() string { return v.raw[1 : len(v.raw)-1] }

// address returns the digits of the IP address that the value is.
func (v *value) address() (string, bool) {
	if v.kind != stringValue || !looksLikeIP(v.text()) {
		return "", false
	}
	return parseIP(v.text())
}

// usualLeaves is how many leaves room is made for at once, at most.
const usualLeaves = 64

// Parse reads an event. As on AWS a name may occur twice in an object, and then
// both of its values count; what follows the event is ignored.
func Parse(event []byte) (*Event, error) {
	if !utf8.Valid(event) {
		return nil, notUTF8()
	}
	e := &Event{src: string(event)}
	if quickValid(e.src) {
		return e, nil
	}
	if _, err := e.flatten(); err != nil {
		return nil, err
	}
	return e, nil
}

func notUTF8() error { return &EventError{Reason: "not UTF-8", Line: 1, Column: 1} }

// flatten returns all leaves. An event that Parse has returned has no error.
func (e *Event) flatten() (*flatEvent, error) {
	e.once.Do(func() { e.flat, e.err = flattened(e.src) })
	return e.flat, e.err
}

// all returns the leaves of an event that Parse has returned.
func (e *Event) all() *flatEvent {
	all, _ := e.flatten()
	return all
}

// flattened reads the leaves of an event with the scanner.
func flattened(src string) (*flatEvent, error) {
	r := eventReader{
		scanner: newScanner(src),
		leaves:  make([]value, 0, min(strings.Count(src, ":"), usualLeaves)),
	}
	if err := r.event(); err != nil {
		at := r.scanner.pos
		if syntax, ok := err.(*syntaxError); ok {
			at = syntax.at
		}
		line, column := position(src, at)
		return nil, &EventError{Reason: err.Error(), Line: line, Column: column}
	}
	e := &flatEvent{leaves: r.leaves}
	slices.SortFunc(e.leaves, func(a, b value) int {
		return cmp.Or(strings.Compare(a.path, b.path), cmp.Compare(a.at, b.at))
	})
	for i := range e.leaves {
		if n := len(e.paths); n == 0 || e.paths[n-1].path != e.leaves[i].path {
			e.paths = append(e.paths, pathLeaves{path: e.leaves[i].path, from: i})
		}
		e.paths[len(e.paths)-1].to = i + 1
	}
	return e, nil
}

// at returns the leaves at a path.
func (e *flatEvent) at(path string) []value {
	i, found := slices.BinarySearchFunc(e.paths, path, func(p pathLeaves, path string) int {
		return strings.Compare(p.path, path)
	})
	if !found {
		return nil
	}
	return e.leaves[e.paths[i].from:e.paths[i].to]
}

// An eventReader flattens an event in one pass.
type eventReader struct {
	scanner scanner
	leaves  []value
	path    []byte
	steps   int
	inside  *element

	elements int
}

func (r *eventReader) event() error {
	t, err := r.scanner.next()
	if err != nil {
		return err
	}
	if t.kind != objectStart {
		return fail(t.start, "Event must be a JSON object")
	}
	return r.object()
}

func (r *eventReader) object() error {
	outer := len(r.path)
	r.steps++
	for {
		name, err := r.scanner.next()
		if err != nil {
			return err
		}
		if name.kind == objectEnd {
			r.path = r.path[:outer]
			r.steps--
			return nil
		}
		r.path = r.path[:outer]
		if r.steps > 1 {
			r.path = append(r.path, '.')
		}
		r.path = append(r.path, name.text()...)
		t, err := r.scanner.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case objectStart:
			err = r.object()
		case arrayStart:
			err = r.array(string(r.path))
		default:
			r.leaf(t, string(r.path))
		}
		if err != nil {
			return err
		}
	}
}

func (r *eventReader) leaf(t token, path string) {
	v := value{kind: t.kind, raw: t.raw, path: path, at: int32(len(r.leaves)), element: r.inside}
	if t.kind == numberValue {
		v.number, v.comparable = comparableNumber(t.raw)
	}
	r.leaves = append(r.leaves, v)
}

func (r *eventReader) array(path string) error {
	outer := r.inside
	a := &array{path: path, from: int32(len(r.leaves))}
	defer func() {
		a.to = int32(len(r.leaves))
		r.inside = outer
	}()
	for {
		t, err := r.scanner.next()
		if err != nil || t.kind == arrayEnd {
			return err
		}
		r.inside = outer
		if t.kind.isScalar() {
			// A scalar belongs to no element: any two of one array go together.
			r.leaf(t, path)
			continue
		}
		r.elements++
		e := &element{id: r.elements, outer: outer, array: a, from: int32(len(r.leaves))}
		r.inside = e
		if t.kind == objectStart {
			err = r.object()
		} else {
			err = r.array(path)
		}
		if err != nil {
			return err
		}
		e.to = int32(len(r.leaves))
	}
}
