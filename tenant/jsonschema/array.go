package jsonschema

import "strconv"

// An itemsOp is items with prefixItems or additionalItems.
type itemsOp struct {
	first  []*schema
	rest   *schema // of the elements behind those; nil if anything is valid
	restAt place
	// counted says that rest is the schema false of additionalItems, whose
	// violations are reported once.
	counted bool
}

func (o *itemsOp) check(r *run, n int32) bool {
	i := 0
	for e := n + 1; e < r.doc.nodes[n].next; e = r.doc.nodes[e].next {
		switch {
		case i < len(o.first):
			if !r.valid(o.first[i], e) {
				return false
			}
		case o.rest == nil:
			return true
		case !r.valid(o.rest, e):
			return false
		}
		i++
	}
	return true
}

func (o *itemsOp) report(r *run, n int32) {
	i := int32(0)
	for e := n + 1; e < r.doc.nodes[n].next; e = r.doc.nodes[e].next {
		switch {
		case int(i) < len(o.first):
			r.explainBelow(o.first[i], e, ^i)
		case o.rest == nil:
			return
		case o.counted:
			r.violate(o.restAt.location(), "has "+plural(int(r.doc.nodes[n].count-i), "item")+" too many")
			return
		default:
			r.explainBelow(o.rest, e, ^i)
		}
		i++
	}
}

func (o *itemsOp) mark(r *run, n int32, m *marks) {
	if m.kind != kindArray {
		return
	}
	if o.rest != nil {
		m.all = true
		return
	}
	for i := range min(len(o.first), m.count) {
		m.set(i)
	}
}

// A containsOp is contains with minContains and maxContains.
type containsOp struct {
	place
	sub         *schema
	least, most int
	given       bool // minContains is given
}

func (o *containsOp) matches(r *run, n int32) int {
	count := 0
	for e := n + 1; e < r.doc.nodes[n].next; e = r.doc.nodes[e].next {
		if r.valid(o.sub, e) {
			count++
			if count > o.most {
				break
			}
		}
	}
	return count
}

func (o *containsOp) check(r *run, n int32) bool {
	count := o.matches(r, n)
	return o.least <= count && count <= o.most
}

func (o *containsOp) report(r *run, n int32) {
	count := o.matches(r, n)
	if count > o.most {
		r.violate(place{o.schema, "maxContains"}.location(), "must hold at most "+plural(o.most, "item")+" of the kind that the schema asks for")
	}
	if count >= o.least {
		return
	}
	before := len(r.violations) + r.more
	i := int32(0)
	for e := n + 1; e < r.doc.nodes[n].next; e = r.doc.nodes[e].next {
		r.explainBelow(o.sub, e, ^i)
		i++
	}
	if len(r.violations)+r.more > before {
		return
	}
	if o.given {
		r.violate(place{o.schema, "minContains"}.location(), "must hold at least "+plural(o.least, "item")+" of the kind that the schema asks for")
	} else {
		r.violate(o.location(), "must hold an item of the kind that the schema asks for")
	}
}

func (o *containsOp) mark(r *run, n int32, m *marks) {
	if m.kind != kindArray {
		return
	}
	i := 0
	for e := n + 1; e < r.doc.nodes[n].next; e = r.doc.nodes[e].next {
		if r.valid(o.sub, e) {
			m.set(i)
		}
		i++
	}
}

// A uniqueOp is uniqueItems.
type uniqueOp struct {
	place
}

func (o *uniqueOp) check(r *run, n int32) bool {
	i, _ := o.duplicates(r, n)
	return i < 0
}

func (o *uniqueOp) report(r *run, n int32) {
	if i, j := o.duplicates(r, n); i >= 0 {
		r.violate(o.location(), "must not repeat an item, as items "+strconv.Itoa(i)+" and "+strconv.Itoa(j)+" do")
	}
}

// duplicates returns two elements that are equal: of those whose repetition
// comes first, the repetition and what it repeats. Without any it returns -1.
func (o *uniqueOp) duplicates(r *run, n int32) (first, second int) {
	nodes := r.doc.nodes
	count := int(nodes[n].count)
	if count <= fewValues {
		j := 0
		for e := n + 1; e < nodes[n].next; e = nodes[e].next {
			i := 0
			for d := n + 1; d < e; d = nodes[d].next {
				r.spend(1)
				if equal(r, &r.doc, d, &r.doc, e) {
					return i, j
				}
				i++
			}
			j++
		}
		return -1, -1
	}
	r.spend(r.weight(n))
	size := 32
	for size < 2*count {
		size *= 2
	}
	// A slot holds the number of an element, from 1, and its node.
	if len(r.slots) < 2*size {
		r.slots = make([]int32, 2*size)
	}
	slots := r.slots[:2*size]
	clear(slots)
	j := 0
	for e := n + 1; e < nodes[n].next; e = nodes[e].next {
		i := int(hash(r.schema.seed, &r.doc, e)) & (size - 1)
		for ; slots[2*i] != 0; i = (i + 1) & (size - 1) {
			r.spend(1)
			if equal(r, &r.doc, slots[2*i+1], &r.doc, e) {
				return int(slots[2*i]) - 1, j
			}
		}
		j++
		slots[2*i], slots[2*i+1] = int32(j), e
	}
	return -1, -1
}
