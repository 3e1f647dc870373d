package jsonschema

// An allOp is allOf.
type allOp struct{ list []*schema }

func (o *allOp) check(r *run, n int32) bool {
	for _, sub := range o.list {
		if !r.valid(sub, n) {
			return false
		}
	}
	return true
}

func (o *allOp) report(r *run, n int32) {
	for _, sub := range o.list {
		r.explain(sub, n)
	}
}

func (o *allOp) mark(r *run, n int32, m *marks) {
	for _, sub := range o.list {
		r.mark(sub, n, m)
	}
}

// An anyOp is anyOf.
type anyOp struct{ list []*schema }

func (o *anyOp) check(r *run, n int32) bool {
	for _, sub := range o.list {
		if r.valid(sub, n) {
			return true
		}
	}
	return false
}

func (o *anyOp) report(r *run, n int32) {
	if o.check(r, n) {
		return
	}
	for _, sub := range o.list {
		r.explain(sub, n)
	}
}

func (o *anyOp) mark(r *run, n int32, m *marks) {
	for _, sub := range o.list {
		if r.valid(sub, n) {
			r.mark(sub, n, m)
		}
	}
}

// A oneOp is oneOf.
type oneOp struct {
	place
	list []*schema
}

// matches counts the schemas that the value matches, up to two.
func (o *oneOp) matches(r *run, n int32) (count int, matched *schema) {
	for _, sub := range o.list {
		if r.valid(sub, n) {
			matched = sub
			if count++; count == 2 {
				break
			}
		}
	}
	return count, matched
}

func (o *oneOp) check(r *run, n int32) bool {
	count, _ := o.matches(r, n)
	return count == 1
}

func (o *oneOp) report(r *run, n int32) {
	switch count, _ := o.matches(r, n); count {
	case 0:
		for _, sub := range o.list {
			r.explain(sub, n)
		}
	case 2:
		r.violate(o.location(), "must match exactly one of the schema's alternatives, not several")
	}
}

func (o *oneOp) mark(r *run, n int32, m *marks) {
	if _, sub := o.matches(r, n); sub != nil {
		r.mark(sub, n, m)
	}
}

// A notOp is not.
type notOp struct {
	place
	sub *schema
}

func (o *notOp) check(r *run, n int32) bool { return !r.valid(o.sub, n) }

func (o *notOp) report(r *run, n int32) {
	if !o.check(r, n) {
		r.violate(o.location(), "must not be what the schema excludes")
	}
}

// An ifOp is if with then and else.
type ifOp struct{ condition, then, otherwise *schema }

// branch returns the schema that applies, or nil.
func (o *ifOp) branch(r *run, n int32) *schema {
	if r.valid(o.condition, n) {
		return o.then
	}
	return o.otherwise
}

func (o *ifOp) check(r *run, n int32) bool {
	if o.then == nil && o.otherwise == nil {
		return true
	}
	sub := o.branch(r, n)
	return sub == nil || r.valid(sub, n)
}

func (o *ifOp) report(r *run, n int32) {
	if sub := o.branch(r, n); sub != nil {
		r.explain(sub, n)
	}
}

func (o *ifOp) mark(r *run, n int32, m *marks) {
	sub := o.otherwise
	if r.valid(o.condition, n) {
		r.mark(o.condition, n, m)
		sub = o.then
	}
	if sub != nil {
		r.mark(sub, n, m)
	}
}

// A refOp is a reference whose target is known.
type refOp struct{ target *schema }

func (o *refOp) check(r *run, n int32) bool     { return r.valid(o.target, n) }
func (o *refOp) report(r *run, n int32)         { r.explain(o.target, n) }
func (o *refOp) mark(r *run, n int32, m *marks) { r.mark(o.target, n, m) }

// A dynamicRefOp is a reference to the outermost of the dynamic scope's schemas
// that have an anchor.
type dynamicRefOp struct {
	name      int // index in a scope
	otherwise *schema
}

func (o *dynamicRefOp) target(r *run) *schema {
	if s := r.scopes[r.scope][o.name]; s != nil {
		return s
	}
	return o.otherwise
}

func (o *dynamicRefOp) check(r *run, n int32) bool     { return r.valid(o.target(r), n) }
func (o *dynamicRefOp) report(r *run, n int32)         { r.explain(o.target(r), n) }
func (o *dynamicRefOp) mark(r *run, n int32, m *marks) { r.mark(o.target(r), n, m) }
