package jsonschema

import (
	"bytes"
	"regexp"
	"strings"
)

// maxPatternSize bounds the instructions of all regular expressions of a schema.
const maxPatternSize = 1 << 16

// A pattern is a compiled regular expression. One without an expression matches
// what begins with, ends with, contains or is equal to its literal.
type pattern struct {
	source     string
	size       int
	expression *regexp.Regexp
	literal    []byte
	begins     bool // the literal must be at the beginning
	ends       bool // and at the end
}

// newPattern compiles a valid expression that has a translation.
func newPattern(source string, t translation) (*pattern, error) {
	p := &pattern{source: source, size: t.size}
	if p.simple() {
		p.size = 1
		return p, nil
	}
	var err error
	p.expression, err = regexp.Compile(t.re2)
	return p, err
}

// simple reports whether the expression is a literal, and takes it.
func (p *pattern) simple() bool {
	literal, begins := strings.CutPrefix(p.source, "^")
	literal, ends := strings.CutSuffix(literal, "$")
	if strings.ContainsAny(literal, `^$\.*+?()[]{}|`) {
		return false
	}
	p.literal, p.begins, p.ends = []byte(literal), begins, ends
	return true
}

func (p *pattern) matches(r *run, s []byte) bool {
	// The time of a regular expression is linear in text times instructions; an
	// instruction takes less time than a step.
	r.spend(1 + (len(s)+1)*p.size/4)
	switch {
	case p.expression != nil:
		return p.expression.Match(s)
	case p.begins && p.ends:
		return bytes.Equal(s, p.literal)
	case p.begins:
		return bytes.HasPrefix(s, p.literal)
	case p.ends:
		return bytes.HasSuffix(s, p.literal)
	}
	return bytes.Contains(s, p.literal)
}
