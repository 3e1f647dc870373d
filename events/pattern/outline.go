package pattern

import (
	"fmt"
	"slices"
	"strings"
)

// An outline is all that an event has, by path: what patterns see and what they
// do not.
type outline struct {
	spots map[string][]spot
	names map[string][]string // of the members of the objects at a path
}

// A spot is a value of any kind; the elements of an array stand at its path.
type spot struct {
	kind  kind
	json  string // of a scalar
	size  int    // of an object or array
	first []string
}

func outlineOf(e *Event) *outline {
	o := &outline{spots: map[string][]spot{}, names: map[string][]string{}}
	s := newScanner(e.src)
	if t, err := s.next(); err == nil {
		o.read(&s, t, "", 0)
	}
	return o
}

// read adds a value whose first token is read. The event was parsed before, so
// there are no errors but the end.
func (o *outline) read(s *scanner, t token, path string, depth int) {
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
		o.spots[path] = append(o.spots[path], spot{kind: t.kind, size: len(names), first: names})
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
		o.spots[path] = append(o.spots[path], spot{kind: t.kind, size: size})
	default:
		v := value{kind: t.kind, raw: t.raw}
		o.spots[path] = append(o.spots[path], spot{kind: t.kind, json: v.json()})
	}
}

// maxDescribed is how many values of one path are shown.
const maxDescribed = 5

// describe says what stands at a path, "nothing" if nothing does.
func (o *outline) describe(path string) []string {
	var found []string
	for _, s := range o.spots[path] {
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

func (s spot) describe() string {
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

// has reports whether a value of this kind stands at the path.
func (o *outline) has(path string, k kind) bool {
	return slices.ContainsFunc(o.spots[path], func(s spot) bool { return s.kind == k })
}
