package jsonschema

import (
	"math"
	"strconv"
	"strings"
)

// keywordsOf are the values of a schema's keywords, by keyword; 0 where there is
// none.
type keywordsOf [keywordCount]int32

// compile builds the ops of a schema.
func (c *compiler) compile(s *schema) {
	src := s.source
	switch src.nodes[s.node].kind {
	case kindTrue, kindFalse:
		if s.resource.dialect.draft == draft4 && !c.booleanAllowed(s) {
			c.fail(src, s.node, "must be an object, not a boolean")
		}
		s.never = src.nodes[s.node].kind == kindFalse
		return
	case kindObject:
	default:
		what := "an object or a boolean"
		if s.resource.dialect.draft == draft4 {
			what = "an object"
		}
		c.fail(src, s.node, "must be "+what+", not "+article(kindName(src.nodes[s.node].kind)))
		return
	}
	var at keywordsOf
	for m := s.node + 1; m < src.nodes[s.node].next; m = src.nodes[m+1].next {
		k := keywordOf(src.str(m), s.resource.dialect)
		if k >= 0 && c.checkShape(src, k, m+1, s.resource.dialect.draft) {
			at[k] = m + 1
		}
		if k < 0 {
			reportUnknown(c, s, string(src.str(m)), "")
		}
	}
	b := builder{c: c, s: s, at: &at}
	if s.resource.dialect.draft <= draft7 && at[kwRef] != 0 {
		b.reference(kwRef)
		b.definitions()
		return
	}
	b.general()
	b.numbers()
	b.strings()
	b.arrays()
	b.objects()
	b.reference(kwRef)
	b.dynamicReference()
	b.combinations()
	b.unevaluated()
	b.definitions()
}

// booleanAllowed reports whether a schema of draft 4 may be a boolean.
func (c *compiler) booleanAllowed(s *schema) bool {
	p := s.source.pointer(s.node)
	name := p[strings.LastIndexByte(p, '/')+1:]
	return name == "additionalProperties" || name == "additionalItems"
}

type builder struct {
	c  *compiler
	s  *schema
	at *keywordsOf
}

func (b *builder) has(k keyword) bool       { return b.at[k] != 0 }
func (b *builder) place(k keyword) place    { return place{b.s, keywords[k].name} }
func (b *builder) isTrue(k keyword) bool    { return b.has(k) && b.node(k).kind == kindTrue }
func (b *builder) node(k keyword) *node     { return &b.s.source.nodes[b.at[k]] }
func (b *builder) text(k keyword) string    { return string(b.s.source.str(b.at[k])) }
func (b *builder) number(k keyword) decimal { return parseDecimal(b.s.source.raw(b.at[k])) }

// count returns the value of a keyword that is an integer; otherwise where it is
// not given.
func (b *builder) count(k keyword, otherwise int) int {
	if !b.has(k) {
		return otherwise
	}
	n, err := strconv.Atoi(b.number(k).String())
	if err != nil {
		return math.MaxInt
	}
	return n
}

// below returns a schema for a member or an element.
func (b *builder) below(n int32) *schema {
	return b.c.use(b.s.source.schemas[n], b.s)
}

// inPlace returns a schema for the same value.
func (b *builder) inPlace(n int32) *schema {
	sub := b.below(n)
	b.s.inPlace = append(b.s.inPlace, sub)
	return sub
}

// list returns the schemas of an array.
func (b *builder) list(k keyword, each func(int32) *schema) (list []*schema) {
	if !b.has(k) {
		return nil
	}
	for e := b.at[k] + 1; e < b.node(k).next; e = b.s.source.nodes[e].next {
		list = append(list, each(e))
	}
	return list
}

// members visits the members of an object.
func (b *builder) members(k keyword, visit func(name string, v int32)) {
	if !b.has(k) {
		return
	}
	src := b.s.source
	for m := b.at[k] + 1; m < b.node(k).next; m = src.nodes[m+1].next {
		visit(string(src.str(m)), m+1)
	}
}

func (b *builder) names(v int32) (list []string) {
	src := b.s.source
	for e := v + 1; e < src.nodes[v].next; e = src.nodes[e].next {
		list = append(list, string(src.str(e)))
	}
	return list
}

func (b *builder) general() {
	if b.has(kwType) {
		src, v := b.s.source, b.at[kwType]
		if src.nodes[v].kind == kindString {
			b.s.types = typeNamed(string(src.str(v)))
		} else {
			for e := v + 1; e < src.nodes[v].next; e = src.nodes[e].next {
				b.s.types |= typeNamed(string(src.str(e)))
			}
		}
	}
	if b.has(kwConst) {
		b.s.any = append(b.s.any, newEnumOp(b, kwConst, []int32{b.at[kwConst]}))
	}
	if b.has(kwEnum) {
		var list []int32
		for e := b.at[kwEnum] + 1; e < b.node(kwEnum).next; e = b.s.source.nodes[e].next {
			list = append(list, e)
		}
		b.s.any = append(b.s.any, newEnumOp(b, kwEnum, list))
	}
}

func (b *builder) numbers() {
	for _, k := range []keyword{kwMinimum, kwExclusiveMinimum, kwMaximum, kwExclusiveMaximum} {
		if !b.has(k) {
			continue
		}
		o := &limitOp{place: b.place(k), limit: b.number(k), upper: k >= kwMaximum && k < kwMinimum,
			exclusive: k == kwExclusiveMinimum || k == kwExclusiveMaximum}
		if old := kwOldExclusiveMinimum; k == kwMinimum && b.isTrue(old) || k == kwMaximum && b.isTrue(kwOldExclusiveMaximum) {
			o.exclusive = true
			o.place = b.place(old)
			if k == kwMaximum {
				o.place = b.place(kwOldExclusiveMaximum)
			}
		}
		b.s.number = append(b.s.number, o)
	}
	if b.has(kwMultipleOf) {
		b.s.number = append(b.s.number, &multipleOp{b.place(kwMultipleOf), newDivisor(b.number(kwMultipleOf))})
	}
	if b.has(kwOldExclusiveMaximum) && !b.has(kwMaximum) {
		b.c.fail(b.s.source, b.s.node, "has exclusiveMaximum, and so must have maximum")
	}
	if b.has(kwOldExclusiveMinimum) && !b.has(kwMinimum) {
		b.c.fail(b.s.source, b.s.node, "has exclusiveMinimum, and so must have minimum")
	}
}

func (b *builder) strings() {
	if b.has(kwMinLength) {
		b.s.text = append(b.s.text, &lengthOp{b.place(kwMinLength), b.count(kwMinLength, 0), false})
	}
	if b.has(kwMaxLength) {
		b.s.text = append(b.s.text, &lengthOp{b.place(kwMaxLength), b.count(kwMaxLength, 0), true})
	}
	if b.has(kwPattern) {
		if p := b.c.pattern(b.s.source, b.at[kwPattern], b.text(kwPattern)); p != nil {
			b.s.text = append(b.s.text, &patternOp{b.place(kwPattern), p})
		}
	}
	if b.has(kwFormat) {
		name := b.text(kwFormat)
		if check := format(name); check != nil {
			b.s.text = append(b.s.text, &formatOp{b.place(kwFormat), name, check})
		} else {
			reportUnknown(b.c, b.s, "format", name)
		}
	}
}

// pattern compiles a regular expression; nil where it cannot be.
func (c *compiler) pattern(s *source, n int32, text string) *pattern {
	if p, ok := c.patterns[text]; ok {
		return p
	}
	t := translate(text)
	switch {
	case t.invalid != "":
		c.fail(s, n, "must be a valid regex: it "+t.invalid)
		return nil
	case t.inexact != "":
		c.fail(s, n, "must be a supported regex: it "+t.inexact)
		return nil
	}
	if c.patternSize += t.size; c.patternSize > maxPatternSize {
		c.fail(s, n, "must be a smaller regex: all of the schema's, with repetitions written out, have more than "+strconv.Itoa(maxPatternSize)+" instructions")
		return nil
	}
	p, err := newPattern(text, t)
	if err != nil {
		c.fail(s, n, "must be a simpler regex: it is too large or too deeply nested for RE2, the engine that checks patterns in linear time")
		return nil
	}
	if c.patterns == nil {
		c.patterns = map[string]*pattern{}
	}
	c.patterns[text] = p
	return p
}

func (b *builder) arrays() {
	if b.has(kwMinItems) {
		b.s.array = append(b.s.array, &countOp{b.place(kwMinItems), b.count(kwMinItems, 0), false, "item"})
	}
	if b.has(kwMaxItems) {
		b.s.array = append(b.s.array, &countOp{b.place(kwMaxItems), b.count(kwMaxItems, 0), true, "item"})
	}
	o := &itemsOp{restAt: b.place(kwItems)}
	switch {
	case b.has(kwOldItems) && b.node(kwOldItems).kind == kindArray:
		o.first = b.list(kwOldItems, b.below)
		if b.has(kwAdditionalItems) {
			o.restAt = b.place(kwAdditionalItems)
			o.counted = b.node(kwAdditionalItems).kind == kindFalse
			o.rest = b.below(b.at[kwAdditionalItems])
		}
	case b.has(kwOldItems):
		o.rest = b.below(b.at[kwOldItems])
	default:
		o.first = b.list(kwPrefixItems, b.below)
		if b.has(kwItems) {
			o.rest = b.below(b.at[kwItems])
		}
	}
	if b.has(kwAdditionalItems) && o.restAt.keyword != "additionalItems" {
		b.below(b.at[kwAdditionalItems]) // ignored, but checked
	}
	if o.first != nil || o.rest != nil {
		b.s.array = append(b.s.array, o)
		b.s.markers = append(b.s.markers, o)
	}
	if b.has(kwContains) {
		o := &containsOp{place: b.place(kwContains), sub: b.below(b.at[kwContains]),
			least: b.count(kwMinContains, 1), most: b.count(kwMaxContains, math.MaxInt), given: b.has(kwMinContains)}
		b.s.array = append(b.s.array, o)
		if b.s.resource.dialect.draft >= draft2020 {
			b.s.markers = append(b.s.markers, o)
		}
	}
	if b.isTrue(kwUniqueItems) {
		b.s.array = append(b.s.array, &uniqueOp{b.place(kwUniqueItems)})
	}
}

func (b *builder) objects() {
	if b.has(kwMinProperties) {
		b.s.object = append(b.s.object, &countOp{b.place(kwMinProperties), b.count(kwMinProperties, 0), false, "property"})
	}
	if b.has(kwMaxProperties) {
		b.s.object = append(b.s.object, &countOp{b.place(kwMaxProperties), b.count(kwMaxProperties, 0), true, "property"})
	}
	o := &objectOp{schema: b.s}
	b.members(kwProperties, func(name string, v int32) { o.add(name).sub = b.below(v) })
	if b.has(kwRequired) {
		for _, name := range b.names(b.at[kwRequired]) {
			o.add(name).required = true
			o.required++
		}
	}
	b.members(kwPatternProperties, func(name string, v int32) {
		sub := b.below(v)
		if p := b.c.pattern(b.s.source, v, name); p != nil {
			o.patterns = append(o.patterns, patternProperty{p, sub})
		}
	})
	if b.has(kwAdditionalProperties) {
		o.additional = b.below(b.at[kwAdditionalProperties])
		o.closed = b.node(kwAdditionalProperties).kind == kindFalse
	}
	if o.entries != nil || o.patterns != nil || o.additional != nil {
		o.prepare()
		b.s.object = append(b.s.object, o)
		if b.has(kwProperties) || o.patterns != nil || o.additional != nil {
			b.s.markers = append(b.s.markers, o)
		}
	}
	if b.has(kwPropertyNames) {
		b.s.object = append(b.s.object, &namesOp{b.place(kwPropertyNames), b.below(b.at[kwPropertyNames])})
	}
	for _, k := range []keyword{kwDependentRequired, kwDependentSchemas, kwDependencies} {
		o := &dependentOp{place: b.place(k)}
		b.members(k, func(name string, v int32) {
			d := dependency{name: name}
			if k == kwDependentRequired || k == kwDependencies && b.s.source.nodes[v].kind == kindArray {
				d.required = b.names(v)
			} else {
				d.sub = b.inPlace(v)
			}
			o.list = append(o.list, d)
		})
		if o.list != nil {
			b.s.object = append(b.s.object, o)
			b.s.markers = append(b.s.markers, o)
		}
	}
}

func (b *builder) combinations() {
	add := func(o op, m marker) {
		b.s.any = append(b.s.any, o)
		if m != nil {
			b.s.markers = append(b.s.markers, m)
		}
	}
	if list := b.list(kwAllOf, b.inPlace); list != nil {
		o := &allOp{list}
		add(o, o)
	}
	if list := b.list(kwAnyOf, b.inPlace); list != nil {
		o := &anyOp{list}
		add(o, o)
	}
	if list := b.list(kwOneOf, b.inPlace); list != nil {
		o := &oneOp{b.place(kwOneOf), list}
		add(o, o)
	}
	if b.has(kwNot) {
		add(&notOp{b.place(kwNot), b.inPlace(b.at[kwNot])}, nil)
	}
	o := &ifOp{}
	for _, k := range []keyword{kwIf, kwThen, kwElse} {
		if b.has(k) {
			sub := b.inPlace(b.at[k])
			switch k {
			case kwIf:
				o.condition = sub
			case kwThen:
				o.then = sub
			default:
				o.otherwise = sub
			}
		}
	}
	if o.condition != nil {
		add(o, o)
	}
}

func (b *builder) unevaluated() {
	for _, k := range []keyword{kwUnevaluatedItems, kwUnevaluatedProperties} {
		if !b.has(k) {
			continue
		}
		o := &unevaluatedOp{schema: b.s, sub: b.below(b.at[k]), markers: b.s.markers, kind: kindArray}
		if k == kwUnevaluatedProperties {
			o.kind = kindObject
		}
		b.s.closing = true
		b.s.any = append(b.s.any, o)
	}
	// Both see what the other keywords evaluate, and not each other: they are
	// for values of different types.
	if b.s.closing {
		for _, o := range b.s.any {
			if o, ok := o.(*unevaluatedOp); ok {
				b.s.markers = append(b.s.markers[:len(b.s.markers):len(b.s.markers)], o)
			}
		}
	}
}

// definitions checks the schemas that apply to nothing by themselves.
func (b *builder) definitions() {
	if b.has(kwContentSchema) && b.c.unreferenced {
		b.c.use(b.s.source.schemas[b.at[kwContentSchema]], nil)
	}
}

func (b *builder) reference(k keyword) {
	if !b.has(k) {
		return
	}
	target := b.c.resolve(b.s, b.at[k], b.text(k))
	if target == nil {
		return
	}
	o := &refOp{b.c.use(target, b.s)}
	b.s.inPlace = append(b.s.inPlace, target)
	b.s.any = append(b.s.any, o)
	b.s.markers = append(b.s.markers, o)
}

// dynamicReference builds $dynamicRef and $recursiveRef.
func (b *builder) dynamicReference() {
	for _, k := range []keyword{kwDynamicRef, kwRecursiveRef} {
		if !b.has(k) {
			continue
		}
		target := b.c.resolve(b.s, b.at[k], b.text(k))
		if target == nil {
			continue
		}
		_, name, _ := strings.Cut(b.text(k), "#")
		if target.resource.dynamicAnchors[name] != target {
			b.c.use(target, b.s)
			o := &refOp{target}
			b.s.inPlace = append(b.s.inPlace, target)
			b.s.any = append(b.s.any, o)
			b.s.markers = append(b.s.markers, o)
			continue
		}
		index, ok := b.c.dynamicNames[name]
		if !ok {
			index = len(b.c.dynamicNames)
			b.c.dynamicNames[name] = index
			b.c.useDynamic(name)
		}
		b.c.use(target, b.s)
		target.uses++ // the number of its users is not known
		b.c.dynamicRefs = append(b.c.dynamicRefs, dynamicReference{b.s, name})
		o := &dynamicRefOp{index, target}
		b.s.any = append(b.s.any, o)
		b.s.markers = append(b.s.markers, o)
	}
}

// useDynamic puts every dynamic anchor of a name into the program.
func (c *compiler) useDynamic(name string) {
	for _, r := range c.resources {
		if target := r.dynamicAnchors[name]; target != nil {
			c.use(target, nil)
			target.uses += 2
		}
	}
}

// resolve returns the schema that a reference leads to; nil where there is none,
// and then a diagnostic is added.
func (c *compiler) resolve(from *schema, at int32, reference string) *schema {
	fail := func(reason string) *schema {
		if !c.unreferenced {
			c.fail(from.source, at, "refers to "+strconv.Quote(reference)+": "+reason)
		}
		return nil
	}
	uri, fragment, err := resolveURI(from.resource.base, reference)
	if err != nil {
		return fail("it is not a valid URI-reference")
	}
	r := c.resources[uri]
	if r == nil {
		src := c.load(uri, from.resource.dialect)
		if src == nil {
			return fail(notLoaded)
		}
		r = src.resources[0]
		c.useDynamics()
	}
	if fragment == "" {
		return r.source.schemas[r.node]
	}
	if fragment[0] != '/' {
		if target := r.anchors[fragment]; target != nil {
			return target
		}
		return fail("there is no such anchor")
	}
	target := c.follow(r, fragment)
	if target == nil {
		return fail("there is nothing at that place")
	}
	return target
}

// useDynamics is called when a source is loaded.
func (c *compiler) useDynamics() {
	for name := range c.dynamicNames {
		c.useDynamic(name)
	}
}

// follow returns the schema at a JSON Pointer in a resource.
func (c *compiler) follow(r *resource, pointer string) *schema {
	src, n := r.source, r.node
	for token := range strings.SplitSeq(pointer[1:], "/") {
		name := strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch v := &src.nodes[n]; v.kind {
		case kindObject:
			value, ok := src.member(n, name)
			if !ok {
				return nil
			}
			n = value
		case kindArray:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= int(v.count) || strconv.Itoa(i) != name {
				return nil
			}
			for n++; i > 0; i-- {
				n = src.nodes[n].next
			}
		default:
			return nil
		}
		if sub := src.schemas[n]; sub != nil {
			r = sub.resource
		}
	}
	c.indexSchema(src, n, r)
	return src.schemas[n]
}
