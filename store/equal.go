package store

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Equal reports whether two JSON documents say the same: the order of members
// is ignored, numbers are compared by exact value (1.50 is 15e-1), strings by
// their text. What is not valid JSON, or repeats a name, equals only its own
// bytes.
func Equal(a, b jsontext.Value) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return a.IsValid() && b.IsValid() && equalValues(bytes.TrimSpace(a), bytes.TrimSpace(b))
}

func equalValues(a, b jsontext.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case '{':
		return equalObjects(a, b)
	case '[':
		return equalArrays(a, b)
	case '"':
		ta, errA := jsontext.AppendUnquote(nil, a)
		tb, errB := jsontext.AppendUnquote(nil, b)
		return errA == nil && errB == nil && bytes.Equal(ta, tb)
	case '0':
		return parseDecimal(a).equal(parseDecimal(b))
	}
	return true // null, true or false
}

func equalObjects(a, b jsontext.Value) bool {
	ma, mb := members(a), members(b)
	if len(ma) != len(mb) {
		return false
	}
	for name, va := range ma {
		if vb, ok := mb[name]; !ok || !equalValues(va, vb) {
			return false
		}
	}
	return true
}

func equalArrays(a, b jsontext.Value) bool {
	ea, eb := elements(a), elements(b)
	if len(ea) != len(eb) {
		return false
	}
	for i := range ea {
		if !equalValues(ea[i], eb[i]) {
			return false
		}
	}
	return true
}

// members splits a valid object.
func members(v jsontext.Value) map[string]jsontext.Value {
	m := map[string]jsontext.Value{}
	dec := jsontext.NewDecoder(bytes.NewReader(v))
	_, _ = dec.ReadToken()
	for dec.PeekKind() == '"' {
		name, _ := dec.ReadToken()
		key := name.String()
		value, _ := dec.ReadValue()
		m[key] = value.Clone()
	}
	return m
}

// elements splits a valid array.
func elements(v jsontext.Value) []jsontext.Value {
	var list []jsontext.Value
	dec := jsontext.NewDecoder(bytes.NewReader(v))
	_, _ = dec.ReadToken()
	for k := dec.PeekKind(); k != ']' && k != 0; k = dec.PeekKind() {
		value, err := dec.ReadValue()
		if err != nil {
			break
		}
		list = append(list, value.Clone())
	}
	return list
}
