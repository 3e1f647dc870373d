package pattern

import (
	"maps"
	"slices"
	"unicode/utf8"
)

// A Pattern is a compiled event pattern. It is immutable and safe for concurrent use.
type Pattern struct {
	// alternatives are the expansion of $or: an event matches the pattern if it matches
	// one of them.
	alternatives []fieldSet
}

// An fieldSet is a list of fields that must all match, sorted by path.
type fieldSet []field

// A field is a path and the conditions of which one must hold there.
type field struct {
	path       string
	conditions []condition
	absent     bool  // oneKey of the conditions is {"exists": false}
	value      bool  // oneKey of them is another
	slot       int32 // of the path, in the entry of an index
}

// Compile reads an event pattern. A pattern that AWS refuses is refused with an
// [*Error] in AWS's words. Limits of the service are not checked here; see
// [Admit].
func Compile(pattern []byte) (*Pattern, error) {
	if !utf8.Valid(pattern) {
		return nil, &Error{Reason: "Invalid UTF-8", Hint: "encode the pattern as UTF-8"}
	}
	c := compiler{scanner: newScanner(string(pattern)), product: 1}
	c.scanner.lookAhead = true
	if err := c.compile(); err != nil {
		return nil, c.refusal(err)
	}
	p := &Pattern{alternatives: make([]fieldSet, len(c.rules))}
	for i, rule := range c.rules {
		p.alternatives[i] = newAlternative(rule)
	}
	return p, nil
}

func newAlternative(rule map[string][]condition) fieldSet {
	a := make(fieldSet, 0, len(rule))
	for _, path := range slices.Sorted(maps.Keys(rule)) {
		f := field{path: path, conditions: rule[path]}
		for _, c := range f.conditions {
			if _, ok := c.(absent); ok {
				f.absent = true
			} else {
				f.value = true
			}
		}
		a = append(a, f)
	}
	return a
}

// Match reports whether the event matches.
func (p *Pattern) Match(event *Event) bool {
	for _, a := range p.alternatives {
		if a.match(event) {
			return true
		}
	}
	return false
}

// MatchJSON parses the event and reports whether it matches. Where one event
// meets many patterns, [Parse] it once instead.
func (p *Pattern) MatchJSON(event []byte) (bool, error) {
	e, err := Parse(event)
	if err != nil {
		return false, err
	}
	return p.Match(e), nil
}

// String gives the pattern in a normal form that compiles to the same pattern:
// paths are dotted, $or is multiplied out.
func (p *Pattern) String() string {
	if len(p.alternatives) == 1 {
		return string(append(appendFields([]byte{'{'}, p.alternatives[0]), '}'))
	}
	// A reserved name cannot stand inside $or. Outside it is the same in every
	// alternative, since no branch could replace it.
	var common, reserved fieldSet
	common = p.alternatives[0]
	for _, f := range common {
		if reservedInOr(f.path) {
			reserved = append(reserved, f)
		}
	}
	b := appendFields([]byte{'{'}, reserved)
	if len(reserved) > 0 {
		b = append(b, ',')
	}
	b = append(b, `"$or":[`...)
	for i, a := range p.alternatives {
		if i > 0 {
			b = append(b, ',')
		}
		own := slices.DeleteFunc(slices.Clone(a), func(f field) bool { return reservedInOr(f.path) })
		b = append(appendFields(append(b, '{'), own), '}')
	}
	return string(append(b, "]}"...))
}

func appendFields(b []byte, fields fieldSet) []byte {
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, f.path)
		b = append(b, ':')
		b = appendConditions(b, f.conditions)
	}
	return b
}
