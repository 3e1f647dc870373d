package jsonschema

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A kind is the type of a JSON value, named by a character that begins it.
type kind byte

const (
	kindNull   kind = 'n'
	kindFalse  kind = 'f'
	kindTrue   kind = 't'
	kindString kind = '"'
	kindNumber kind = '0'
	kindObject kind = '{'
	kindArray  kind = '['
)

// A node is one value of a document, or one member name.
type node struct {
	kind kind
	// unescaped says that start and end are offsets in document.side, not in
	// document.text: the string has escapes.
	unescaped bool
	// start and end enclose the value's text; of a string, its content.
	start, end uint32
	// next is the index of the node behind this value and all that it holds.
	next int32
	// count is the number of members or elements.
	count int32
}

// A document is a parsed JSON text: its values in order of appearance. The
// members of an object follow it as pairs of name and value, the elements of an
// array follow it one by one. The root has index 0.
type document struct {
	text  []byte
	side  []byte // the content of strings that have escapes
	nodes []node
}

// str returns the content of a string or name.
func (d *document) str(n int32) []byte {
	v := &d.nodes[n]
	if v.unescaped {
		return d.side[v.start:v.end]
	}
	return d.text[v.start:v.end]
}

// raw returns the text of a value that is not a string.
func (d *document) raw(n int32) []byte {
	return d.text[d.nodes[n].start:d.nodes[n].end]
}

// member returns the value of a member of an object.
func (d *document) member(object int32, name string) (value int32, ok bool) {
	for m := object + 1; m < d.nodes[object].next; m = d.nodes[m+1].next {
		if string(d.str(m)) == name {
			return m + 1, true
		}
	}
	return 0, false
}

// pointer returns the JSON Pointer of a value.
func (d *document) pointer(n int32) string {
	var p []byte
	for at := int32(0); at != n; {
		child, i := at+1, 0
		isObject := d.nodes[at].kind == kindObject
		for {
			value := child
			if isObject {
				value++
			}
			if n < d.nodes[value].next {
				if isObject {
					p = appendToken(p, d.str(child))
				} else {
					p = strconv.AppendInt(append(p, '/'), int64(i), 10)
				}
				at = value
				if n < value { // a member's name has the pointer of its value
					return string(p)
				}
				break
			}
			child = d.nodes[value].next
			i++
		}
	}
	return string(p)
}

// appendToken appends a reference token to a JSON Pointer.
func appendToken(p, name []byte) []byte {
	p = append(p, '/')
	for _, c := range name {
		switch c {
		case '~':
			p = append(p, "~0"...)
		case '/':
			p = append(p, "~1"...)
		default:
			p = append(p, c)
		}
	}
	return p
}

const (
	// maxExponent, maxDigits and maxWritten bound numbers: the exponent of one,
	// the digits of one, and the digits of all of a document, written out.
	maxExponent = 4000
	maxDigits   = 4000
	maxWritten  = 2 << 20
	// maxText bounds a document, so that offsets fit 32 bits.
	maxText = 1 << 30
)

var (
	errSyntax   = errors.New("not valid JSON")
	errTrailing = errors.New("must end where its first value ends")
)

// A parser fills a document. It can be used again.
type parser struct {
	doc     *document
	at      int
	depth   int // how deep values may still be nested
	most    int
	written int
	names   nameTable
}

// parse reads a text. The error is a [*SyntaxError] or a [*LimitError].
func (p *parser) parse(doc *document, text []byte, maxDepth int) error {
	doc.text, doc.side, doc.nodes = text, doc.side[:0], doc.nodes[:0]
	p.doc, p.at, p.depth, p.most, p.written = doc, 0, maxDepth, maxDepth, 0
	if len(text) > maxText {
		return &LimitError{Reason: "is longer than 1 GiB"}
	}
	err := p.value()
	if err == nil {
		p.space()
		if p.at == len(text) {
			return nil
		}
		err = errSyntax
	}
	if err == errSyntax {
		return explainSyntax(text)
	}
	return err
}

// explainSyntax finds the place and the reason of an error that the parser has
// met.
func explainSyntax(text []byte) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	_, err := dec.ReadValue()
	if err == nil {
		rest := bytes.TrimLeft(text[dec.InputOffset():], " \t\r\n")
		if _, err = dec.ReadToken(); err == nil {
			err = &jsontext.SyntacticError{ByteOffset: int64(len(text) - len(rest)), Err: errTrailing}
		}
	}
	return &SyntaxError{Err: err}
}

// limit makes the error for the value that is read next.
func (p *parser) limit(format string, args ...any) error {
	text := p.doc.text[:p.at]
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	for {
		if _, err := dec.ReadToken(); err != nil {
			return &LimitError{Pointer: string(dec.StackPointer()), Reason: fmt.Sprintf(format, args...)}
		}
	}
}

func (p *parser) space() {
	for p.at < len(p.doc.text) {
		switch p.doc.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek skips white space and returns the next byte; 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.at < len(p.doc.text) {
		return p.doc.text[p.at]
	}
	return 0
}

func (p *parser) value() error {
	switch c := p.peek(); c {
	case '"':
		return p.string()
	case '{':
		return p.object()
	case '[':
		return p.array()
	case 't':
		return p.literal(kindTrue, "true")
	case 'f':
		return p.literal(kindFalse, "false")
	case 'n':
		return p.literal(kindNull, "null")
	default:
		return p.number()
	}
}

func (p *parser) add(k kind, start, end int, unescaped bool) {
	next := int32(len(p.doc.nodes)) + 1
	p.doc.nodes = append(p.doc.nodes, node{kind: k, unescaped: unescaped, start: uint32(start), end: uint32(end), next: next})
}

func (p *parser) literal(k kind, word string) error {
	end := p.at + len(word)
	if end > len(p.doc.text) || string(p.doc.text[p.at:end]) != word {
		return errSyntax
	}
	p.add(k, p.at, end, false)
	p.at = end
	return nil
}

// open adds the node of an object or array.
func (p *parser) open(k kind) (index int, err error) {
	if p.depth == 0 {
		p.at++
		return 0, p.limit("must not be nested deeper than %d", p.most)
	}
	p.depth--
	p.add(k, p.at, p.at, false)
	p.at++
	return len(p.doc.nodes) - 1, nil
}

func (p *parser) close(index int, count int32) {
	p.at++
	p.depth++
	n := &p.doc.nodes[index]
	n.end, n.next, n.count = uint32(p.at), int32(len(p.doc.nodes)), count
}

func (p *parser) array() error {
	index, err := p.open(kindArray)
	if err != nil {
		return err
	}
	if p.peek() == ']' {
		p.close(index, 0)
		return nil
	}
	for count := int32(1); ; count++ {
		if err := p.value(); err != nil {
			return err
		}
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.close(index, count)
			return nil
		default:
			return errSyntax
		}
	}
}

func (p *parser) object() error {
	index, err := p.open(kindObject)
	if err != nil {
		return err
	}
	if p.peek() == '}' {
		p.close(index, 0)
		return nil
	}
	for count := int32(1); ; count++ {
		if p.peek() != '"' {
			return errSyntax
		}
		if err := p.string(); err != nil {
			return err
		}
		if p.peek() != ':' {
			return errSyntax
		}
		p.at++
		if err := p.value(); err != nil {
			return err
		}
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.close(index, count)
			if p.repeats(int32(index)) {
				return errSyntax
			}
			return nil
		default:
			return errSyntax
		}
	}
}

// repeats reports whether two members of an object have the same name.
func (p *parser) repeats(object int32) bool {
	d := p.doc
	if d.nodes[object].count > fewMembers {
		return p.names.repeats(d, object)
	}
	end := d.nodes[object].next
	for a := object + 1; a < end; a = d.nodes[a+1].next {
		name := d.str(a)
		for b := d.nodes[a+1].next; b < end; b = d.nodes[b+1].next {
			if bytes.Equal(name, d.str(b)) {
				return true
			}
		}
	}
	return false
}

// fewMembers is how many names are compared pair by pair.
const fewMembers = 12

// A nameTable finds repeated names by their hashes.
type nameTable struct {
	seed  maphash.Seed
	slots []int32 // a name's node, or 0
}

func (t *nameTable) repeats(d *document, object int32) bool {
	if t.slots == nil {
		t.seed = maphash.MakeSeed()
	}
	size := 32
	for size < 2*int(d.nodes[object].count) {
		size *= 2
	}
	if size > len(t.slots) {
		t.slots = make([]int32, size)
	}
	slots := t.slots[:size]
	clear(slots)
	for m := object + 1; m < d.nodes[object].next; m = d.nodes[m+1].next {
		name := d.str(m)
		i := int(maphash.Bytes(t.seed, name)) & (size - 1)
		for ; slots[i] != 0; i = (i + 1) & (size - 1) {
			if bytes.Equal(d.str(slots[i]), name) {
				return true
			}
		}
		slots[i] = m
	}
	return false
}

func (p *parser) string() error {
	text := p.doc.text
	p.at++
	start := p.at
	for i := start; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			p.add(kindString, start, i, false)
			p.at = i + 1
			return nil
		case c == '\\':
			return p.escaped(start, i)
		case c < ' ':
			return errSyntax
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && size == 1 {
				return errSyntax
			}
			i += size
		}
	}
	return errSyntax
}

// escaped reads the rest of a string whose first escape is at i.
func (p *parser) escaped(start, i int) error {
	text, begin := p.doc.text, len(p.doc.side)
	side := append(p.doc.side, text[start:i]...)
	for i < len(text) {
		switch c := text[i]; {
		case c == '"':
			p.doc.side = side
			p.add(kindString, begin, len(side), true)
			p.at = i + 1
			return nil
		case c == '\\':
			r, size := unescape(text[i:])
			if size == 0 {
				return errSyntax
			}
			side = utf8.AppendRune(side, r)
			i += size
		case c < ' ':
			return errSyntax
		case c < utf8.RuneSelf:
			side = append(side, c)
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && size == 1 {
				return errSyntax
			}
			side = append(side, text[i:i+size]...)
			i += size
		}
	}
	return errSyntax
}

// unescape reads an escape; the size is 0 where it is not a valid one.
func unescape(s []byte) (r rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	const letters, meanings = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(letters, s[1]); i >= 0 {
		return rune(meanings[i]), 2
	}
	r, ok := hex4(s)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	low, ok := hex4(s[6:])
	if !ok {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// hex4 reads \uXXXX.
func hex4(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	return hexadecimal(s[2:6])
}

func hexadecimal[T string | []byte](s T) (r rune, ok bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, len(s) > 0
}

func (p *parser) digits() bool {
	start := p.at
	for p.at < len(p.doc.text) && isDigit(p.doc.text[p.at]) {
		p.at++
	}
	return p.at > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// is skips c where it is next.
func (p *parser) is(c byte) bool {
	if p.at < len(p.doc.text) && p.doc.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) number() error {
	start := p.at
	p.is('-')
	if !p.is('0') && !p.digits() {
		return errSyntax
	}
	if p.is('.') && !p.digits() {
		return errSyntax
	}
	mantissa, exponent := p.at-start, 0
	if p.is('e') || p.is('E') {
		sign := p.at
		if !p.is('-') {
			p.is('+')
		}
		if !p.digits() {
			return errSyntax
		}
		var err error
		exponent, err = strconv.Atoi(string(p.doc.text[sign:p.at]))
		if err != nil || exponent < -maxExponent || exponent > maxExponent {
			return p.limit("must have an exponent within ±%d", maxExponent)
		}
	}
	if mantissa > maxDigits {
		return p.limit("must have at most %d digits", maxDigits)
	}
	p.written += mantissa + max(exponent, -exponent)
	if p.written > maxWritten {
		return p.limit("is one number too many: written out, all of them have over %d digits", maxWritten)
	}
	p.add(kindNumber, start, p.at, false)
	return nil
}
