package jsonschema

import (
	"strconv"
	"unicode/utf8"
)

// A limitOp is minimum, maximum, exclusiveMinimum or exclusiveMaximum.
type limitOp struct {
	place
	limit     decimal
	upper     bool
	exclusive bool
}

func (o *limitOp) check(r *run, n int32) bool {
	order := parseDecimal(r.doc.raw(n)).compare(o.limit)
	if o.upper {
		order = -order
	}
	return order > 0 || order == 0 && !o.exclusive
}

func (o *limitOp) report(r *run, n int32) {
	if o.check(r, n) {
		return
	}
	words := "at least "
	switch {
	case o.upper && o.exclusive:
		words = "less than "
	case o.upper:
		words = "at most "
	case o.exclusive:
		words = "more than "
	}
	r.violate(o.location(), "must be "+words+o.limit.String())
}

// A multipleOp is multipleOf.
type multipleOp struct {
	place
	divisor divisor
}

func (o *multipleOp) check(r *run, n int32) bool {
	d := parseDecimal(r.doc.raw(n))
	if digits := d.count + o.divisor.text.count; digits > 20 {
		r.spend(digits + o.divisor.text.count*o.divisor.text.count/64)
	}
	return o.divisor.divides(d)
}

func (o *multipleOp) report(r *run, n int32) {
	if !o.check(r, n) {
		r.violate(o.location(), "must be a multiple of "+o.divisor.text.String())
	}
}

// A lengthOp is minLength or maxLength.
type lengthOp struct {
	place
	limit int
	upper bool
}

func (o *lengthOp) check(r *run, n int32) bool {
	s := r.doc.str(n)
	// A character has one to four bytes.
	if o.upper && len(s) <= o.limit || !o.upper && len(s)/utf8.UTFMax >= o.limit {
		return true
	}
	r.spend(len(s) / 16)
	length := utf8.RuneCount(s)
	if o.upper {
		return length <= o.limit
	}
	return length >= o.limit
}

func (o *lengthOp) report(r *run, n int32) {
	if !o.check(r, n) {
		r.violate(o.location(), bounds(o.upper, o.limit, "character", utf8.RuneCount(r.doc.str(n))))
	}
}

// bounds says how many there may be.
func bounds(upper bool, limit int, noun string, have int) string {
	words := "must have at least "
	if upper {
		words = "must have at most "
	}
	return words + plural(limit, noun) + ", not " + strconv.Itoa(have)
}

// A countOp is minItems, maxItems, minProperties or maxProperties.
type countOp struct {
	place
	limit int
	upper bool
	noun  string
}

func (o *countOp) check(r *run, n int32) bool {
	count := int(r.doc.nodes[n].count)
	if o.upper {
		return count <= o.limit
	}
	return count >= o.limit
}

func (o *countOp) report(r *run, n int32) {
	if !o.check(r, n) {
		r.violate(o.location(), bounds(o.upper, o.limit, o.noun, int(r.doc.nodes[n].count)))
	}
}

// A patternOp is pattern.
type patternOp struct {
	place
	pattern *pattern
}

func (o *patternOp) check(r *run, n int32) bool { return o.pattern.matches(r, r.doc.str(n)) }

func (o *patternOp) report(r *run, n int32) {
	if !o.check(r, n) {
		r.violate(o.location(), "must match the pattern "+o.pattern.source)
	}
}

// A formatOp is format.
type formatOp struct {
	place
	name string
	test func(string) bool
}

func (o *formatOp) check(r *run, n int32) bool {
	s := r.doc.str(n)
	r.spend(len(s) / 2)
	return o.test(string(s))
}

func (o *formatOp) report(r *run, n int32) {
	if !o.check(r, n) {
		r.violate(o.location(), formatMessage(o.name))
	}
}

// An enumOp is enum or const.
type enumOp struct {
	place
	values []int32 // nodes of the schema's source
	// byHash finds the values by their hash, where there are many.
	byHash map[uint64][]int32
	seed   *Schema
}

const fewValues = 8

func newEnumOp(b *builder, k keyword, values []int32) *enumOp {
	o := &enumOp{place: b.place(k), values: values, seed: b.c.schema}
	if len(values) > fewValues {
		o.byHash = make(map[uint64][]int32, len(values))
		for _, v := range values {
			h := hash(o.seed.seed, &b.s.source.document, v)
			o.byHash[h] = append(o.byHash[h], v)
		}
	}
	return o
}

func (o *enumOp) check(r *run, n int32) bool {
	src := &o.schema.source.document
	candidates := o.values
	if o.byHash != nil {
		r.spend(r.weight(n))
		candidates = o.byHash[hash(o.seed.seed, &r.doc, n)]
	}
	for _, v := range candidates {
		if equal(r, src, v, &r.doc, n) {
			return true
		}
	}
	return false
}

func (o *enumOp) report(r *run, n int32) {
	if o.check(r, n) {
		return
	}
	words := "must be one of "
	if o.keyword == "const" {
		words = "must be "
	}
	r.violate(o.location(), words+o.schema.source.literals(o.values))
}

// weight returns the steps that reading a value once takes.
func (r *run) weight(n int32) int {
	v := &r.doc.nodes[n]
	return 2 + 4*int(v.next-n) + int(v.end-v.start)/16
}
