package jsonschema

import "strconv"

// An objectOp is properties, required, patternProperties and
// additionalProperties. It reads the members once.
type objectOp struct {
	schema     *schema
	entries    []property
	byName     map[string]int32 // index of entries, where there are many
	required   int
	patterns   []patternProperty
	additional *schema
	closed     bool // additional is the schema false
}

// A property is a name that properties or required lists.
type property struct {
	name     string
	sub      *schema // nil if properties does not list it
	required bool
}

type patternProperty struct {
	pattern *pattern
	sub     *schema
}

// fewProperties is how many names are compared one by one.
const fewProperties = 8

// add returns the entry of a name.
func (o *objectOp) add(name string) *property {
	if len(o.entries) > fewProperties && o.byName == nil {
		o.prepare()
	}
	if o.byName != nil {
		if i, ok := o.byName[name]; ok {
			return &o.entries[i]
		}
		o.byName[name] = int32(len(o.entries))
	} else {
		for i := range o.entries {
			if o.entries[i].name == name {
				return &o.entries[i]
			}
		}
	}
	o.entries = append(o.entries, property{name: name})
	return &o.entries[len(o.entries)-1]
}

func (o *objectOp) prepare() {
	if len(o.entries) <= fewProperties || o.byName != nil {
		return
	}
	o.byName = make(map[string]int32, len(o.entries))
	for i := range o.entries {
		o.byName[o.entries[i].name] = int32(i)
	}
}

// lookup returns the entry of a name, or nil.
func (o *objectOp) lookup(name []byte) *property {
	if o.byName != nil {
		if i, ok := o.byName[string(name)]; ok {
			return &o.entries[i]
		}
		return nil
	}
	for i := range o.entries {
		if o.entries[i].name == string(name) {
			return &o.entries[i]
		}
	}
	return nil
}

func (o *objectOp) check(r *run, n int32) bool {
	nodes := r.doc.nodes
	r.spend(int(nodes[n].count))
	required := 0
	if int(nodes[n].count) < o.required {
		return false
	}
	for m := n + 1; m < nodes[n].next; m = nodes[m+1].next {
		name := r.doc.str(m)
		evaluated := false
		if p := o.lookup(name); p != nil {
			if p.required {
				required++
			}
			if p.sub != nil {
				if evaluated = true; !r.valid(p.sub, m+1) {
					return false
				}
			}
		}
		for i := range o.patterns {
			p := &o.patterns[i]
			if p.pattern.matches(r, name) {
				if evaluated = true; !r.valid(p.sub, m+1) {
					return false
				}
			}
		}
		if !evaluated && o.additional != nil && !r.valid(o.additional, m+1) {
			return false
		}
	}
	return required == o.required
}

func (o *objectOp) at(keyword string) string { return place{o.schema, keyword}.location() }

func (o *objectOp) report(r *run, n int32) {
	nodes := r.doc.nodes
	r.spend(int(nodes[n].count))
	required := 0
	for m := n + 1; m < nodes[n].next; m = nodes[m+1].next {
		name := r.doc.str(m)
		evaluated := false
		if p := o.lookup(name); p != nil {
			if p.required {
				required++
			}
			if p.sub != nil {
				evaluated = true
				r.explainBelow(p.sub, m+1, m)
			}
		}
		for i := range o.patterns {
			p := &o.patterns[i]
			if p.pattern.matches(r, name) {
				evaluated = true
				r.explainBelow(p.sub, m+1, m)
			}
		}
		switch {
		case evaluated || o.additional == nil:
		case o.closed:
			r.violateAt(o.at("additionalProperties"), name, "is not a property of the schema")
		default:
			r.explainBelow(o.additional, m+1, m)
		}
	}
	if required == o.required {
		return
	}
	for i := range o.entries {
		if p := &o.entries[i]; p.required && !r.hasMember(n, p.name) {
			r.violateAt(o.at("required"), []byte(p.name), "is required")
		}
	}
}

func (o *objectOp) mark(r *run, n int32, m *marks) {
	if m.kind != kindObject {
		return
	}
	if o.additional != nil {
		m.all = true
		return
	}
	r.spend(int(r.doc.nodes[n].count))
	i := 0
	for member := n + 1; member < r.doc.nodes[n].next; member = r.doc.nodes[member+1].next {
		name := r.doc.str(member)
		if p := o.lookup(name); p != nil && p.sub != nil {
			m.set(i)
		}
		for p := range o.patterns {
			if o.patterns[p].pattern.matches(r, name) {
				m.set(i)
			}
		}
		i++
	}
}

// hasMember reports whether an object has a member.
func (r *run) hasMember(n int32, name string) bool {
	r.spend(int(r.doc.nodes[n].count))
	_, ok := r.doc.member(n, name)
	return ok
}

// A namesOp is propertyNames.
type namesOp struct {
	place
	sub *schema
}

func (o *namesOp) check(r *run, n int32) bool {
	for m := n + 1; m < r.doc.nodes[n].next; m = r.doc.nodes[m+1].next {
		if !r.valid(o.sub, m) {
			return false
		}
	}
	return true
}

func (o *namesOp) report(r *run, n int32) {
	for m := n + 1; m < r.doc.nodes[n].next; m = r.doc.nodes[m+1].next {
		if !r.valid(o.sub, m) {
			r.violateAt(o.location(), r.doc.str(m), "is not an allowed property name")
		}
	}
}

// A dependentOp is dependentRequired, dependentSchemas or dependencies.
type dependentOp struct {
	place
	list []dependency
}

// A dependency says what applies to an object that has a member.
type dependency struct {
	name     string
	required []string
	sub      *schema
}

func (o *dependentOp) check(r *run, n int32) bool {
	for i := range o.list {
		d := &o.list[i]
		if !r.hasMember(n, d.name) {
			continue
		}
		for _, name := range d.required {
			if !r.hasMember(n, name) {
				return false
			}
		}
		if d.sub != nil && !r.valid(d.sub, n) {
			return false
		}
	}
	return true
}

func (o *dependentOp) report(r *run, n int32) {
	for i := range o.list {
		d := &o.list[i]
		if !r.hasMember(n, d.name) {
			continue
		}
		for _, name := range d.required {
			if !r.hasMember(n, name) {
				r.violateAt(o.location(), []byte(name), "is required where "+strconv.Quote(d.name)+" is given")
			}
		}
		if d.sub != nil {
			r.explain(d.sub, n)
		}
	}
}

func (o *dependentOp) mark(r *run, n int32, m *marks) {
	if m.kind != kindObject {
		return
	}
	for i := range o.list {
		if d := &o.list[i]; d.sub != nil && r.hasMember(n, d.name) {
			r.mark(d.sub, n, m)
		}
	}
}
