package pattern

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// An Explanation explains why an event matches a pattern or does not. It is a tree with
// a node for each step of the pattern's paths. It can be marshaled to JSON, and
// [Explanation.String] formats it as text.
type Explanation struct {
	// Name is the last step of the path; "event" for the whole, "$or" for a
	// choice, "branch 2" for one of its alternatives.
	Name string `json:"name"`
	// Path is the whole path; empty for nodes that stand for no path.
	Path    string `json:"path,omitempty"`
	Matched bool   `json:"matched"`
	// Wanted is the list of conditions of a field.
	Wanted jsontext.Value `json:"wanted,omitempty"`
	// Found is what the event has there, described: a scalar as JSON.
	Found []string `json:"found,omitempty"`
	// Decided is the condition that held, and For the value that it held for;
	// empty where a field's absence decided.
	Decided jsontext.Value `json:"decided,omitempty"`
	For     string         `json:"for,omitempty"`
	// Notes name near misses, and what would be right.
	Notes    []string       `json:"notes,omitempty"`
	Children []*Explanation `json:"children,omitempty"`
}

// Explain returns why the event matches the pattern or does not. $or is expanded: the
// explanation has the fields that all branches share first, then each branch.
func Explain(p *Pattern, event *Event) *Explanation {
	x := explainer{event: event, paths: readPaths(event)}
	root := &Explanation{Name: "event", Matched: p.Match(event)}
	if len(p.alternatives) == 1 {
		x.alternative(root, p.alternatives[0], nil)
		return root
	}
	common := commonFields(p.alternatives)
	shown := p.alternatives[0]
	for _, a := range p.alternatives {
		if a.match(event) {
			shown = a
			break
		}
	}
	x.fields(root, shown, func(f *field) bool { return common[f.path] })
	or := &Explanation{Name: orKeyword, Matched: root.Matched}
	for i, a := range p.alternatives {
		branch := &Explanation{Name: fmt.Sprintf("branch %d", i+1), Matched: a.match(event)}
		x.alternative(branch, a, common)
		or.Children = append(or.Children, branch)
	}
	root.Children = append(root.Children, or)
	return root
}

// commonFields are the paths whose conditions all alternatives share.
func commonFields(alternatives []fieldSet) map[string]bool {
	conditions := map[string]string{}
	for _, f := range alternatives[0] {
		conditions[f.path] = string(appendConditions(nil, f.conditions))
	}
	for _, a := range alternatives[1:] {
		own := map[string]string{}
		for _, f := range a {
			if text := string(appendConditions(nil, f.conditions)); conditions[f.path] == text {
				own[f.path] = text
			}
		}
		conditions = own
	}
	common := map[string]bool{}
	for path := range maps.Keys(conditions) {
		common[path] = true
	}
	return common
}

type explainer struct {
	event *Event
	paths *eventPaths
}

// fieldSet explains all fields but those explained already.
func (x *explainer) alternative(parent *Explanation, a fieldSet, explained map[string]bool) {
	alone := x.fields(parent, a, func(f *field) bool { return !explained[f.path] })
	told := slices.ContainsFunc(parent.Children, func(c *Explanation) bool { return !c.Matched })
	if alone && !parent.Matched && !told {
		parent.Notes = append(parent.Notes, x.reasonApart(a))
	}
}

// reasonApart returns why fields that match separately do not match together.
func (x *explainer) reasonApart(a fieldSet) string {
	if path, ok := x.dividingArray(a); ok {
		return fmt.Sprintf("each field holds, but in different elements of %s; one element must hold them all", path)
	}
	return "each field holds, but not together"
}

// fields adds a node for each field that is asked for, and reports whether all
// fields of the alternative hold one by one.
func (x *explainer) fields(parent *Explanation, a fieldSet, asked func(*field) bool) bool {
	together := search{event: x.event.all(), chosenLeaves: make([]*value, len(a))}
	together.matchFrom(a, nil)
	all := true
	for i := range a {
		f := &a[i]
		alone := fieldSet{*f}.match(x.event)
		all = all && alone
		if !asked(f) {
			continue
		}
		node := x.nodeAt(parent, f.path)
		node.Matched = alone
		node.Wanted = appendConditions(nil, f.conditions)
		node.Found = x.paths.describe(f.path)
		if alone {
			x.setDecided(node, f, together.chosenLeaves[i])
		} else {
			node.Notes = x.nearMisses(f)
		}
	}
	for _, c := range parent.Children {
		x.resolveParents(c, a)
	}
	return all
}

// place finds or makes the node of a path below parent.
func (x *explainer) nodeAt(parent *Explanation, path string) *Explanation {
	node, from := parent, 0
	for {
		end := len(path)
		if i := strings.IndexByte(path[from:], '.'); i >= 0 {
			end = from + i
		}
		sofar := path[:end]
		i := slices.IndexFunc(node.Children, func(c *Explanation) bool { return c.Path == sofar })
		if i < 0 {
			node.Children = append(node.Children, &Explanation{Name: path[from:end], Path: sofar})
			i = len(node.Children) - 1
		}
		node = node.Children[i]
		if end == len(path) {
			return node
		}
		from = end + 1
	}
}

// settle decides the nodes above the fields: all below must match, and together.
func (x *explainer) resolveParents(node *Explanation, a fieldSet) {
	if len(node.Children) == 0 {
		return
	}
	matched := node.Wanted == nil || node.Matched
	for _, c := range node.Children {
		x.resolveParents(c, a)
		matched = matched && c.Matched
	}
	if matched {
		below := slices.DeleteFunc(slices.Clone(a), func(f field) bool {
			return f.path != node.Path && !strings.HasPrefix(f.path, node.Path+".")
		})
		if matched = below.match(x.event); !matched {
			node.Notes = append(node.Notes, x.reasonApart(below))
		}
	}
	node.Matched = matched
}

// decide names the condition that held, for the leaf that was chosen, or for
// the first that would do.
func (x *explainer) setDecided(node *Explanation, f *field, pick *value) {
	leaves := x.event.all().at(f.path)
	if pick != nil {
		leaves = []value{*pick}
	}
	for i := range leaves {
		for _, c := range f.conditions {
			if c.holds(&leaves[i]) {
				node.Decided = c.appendJSON(nil)
				node.For = leaves[i].json()
				return
			}
		}
	}
	node.Decided = absent{}.appendJSON(nil)
}

// json is the value as JSON.
func (v *value) json() string {
	if v.kind == stringValue {
		return string(appendString(nil, v.text()))
	}
	return v.raw
}

// dividingArray returns the innermost array whose elements keep fields apart.
func (x *explainer) dividingArray(a fieldSet) (path string, ok bool) {
	fieldsIn := map[string]int{}
	for i := range a {
		paths := map[string]bool{}
		for _, v := range x.event.all().at(a[i].path) {
			if !a[i].holds(&v) {
				continue
			}
			for e := v.element; e != nil; e = e.outer {
				paths[e.array.path] = true
			}
		}
		for p := range paths {
			fieldsIn[p]++
		}
	}
	for p, n := range fieldsIn {
		if n > 1 && (!ok || len(p) > len(path)) {
			path, ok = p, true
		}
	}
	return path, ok
}
