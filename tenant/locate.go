package tenant

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// span is the position of a value in a text of valid JSON.
type span struct {
	nameAt  int // the position for diagnostics: the member's name, else the value
	valueAt int
	end     int
}

// locate returns the position of the value at a pointer. If there is none, it returns
// that of the nearest value above it, and false.
func locate(data []byte, p jsontext.Pointer) (span, bool) {
	start := 0
	for start < len(data) && bytes.IndexByte([]byte(" \t\r\n"), data[start]) >= 0 {
		start++
	}
	at := span{nameAt: start, valueAt: start, end: len(data)}
	for token := range p.Tokens() {
		below, ok := at.child(data, token)
		if !ok {
			return at, false
		}
		at = below
	}
	return at, true
}

// child returns a member by its name, or an element by its index.
func (s span) child(data []byte, token string) (span, bool) {
	found, ok := span{}, false
	s.each(data, func(name string, at span) bool {
		if ok = name == token; ok {
			found = at
		}
		return !ok
	})
	return found, ok
}

// each calls visit for the members or elements of a value, in order, until visit
// returns false.
func (s span) each(data []byte, visit func(name string, at span) bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(data[s.valueAt:s.end]))
	open, err := dec.ReadToken()
	if err != nil || open.Kind() != '{' && open.Kind() != '[' {
		return
	}
	object := open.Kind() == '{'
	for i := 0; dec.PeekKind() != ']' && dec.PeekKind() != '}'; i++ {
		name, at := strconv.Itoa(i), span{nameAt: -1}
		if object {
			quoted, err := dec.ReadValue()
			if err != nil {
				return
			}
			name, at.nameAt = unquote(quoted), s.valueAt+int(dec.InputOffset())-len(quoted)
		}
		v, err := dec.ReadValue()
		if err != nil {
			return
		}
		at.end = s.valueAt + int(dec.InputOffset())
		at.valueAt = at.end - len(v)
		if !object {
			at.nameAt = at.valueAt
		}
		if !visit(name, at) {
			return
		}
	}
}

// memberNames returns the names of the members of the object at a pointer, in order.
func memberNames(data []byte, p jsontext.Pointer) []string {
	where, ok := locate(data, p)
	if !ok {
		return nil
	}
	var names []string
	where.each(data, func(name string, _ span) bool {
		names = append(names, name)
		return true
	})
	return names
}
