package router

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// Merge applies a JSON Merge Patch (RFC 7396). Numbers keep their text, members
// their order; new ones follow. Both documents must be valid JSON without
// repeated names, as the codec of package events takes them.
func Merge(target, patch jsontext.Value) (jsontext.Value, error) {
	out, err := appendMerge(make([]byte, 0, len(target)+len(patch)), target, patch)
	if err != nil {
		return nil, fault.Wrap("router.Merge", fault.Invalid, err)
	}
	return out, nil
}

func appendMerge(dst []byte, target, patch jsontext.Value) ([]byte, error) {
	if patch.Kind() != '{' {
		return append(dst, patch...), nil
	}
	changes, err := members(patch)
	if err != nil {
		return nil, err
	}
	var have []member
	if target.Kind() == '{' {
		if have, err = members(target); err != nil {
			return nil, err
		}
	}
	index := make(map[string]int, len(changes))
	for i, c := range changes {
		index[c.name] = i
	}

	dst = append(dst, '{')
	first := len(dst)
	write := func(name string, target, patch jsontext.Value) error {
		if patch.Kind() == 'n' {
			return nil
		}
		if len(dst) > first {
			dst = append(dst, ',')
		}
		if dst, err = jsontext.AppendQuote(dst, name); err != nil {
			return err
		}
		dst = append(dst, ':')
		dst, err = appendMerge(dst, target, patch)
		return err
	}
	for _, m := range have {
		i, changed := index[m.name]
		if !changed {
			// What the patch does not speak of stays, null included.
			if len(dst) > first {
				dst = append(dst, ',')
			}
			if dst, err = jsontext.AppendQuote(dst, m.name); err != nil {
				return nil, err
			}
			dst = append(append(dst, ':'), m.value...)
			continue
		}
		delete(index, m.name)
		if err := write(m.name, m.value, changes[i].value); err != nil {
			return nil, err
		}
	}
	for _, c := range changes {
		if _, isNew := index[c.name]; isNew {
			if err := write(c.name, nil, c.value); err != nil {
				return nil, err
			}
		}
	}
	return append(dst, '}'), nil
}

type member struct {
	name  string
	value jsontext.Value
}

// members lists those of an object. The values share the object's memory.
func members(object jsontext.Value) ([]member, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(object))
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	var out []member
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		m := member{name: name.String()}
		start := 0
		if m.value, err = dec.ReadValue(); err != nil {
			return nil, err
		}
		start = int(dec.InputOffset()) - len(m.value)
		m.value = object[start : start+len(m.value)]
		out = append(out, m)
	}
	_, err := dec.ReadToken()
	return out, err
}
