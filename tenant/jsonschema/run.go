package jsonschema

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxNesting bounds how deep schemas apply one another, which bounds the
	// stack.
	maxNesting = 10_000
	// pause is how many steps are taken between two looks at the context.
	pause = 100_000
	// maxViolations bounds the violations of one document.
	maxViolations = 10_000
)

// Validate checks a document. The error is nil for a valid one, a
// [*ValidationError], a [*SyntaxError], a [*LimitError], or that of a context
// that has ended.
func (s *Schema) Validate(ctx context.Context, text []byte) error {
	r, _ := runs.Get().(*run)
	if r == nil {
		r = &run{}
	}
	defer r.release()
	r.schema, r.ctx = s, ctx
	if err := r.parser.parse(&r.doc, text, s.maxDepth); err != nil {
		return err
	}
	return r.validate()
}

var runs sync.Pool

// A run is the check of one document. It can be used again.
type run struct {
	schema *Schema
	ctx    context.Context
	parser parser
	doc    document

	steps   int // left
	limit   int // where to look at the context, or to stop
	at      *schema
	nesting int
	scope   int32 // index of scopes

	results   map[visit]bool
	explained map[visit]bool
	scopes    [][]*schema
	entered   map[entry]int32
	free      []*marks
	slots     []int32

	// explaining says that violations are listed, so that the same results are
	// needed again.
	explaining bool
	path       []int32 // names of members, or ^index of elements
	violations []Violation
	more       int
}

// A visit is a schema applied to a value in a dynamic scope.
type visit struct {
	schema, node, scope int32
}

// An entry is a resource entered from a dynamic scope.
type entry struct{ scope, resource int32 }

// stopped is the panic value that ends a run; err says why.
type stopped struct{ err error }

func (r *run) release() {
	const most = 1 << 16 // what is larger is left to the garbage collector
	if len(r.doc.nodes) > most || len(r.doc.side) > most || len(r.parser.names.slots) > most || len(r.results) > most ||
		len(r.explained) > most || len(r.slots) > most || len(r.scopes) > most {
		return
	}
	clear(r.results)
	clear(r.explained)
	clear(r.entered)
	r.scopes = r.scopes[:0]
	r.schema, r.ctx, r.at, r.violations, r.doc.text = nil, nil, nil, nil, nil
	r.more, r.path, r.explaining = 0, r.path[:0], false
	runs.Put(r)
}

func (r *run) validate() (err error) {
	defer func() {
		if p := recover(); p != nil {
			stop, ok := p.(stopped)
			if !ok {
				panic(p)
			}
			err = stop.err
		}
	}()
	r.begin()
	if r.valid(r.schema.root, 0) {
		return nil
	}
	return r.explainAll()
}

func (r *run) begin() {
	r.steps, r.nesting, r.scope = r.schema.maxSteps, 0, 0
	r.limit = r.steps + 1 // look at the context at once
	if r.schema.dynamic > 0 {
		r.scopes = append(r.scopes[:0], make([]*schema, r.schema.dynamic))
	}
}

// spend takes steps, and ends the run where none are left.
func (r *run) spend(n int) {
	if r.steps -= n; r.steps < r.limit {
		r.look()
	}
}

func (r *run) look() {
	if r.steps < 0 {
		panic(stopped{r.exhausted("needs more than " + strconv.Itoa(r.schema.maxSteps) + " steps to check this document")})
	}
	if err := r.ctx.Err(); err != nil {
		panic(stopped{err})
	}
	r.limit = max(r.steps-pause, 0)
}

func (r *run) exhausted(reason string) error {
	at := r.at
	if at == nil {
		at = r.schema.root
	}
	return &LimitError{Schema: at.source.location(at.node), Steps: true, Reason: reason}
}

// valid reports whether the value at n is valid.
func (r *run) valid(s *schema, n int32) bool {
	if s.never {
		return false
	}
	k := r.doc.nodes[n].kind
	r.spend(2)
	if !s.memo && !(r.explaining && s.below) {
		return r.apply(s, n, k)
	}
	r.spend(8)
	v := visit{s.index, n, r.enterScope(s)}
	if ok, known := r.results[v]; known {
		return ok
	}
	ok := r.apply(s, n, k)
	if r.results == nil {
		r.results = map[visit]bool{}
	}
	r.results[v] = ok
	return ok
}

func (r *run) apply(s *schema, n int32, k kind) bool {
	if s.types != 0 && !r.hasType(s.types, n, k) {
		return false
	}
	specific := s.opsFor(k)
	if len(specific)+len(s.any) == 0 {
		return true
	}
	outer, scope := r.at, r.scope
	r.open(s)
	r.spend(len(specific) + len(s.any))
	ok := true
	for _, o := range specific {
		if ok = o.check(r, n); !ok {
			break
		}
	}
	if ok {
		for _, o := range s.any {
			if ok = o.check(r, n); !ok {
				break
			}
		}
	}
	r.close(outer, scope)
	return ok
}

// open begins to apply a schema.
func (r *run) open(s *schema) {
	r.at = s
	r.scope = r.enterScope(s)
	if r.nesting++; r.nesting > maxNesting {
		panic(stopped{r.exhausted("refers to schemas nested deeper than " + strconv.Itoa(maxNesting))})
	}
}

func (r *run) close(outer *schema, scope int32) {
	r.at, r.scope = outer, scope
	r.nesting--
}

// enterScope returns the dynamic scope within a schema: the dynamic anchors of
// its resource are added, unless an outer resource has them.
func (r *run) enterScope(s *schema) int32 {
	resource := s.resource
	if len(resource.dynamic) == 0 {
		return r.scope
	}
	e := entry{r.scope, resource.index}
	if scope, ok := r.entered[e]; ok {
		return scope
	}
	scope := r.scope
	bound := r.scopes[scope]
	for _, a := range resource.dynamic {
		if bound[a.name] == nil {
			if scope == r.scope {
				bound = slices.Clone(bound)
				scope = int32(len(r.scopes))
				r.scopes = append(r.scopes, bound)
			}
			bound[a.name] = a.target
		}
	}
	r.spend(8 + len(bound))
	if r.entered == nil {
		r.entered = map[entry]int32{}
	}
	r.entered[e] = scope
	return scope
}

func (r *run) hasType(types typeSet, n int32, k kind) bool {
	if types&typesOf(k) != 0 {
		return true
	}
	return k == kindNumber && types&typeInteger != 0 && parseDecimal(r.doc.raw(n)).isInteger()
}

// explainAll lists the violations of an invalid document. It has as many steps
// as the check; where they do not suffice, the list ends early.
func (r *run) explainAll() (err error) {
	func() {
		defer func() {
			if p := recover(); p != nil {
				stop, ok := p.(stopped)
				if _, limit := stop.err.(*LimitError); !ok || !limit || len(r.violations) == 0 {
					panic(p)
				}
				r.more++
			}
		}()
		r.begin()
		clear(r.results) // in other scopes
		clear(r.entered)
		r.explaining = true
		r.explain(r.schema.root, 0)
	}()
	slices.SortFunc(r.violations, func(a, b Violation) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message), strings.Compare(a.Schema, b.Schema))
	})
	r.violations = slices.CompactFunc(r.violations, func(a, b Violation) bool { return a.Pointer == b.Pointer && a.Message == b.Message })
	return &ValidationError{Violations: r.violations, More: r.more}
}

// explain adds the violations of the value at n, if there are any.
func (r *run) explain(s *schema, n int32) {
	if s.never {
		r.violate(s.source.location(s.node), "is not allowed here")
		return
	}
	if r.valid(s, n) {
		return
	}
	if s.memo {
		v := visit{s.index, n, r.enterScope(s)}
		if r.explained[v] {
			return
		}
		if r.explained == nil {
			r.explained = map[visit]bool{}
		}
		r.explained[v] = true
	}
	k := r.doc.nodes[n].kind
	if s.types != 0 && !r.hasType(s.types, n, k) {
		r.violate(place{s, "type"}.location(), "must be "+article(s.types.String())+", not "+article(r.typeName(n)))
		return
	}
	outer, scope := r.at, r.scope
	r.open(s)
	for _, o := range s.opsFor(k) {
		o.report(r, n)
	}
	for _, o := range s.any {
		o.report(r, n)
	}
	r.close(outer, scope)
}

// explainBelow explains a member or an element, whose name or ^index is given.
func (r *run) explainBelow(s *schema, n, token int32) {
	r.path = append(r.path, token)
	r.explain(s, n)
	r.path = r.path[:len(r.path)-1]
}

// violate adds a violation of the value that the path leads to.
func (r *run) violate(location, message string) {
	r.violateAt(location, nil, message)
}

// violateAt adds a violation of a member.
func (r *run) violateAt(location string, name []byte, message string) {
	if len(r.violations) == maxViolations {
		r.more++
		return
	}
	var p []byte
	var indexes uint64
	for i, token := range r.path {
		if token < 0 {
			indexes |= 1 << i
			p = strconv.AppendInt(append(p, '/'), int64(^token), 10)
		} else {
			p = appendToken(p, r.doc.str(token))
		}
	}
	if name != nil {
		p = appendToken(p, name)
	}
	r.spend(16 + (len(p)+len(message)+len(location))/16)
	r.violations = append(r.violations, Violation{Pointer: string(p), Indexes: indexes, Schema: location, Message: message})
}
