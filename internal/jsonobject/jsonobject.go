// Package jsonobject takes JSON objects apart. Numbers keep their text, and members
// their order.
package jsonobject

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// A Member is one member of an object.
type Member struct {
	Name  string
	Value jsontext.Value
}

var errNoObject = errors.New("the value is not an object")

// Members returns the members of an object in their order. Their values share its
// memory. With an error it returns the members before it.
func Members(object jsontext.Value) (members []Member, err error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(object))
	if open, err := dec.ReadToken(); err != nil || open.Kind() != '{' {
		return nil, errors.Join(err, errNoObject)
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return members, err
		}
		m := Member{Name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return members, err
		}
		end := int(dec.InputOffset())
		m.Value = object[end-len(value) : end]
		members = append(members, m)
	}
	_, err = dec.ReadToken()
	return members, err
}
