package router

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/jsonobject"
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
	changes, err := jsonobject.Members(patch)
	if err != nil {
		return nil, err
	}
	var have []jsonobject.Member
	if target.Kind() == '{' {
		if have, err = jsonobject.Members(target); err != nil {
			return nil, err
		}
	}
	index := make(map[string]int, len(changes))
	for i, c := range changes {
		index[c.Name] = i
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
		i, changed := index[m.Name]
		if !changed {
			// What the patch does not speak of stays, null included.
			if len(dst) > first {
				dst = append(dst, ',')
			}
			if dst, err = jsontext.AppendQuote(dst, m.Name); err != nil {
				return nil, err
			}
			dst = append(append(dst, ':'), m.Value...)
			continue
		}
		delete(index, m.Name)
		if err := write(m.Name, m.Value, changes[i].Value); err != nil {
			return nil, err
		}
	}
	for _, c := range changes {
		if _, isNew := index[c.Name]; isNew {
			if err := write(c.Name, nil, c.Value); err != nil {
				return nil, err
			}
		}
	}
	return append(dst, '}'), nil
}
