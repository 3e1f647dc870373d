package pattern

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// nearMisses returns descriptions of the values in the event that almost match a field
// that does not match.
func (x *explainer) nearMisses(f *field) []string {
	leaves := x.event.all().at(f.path)
	if len(leaves) == 0 {
		return x.missing(f)
	}
	if f.absent && !f.value {
		return []string{"it is there, and must not be; null is there too, and so is a value in any element of an array"}
	}
	var notes []string
	add := func(note string) {
		if note != "" && len(notes) < maxDescribed {
			for _, n := range notes {
				if n == note {
					return
				}
			}
			notes = append(notes, note)
		}
	}
	for i := range leaves {
		for _, c := range f.conditions {
			add(nearMiss(c, &leaves[i]))
		}
	}
	return notes
}

// missing explains why a path has no leaves.
func (x *explainer) missing(f *field) []string {
	o := x.paths
	switch {
	case o.has(f.path, objectStart):
		if f.wantsExistence() {
			return []string{"exists looks for a value: an object counts as absent; ask for a field in it"}
		}
		return []string{"it is an object: conditions look at values, so name a field in it"}
	case o.has(f.path, arrayStart):
		return []string{"an empty array counts as absent"}
	}
	steps := strings.Split(f.path, ".")
	known := len(steps) - 1
	for known > 0 && len(o.values[strings.Join(steps[:known], ".")]) == 0 {
		known--
	}
	parent, step := strings.Join(steps[:known], "."), steps[known]
	if known > 0 && !o.has(parent, objectStart) {
		return []string{x.scalarOnTheWay(parent)}
	}
	var notes []string
	if near, ok := closest(step, o.names[parent]); ok {
		note := fmt.Sprintf("the event has %q, not %q", near, step)
		if strings.EqualFold(near, step) {
			note += ": names are case-sensitive"
		}
		notes = append(notes, note)
	} else if elsewhere, ok := x.elsewhere(f.path); ok {
		notes = append(notes, fmt.Sprintf("the event has it at %s", elsewhere))
	}
	for _, c := range f.conditions {
		if _, ok := c.(anythingBut); ok {
			notes = append(notes, `anything-but wants the field to be there; add {"exists": false} to the list if it need not be`)
			break
		}
	}
	return notes
}

func (f *field) wantsExistence() bool {
	for _, c := range f.conditions {
		if _, ok := c.(exists); ok {
			return true
		}
	}
	return false
}

func (x *explainer) scalarOnTheWay(path string) string {
	for _, s := range x.paths.values[path] {
		if s.kind == stringValue && strings.HasPrefix(s.json, `"{`) {
			return fmt.Sprintf("%s is a string that holds JSON: the object was encoded twice", path)
		}
	}
	return fmt.Sprintf("%s is %s, so there is nothing inside", path, strings.Join(x.paths.describe(path), ", "))
}

// elsewhere finds the path in the event that ends or goes on as the wanted one.
func (x *explainer) elsewhere(path string) (string, bool) {
	last := path[strings.LastIndexByte(path, '.')+1:]
	for _, p := range x.event.all().paths {
		if strings.HasSuffix(p.path, "."+path) || p.path == last || strings.HasSuffix(p.path, "."+last) {
			return p.path, true
		}
	}
	return "", false
}

// closest returns the name that was probably meant: one that differs in case,
// or in one letter of four, two at most.
func closest(wanted string, names []string) (string, bool) {
	best, fewest := "", min(max(utf8.RuneCountInString(wanted)/4, 1), 2)+1
	for _, name := range names {
		if strings.EqualFold(name, wanted) {
			return name, true
		}
		if d := distance(wanted, name); d < fewest {
			best, fewest = name, d
		}
	}
	return best, best != ""
}

// maxCompared keeps the comparing of names cheap.
const maxCompared = 64

// distance is how many letters must be added, dropped or replaced.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > maxCompared || len(t) > maxCompared {
		return maxCompared
	}
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range s {
		diagonal := row[0]
		row[0] = i + 1
		for j, u := range t {
			cost := diagonal
			if r != u {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(t)]
}

// nearMiss returns how a leaf almost meets a condition that does not hold for it, or "".
func nearMiss(c condition, v *value) string {
	switch c := c.(type) {
	case literal:
		return nearLiteral(string(c), v)
	case exactly:
		return nearLiteral(string(c), v)
	case address:
		return nearLiteral(c.text, v)
	case number:
		if v.kind == stringValue && comparableText(v.text()) {
			return fmt.Sprintf("%s is a string, %s a number", v.json(), c.text)
		}
	case keyword:
		if v.kind == stringValue && `"`+string(c.appendJSON(nil))+`"` == v.raw {
			return fmt.Sprintf("%s is a string, %s is not", v.json(), c.appendJSON(nil))
		}
	case numeric:
		return nearNumeric(v)
	case prefix:
		return nearText("prefix", string(c), v, hasPrefix)
	case suffix:
		return nearText("suffix", string(c), v, hasSuffix)
	case wildcard:
		return nearText("wildcard", c.text, v, hasWildcard)
	case block:
		if _, ok := v.address(); !ok {
			return fmt.Sprintf("%s is not an IP address in a string", v.json())
		}
	}
	return ""
}

func nearLiteral(wanted string, v *value) string {
	if v.kind != stringValue {
		if v.raw == wanted {
			return fmt.Sprintf("%s is a %s, %s a string", v.raw, v.kind, appendString(nil, wanted))
		}
		return ""
	}
	switch found := v.text(); {
	case strings.EqualFold(found, wanted):
		return fmt.Sprintf("%s differs only in case; %s would do", v.json(), appendOperator(nil, "equals-ignore-case", wanted))
	case strings.TrimSpace(found) == strings.TrimSpace(wanted):
		return fmt.Sprintf("%s differs only in space around it", v.json())
	case strings.Contains(wanted, "*"):
		if literals, reason := parseWildcard(wanted); reason == "" && matchWildcard(literals, found) {
			return fmt.Sprintf("a star in a literal is a star; %s would do", appendOperator(nil, "wildcard", wanted))
		}
	}
	return ""
}

// nearText compares once more without regard to case.
func nearText(operator, wanted string, v *value, holds func(wanted, found string) bool) string {
	if v.kind != stringValue {
		return fmt.Sprintf("%s is a %s; %s looks at strings only", v.raw, v.kind, operator)
	}
	if !holds(strings.ToLower(wanted), strings.ToLower(v.text())) {
		return ""
	}
	if operator == "wildcard" {
		return fmt.Sprintf("%s differs only in case; wildcard knows no other form", v.json())
	}
	return fmt.Sprintf("%s differs only in case; %s would do", v.json(), appendFolded(nil, operator, wanted))
}

func hasPrefix(wanted, found string) bool { return strings.HasPrefix(found, wanted) }
func hasSuffix(wanted, found string) bool { return strings.HasSuffix(found, wanted) }

func hasWildcard(wanted, found string) bool {
	literals, reason := parseWildcard(wanted)
	return reason == "" && matchWildcard(literals, found)
}

func nearNumeric(v *value) string {
	switch {
	case v.kind == stringValue && comparableText(v.text()):
		return fmt.Sprintf("%s is a string; numeric looks at numbers only", v.json())
	case v.kind == numberValue && !v.comparable:
		return fmt.Sprintf("%s has more digits than can be compared", v.raw)
	}
	return ""
}

// comparableText reports whether a string would be a number without its
// quotation marks.
func comparableText(s string) bool {
	scanner := newScanner(s)
	t, err := scanner.next()
	return err == nil && t.kind == numberValue && t.raw == s
}

// String names a kind of value as people do.
func (k kind) String() string {
	switch k {
	case objectStart, objectEnd:
		return "object"
	case arrayStart, arrayEnd:
		return "array"
	case fieldName:
		return "name"
	case stringValue:
		return "string"
	case numberValue:
		return "number"
	case trueValue, falseValue:
		return "boolean"
	case nullValue:
		return "null"
	default:
		return "end of input"
	}
}
