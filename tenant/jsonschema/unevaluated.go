package jsonschema

// marks are the members or elements of one value that are evaluated.
type marks struct {
	kind  kind // of the value
	count int
	all   bool
	bits  []uint64
	// seen are the schemas that have marked what they evaluate.
	seen []visit
}

func (m *marks) set(i int) { m.bits[i/64] |= 1 << (i % 64) }

func (m *marks) has(i int) bool { return m.bits[i/64]&(1<<(i%64)) != 0 }

// newMarks returns marks for a value, with none set.
func (r *run) newMarks(n int32) *marks {
	m := &marks{}
	if last := len(r.free) - 1; last >= 0 {
		m = r.free[last]
		r.free = r.free[:last]
	}
	v := &r.doc.nodes[n]
	words := (int(v.count) + 63) / 64
	r.spend(1 + words/4)
	if cap(m.bits) < words {
		m.bits = make([]uint64, words)
	}
	m.kind, m.count, m.all, m.bits, m.seen = v.kind, int(v.count), false, m.bits[:words], m.seen[:0]
	clear(m.bits)
	return m
}

// mark marks what a schema evaluates, for which the value is valid.
func (r *run) mark(s *schema, n int32, m *marks) {
	if len(s.markers) == 0 || m.all {
		return
	}
	outer, scope := r.at, r.scope
	r.open(s)
	v := visit{s.index, n, r.scope}
	r.spend(2 + len(s.markers) + len(m.seen)/8)
	seen := false
	if s.uses > 1 {
		for _, have := range m.seen {
			if seen = have == v; seen {
				break
			}
		}
	}
	if !seen {
		if s.uses > 1 {
			m.seen = append(m.seen, v)
		}
		for _, o := range s.markers {
			o.mark(r, n, m)
		}
	}
	r.close(outer, scope)
}

// An unevaluatedOp is unevaluatedProperties or unevaluatedItems.
type unevaluatedOp struct {
	schema  *schema
	sub     *schema
	kind    kind     // of the values that it applies to
	markers []marker // the other keywords
}

// each visits what no other keyword evaluates, with the name or ^index, until
// visit returns false.
func (o *unevaluatedOp) each(r *run, n int32, visit func(v, token int32) bool) {
	if r.doc.nodes[n].kind != o.kind || r.doc.nodes[n].count == 0 {
		return
	}
	m := r.newMarks(n)
	for _, marker := range o.markers {
		marker.mark(r, n, m)
	}
	nodes := r.doc.nodes
	r.spend(m.count)
	i := int32(0)
	for e := n + 1; e < nodes[n].next && !m.all; i++ {
		v, token := e, ^i
		if o.kind == kindObject {
			v, token = e+1, e
		}
		if !m.has(int(i)) && !visit(v, token) {
			break
		}
		e = nodes[v].next
	}
	r.free = append(r.free, m)
}

func (o *unevaluatedOp) check(r *run, n int32) bool {
	ok := true
	o.each(r, n, func(v, _ int32) bool {
		ok = r.valid(o.sub, v)
		return ok
	})
	return ok
}

func (o *unevaluatedOp) report(r *run, n int32) {
	o.each(r, n, func(v, token int32) bool {
		r.explainBelow(o.sub, v, token)
		return true
	})
}

func (o *unevaluatedOp) mark(r *run, n int32, m *marks) {
	if m.kind == o.kind {
		m.all = true
	}
}
