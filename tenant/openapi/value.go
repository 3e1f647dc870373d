package openapi

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// The functions here take schemas apart without changing a number or the order
// of members. A schema in force is valid JSON without repeated names.

// A named is one member of an object.
type named struct {
	name  string
	value jsontext.Value
}

func members(v jsontext.Value) (out []named) {
	dec := jsontext.NewDecoder(bytes.NewReader(v))
	if open, err := dec.ReadToken(); err != nil || open.Kind() != '{' {
		return nil
	}
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			break
		}
		name := token.String()
		value, err := dec.ReadValue()
		if err != nil {
			break
		}
		out = append(out, named{name, value.Clone()})
	}
	return out
}

func member(v jsontext.Value, name string) (jsontext.Value, bool) {
	for _, m := range members(v) {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

func elements(v jsontext.Value) (out []jsontext.Value) {
	dec := jsontext.NewDecoder(bytes.NewReader(v))
	if open, err := dec.ReadToken(); err != nil || open.Kind() != '[' {
		return nil
	}
	for k := dec.PeekKind(); k != ']' && k != 0; k = dec.PeekKind() {
		value, err := dec.ReadValue()
		if err != nil {
			break
		}
		out = append(out, value.Clone())
	}
	return out
}

// text is a string's text; "" for any other value.
func text(v jsontext.Value) string {
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return ""
	}
	return string(b)
}

// texts are those of an array of strings.
func texts(v jsontext.Value) (out []string) {
	for _, e := range elements(v) {
		out = append(out, text(e))
	}
	return out
}

func quote(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s)
	return b
}

func quoteAll(list []string) jsontext.Value {
	b := []byte("[")
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, quote(s)...)
	}
	return append(b, ']')
}

func itoa(i int) string { return strconv.Itoa(i) }

// A writer appends members to an object that is open.
type writer struct{ dst []byte }

func (w *writer) name(name string) {
	if w.dst[len(w.dst)-1] != '{' {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(append(w.dst, quote(name)...), ':')
}

func (w *writer) raw(name string, v jsontext.Value) {
	w.name(name)
	w.dst = append(w.dst, v...)
}
