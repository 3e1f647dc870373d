package pattern

import (
	"fmt"
	"slices"
	"strings"
)

// eventPaths lists all values of an event by path, including those that patterns
// do not see.
type eventPaths struct {
	values map[string][]pathValue
	names  map[string][]string // of the members of the objects at a path
}

// A pathValue is a value of any kind; the elements of an array have its path.
type pathValue struct {
	kind  kind
	json  string // of a scalar
	size  int    // of an object or array
	first []string
}

func readPaths(e *Event) *eventPaths {
	o := &eventPaths{values: map[string][]pathValue{}, names: map[string][]string{}}
	s := newScanner(e.src)
	if t, err := s.next(); err == nil {
		o.read(&s, t, "", 0)
	}
	return o
}

// read adds a value whose first token has been read. The event was parsed before,
// so that the only error is the end of the text.
func (o *eventPaths) read(s *scanner, t token, path string, depth int) {
	switch t.kind {
	case objectStart:
		var names []string
		for {
			name, err := s.next()
			if err != nil || name.kind != fieldName {
				break
			}
			names = append(names, name.text())
			full := name.text()
			if depth > 0 {
				full = path + "." + full
			}
			first, err := s.next()
			if err != nil {
				break
			}
			o.read(s, first, full, depth+1)
		}
		o.values[path] = append(o.values[path], pathValue{kind: t.kind, size: len(names), first: names})
		for _, name := range names {
			if !slices.Contains(o.names[path], name) {
				o.names[path] = append(o.names[path], name)
			}
		}
	case arrayStart:
		size := 0
		for {
			element, err := s.next()
			if err != nil || element.kind == arrayEnd {
				break
			}
			size++
			o.read(s, element, path, depth+1)
		}
		o.values[path] = append(o.values[path], pathValue{kind: t.kind, size: size})
	default:
		v := value{kind: t.kind, raw: t.raw}
		o.values[path] = append(o.values[path], pathValue{kind: t.kind, json: v.json()})
	}
}

// maxDescribed is how many values of one path are shown.
const maxDescribed = 5

// describe lists the values at a path; "nothing" if there is none.
func (o *eventPaths) describe(path string) []string {
	var found []string
	for _, s := range o.values[path] {
		switch {
		case s.kind == arrayStart && s.size > 0: // its elements are here too
		case len(found) == maxDescribed:
			return append(found, "…")
		default:
			found = append(found, s.describe())
		}
	}
	if found == nil {
		found = []string{"nothing"}
	}
	return found
}

const maxShown = 80

func (s pathValue) describe() string {
	switch s.kind {
	case objectStart:
		if s.size == 0 {
			return "an empty object"
		}
		names := s.first
		more := ""
		if len(names) > maxDescribed {
			names, more = names[:maxDescribed], ", …"
		}
		return fmt.Sprintf("an object with %s%s", strings.Join(names, ", "), more)
	case arrayStart:
		return "an empty array"
	}
	if text := []rune(s.json); len(text) > maxShown {
		return string(text[:maxShown]) + "…"
	}
	return s.json
}

// has reports whether there is a value of this kind at the path.
func (o *eventPaths) has(path string, k kind) bool {
	return slices.ContainsFunc(o.values[path], func(s pathValue) bool { return s.kind == k })
}
