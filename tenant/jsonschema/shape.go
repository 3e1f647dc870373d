package jsonschema

import (
	"math"
	"strconv"
	"strings"
)

// checkShape reports what is wrong with the value of a keyword. Schemas within
// it are checked where they are compiled.
func (c *compiler) checkShape(s *source, k keyword, v int32, d draft) bool {
	before := len(c.diagnostics)
	n := &s.nodes[v]
	must := func(ok bool, what string) bool {
		if !ok {
			c.fail(s, v, "must be "+what+", not "+article(kindName(n.kind)))
		}
		return ok
	}
	switch keywords[k].shape {
	case aString:
		must(n.kind == kindString, "a string")
	case aURI:
		if must(n.kind == kindString, "a string") && !isURIReference(string(s.str(v))) {
			c.fail(s, v, "must be a valid uri-reference")
		}
	case anAnchor:
		if must(n.kind == kindString, "a string") && !isAnchor(string(s.str(v)), d) {
			c.fail(s, v, "must be a plain name: a letter, then letters, digits, hyphens, underscores and periods")
		}
	case aBoolean:
		must(n.kind == kindTrue || n.kind == kindFalse, "a boolean")
	case aNumber, aPositive:
		if must(n.kind == kindNumber, "a number") && keywords[k].shape == aPositive && parseDecimal(s.raw(v)).sign() <= 0 {
			c.fail(s, v, "must be more than 0")
		}
	case aCount:
		if !must(n.kind == kindNumber, "an integer") {
			break
		}
		switch count := parseDecimal(s.raw(v)); {
		case !count.isInteger():
			must(false, "an integer")
		case count.sign() < 0:
			c.fail(s, v, "must be at least 0")
		}
	case aList:
		must(n.kind == kindArray, "an array")
	case values:
		if must(n.kind == kindArray, "an array") && d == draft4 && c.checkNotEmpty(s, v) {
			r := run{schema: c.schema, doc: s.document, steps: math.MaxInt}
			if i, j := (&uniqueOp{}).duplicates(&r, v); i >= 0 {
				c.fail(s, v, "must not repeat an item, as items "+strconv.Itoa(i)+" and "+strconv.Itoa(j)+" do")
			}
		}
	case names:
		c.checkNames(s, v, k == kwRequired && d == draft4)
	case nameMap, dependencies:
		if must(n.kind == kindObject, "an object") {
			for m := v + 1; m < n.next; m = s.nodes[m+1].next {
				if keywords[k].shape == nameMap || s.nodes[m+1].kind == kindArray {
					c.checkNames(s, m+1, d == draft4)
				}
			}
		}
	case booleanMap:
		must(n.kind == kindObject, "an object")
	case schemaMap:
		must(n.kind == kindObject, "an object")
	case schemas:
		c.checkNotEmpty(s, v)
	case items:
		if n.kind == kindArray {
			c.checkNotEmpty(s, v)
		}
	case aType:
		c.checkType(s, v)
	}
	return len(c.diagnostics) == before
}

func (c *compiler) checkNotEmpty(s *source, v int32) bool {
	switch n := &s.nodes[v]; {
	case n.kind != kindArray:
		c.fail(s, v, "must be an array, not "+article(kindName(n.kind)))
	case n.count == 0:
		c.fail(s, v, "must have at least 1 item, not 0")
	default:
		return true
	}
	return false
}

// checkNames checks an array of strings, each once.
func (c *compiler) checkNames(s *source, v int32, notEmpty bool) {
	n := &s.nodes[v]
	if n.kind != kindArray {
		c.fail(s, v, "must be an array of names, not "+article(kindName(n.kind)))
		return
	}
	if notEmpty && !c.checkNotEmpty(s, v) {
		return
	}
	seen := make(map[string]bool, n.count)
	for e := v + 1; e < n.next; e = s.nodes[e].next {
		if k := s.nodes[e].kind; k != kindString {
			c.fail(s, e, "must be a string, not "+article(kindName(k)))
			continue
		}
		name := string(s.str(e))
		if seen[name] {
			c.fail(s, e, "repeats the name "+strconv.Quote(name))
		}
		seen[name] = true
	}
}

func (c *compiler) checkType(s *source, v int32) {
	if s.nodes[v].kind != kindArray {
		c.checkTypeName(s, v)
		return
	}
	if !c.checkNotEmpty(s, v) {
		return
	}
	var seen typeSet
	for e := v + 1; e < s.nodes[v].next; e = s.nodes[e].next {
		t := c.checkTypeName(s, e)
		if seen&t != 0 {
			c.fail(s, e, "repeats a type")
		}
		seen |= t
	}
}

func (c *compiler) checkTypeName(s *source, v int32) typeSet {
	var t typeSet
	if s.nodes[v].kind == kindString {
		t = typeNamed(string(s.str(v)))
	}
	if t == 0 {
		c.fail(s, v, `must be one of "`+strings.Join(typeNames[:], `", "`)+`"`)
	}
	return t
}

// isAnchor reports whether s is a plain name for an anchor.
func isAnchor(s string, d draft) bool {
	for i := range len(s) {
		c := s[i]
		first := isLetter(c) || c == '_' && d >= draft2020
		if !first && (i == 0 || !isDigit(c) && c != '-' && c != '.' && c != '_' && !(c == ':' && d == draft2019)) {
			return false
		}
	}
	return s != ""
}
