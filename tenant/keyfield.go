package tenant

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// subschema is a schema that applies to the record itself, not to a part of it.
type subschema struct {
	pointer string
	object  map[string]any
	always  bool // it applies to every record: not one of several alternatives
}

// applicable returns the subschemas that apply to the record itself, through
// $ref within the file and through the keywords that combine schemas.
func applicable(root map[string]any) []subschema {
	w := applicableWalk{root: root, seen: map[string]bool{}}
	w.visit(root, "", true)
	return w.found
}

type applicableWalk struct {
	root  map[string]any
	found []subschema
	seen  map[string]bool
}

func (w *applicableWalk) visit(v any, pointer string, always bool) {
	object, ok := v.(map[string]any)
	if !ok || w.seen[pointer] {
		return
	}
	w.seen[pointer] = true
	w.found = append(w.found, subschema{pointer: pointer, object: object, always: always})
	if target, pointer, ok := resolve(w.root, object); ok {
		w.visit(target, pointer, always)
	}
	for _, list := range []string{"allOf", "anyOf", "oneOf"} {
		if items, ok := object[list].([]any); ok {
			for i, item := range items {
				w.visit(item, pointer+"/"+list+"/"+strconv.Itoa(i), always && list == "allOf")
			}
		}
	}
	for _, one := range []string{"if", "then", "else"} {
		w.visit(object[one], pointer+"/"+one, false)
	}
}

// resolve returns the target of a $ref that is a JSON Pointer within the file.
func resolve(root, object map[string]any) (target any, pointer string, ok bool) {
	ref, _ := object["$ref"].(string)
	fragment, local := strings.CutPrefix(ref, "#")
	if !local {
		return nil, "", false
	}
	pointer, err := url.PathUnescape(fragment)
	if err != nil || pointer != "" && pointer[0] != '/' {
		return nil, "", false
	}
	target = root
	for token := range jsontext.Pointer(pointer).Tokens() {
		switch v := target.(type) {
		case map[string]any:
			target = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil, "", false
			}
			target = v[i]
		default:
			return nil, "", false
		}
	}
	return target, pointer, target != nil
}

// keyTypes is a set of the types that a value may have.
type keyTypes uint8

const (
	aString keyTypes = 1 << iota
	anInteger
	aFraction
	anyOther
	anyType = aString | anInteger | aFraction | anyOther
)

// key determines the type of keys. If the schema does not declare the key field, it is
// changed to accept it.
func (l *schemaLoader) key() {
	field := l.schema.KeyField
	subschemas := applicable(l.tree)
	types, declaredAt := l.declared(subschemas, field)
	l.declaredAt = declaredAt
	if declaredAt == "" {
		l.admitted = admit(subschemas, field)
		return
	}
	switch {
	case types == anyType || types&(aString|anInteger|aFraction) == aString:
	case types&(aString|aFraction) == 0 && types&anInteger != 0:
		l.schema.IntegerKey = true
	case types&aString != 0:
		l.failAt(jsontext.Pointer(declaredAt), "key field %q may be both a string and a number; declare it as one of string and integer", field)
	default:
		l.failAt(jsontext.Pointer(declaredAt), "key field %q cannot hold a key; declare it as string or integer, or name another field in meta.key", field)
	}
}

// declared returns the types that the schema allows for the key field, and the pointer
// to its declaration, or "". Subschemas that always apply take precedence over
// alternatives.
func (l *schemaLoader) declared(subschemas []subschema, field string) (types keyTypes, at string) {
	for _, always := range []bool{true, false} {
		types = anyType
		for _, s := range subschemas {
			properties, _ := s.object["properties"].(map[string]any)
			declaration, ok := properties[field]
			if s.always != always || !ok {
				continue
			}
			types &= l.typesOf(declaration, 0)
			if at == "" {
				at = s.pointer + "/properties/" + escapeToken(field)
			}
		}
		if at != "" {
			break
		}
	}
	return types, at
}

// typesOf returns the types that a schema allows for a value.
func (l *schemaLoader) typesOf(schema any, depth int) keyTypes {
	const deepest = 32 // a schema may refer to itself
	object, ok := schema.(map[string]any)
	if !ok || depth > deepest {
		if schema == false {
			return 0
		}
		return anyType
	}
	types := anyType
	switch t := object["type"].(type) {
	case string:
		types = namedType(t)
	case []any:
		types = 0
		for _, name := range t {
			if s, ok := name.(string); ok {
				types |= namedType(s)
			}
		}
	}
	if v, ok := object["const"]; ok {
		types &= typeOf(v)
	}
	if list, ok := object["enum"].([]any); ok {
		types &= union(list, typeOf)
	}
	if target, _, ok := resolve(l.tree, object); ok {
		types &= l.typesOf(target, depth+1)
	}
	below := func(v any) keyTypes { return l.typesOf(v, depth+1) }
	if list, ok := object["allOf"].([]any); ok {
		for _, v := range list {
			types &= below(v)
		}
	}
	for _, name := range []string{"anyOf", "oneOf"} {
		if list, ok := object[name].([]any); ok {
			types &= union(list, below)
		}
	}
	return types
}

func union(list []any, of func(any) keyTypes) (types keyTypes) {
	for _, v := range list {
		types |= of(v)
	}
	return types
}

func namedType(name string) keyTypes {
	switch name {
	case "string":
		return aString
	case "integer":
		return anInteger
	case "number":
		return anInteger | aFraction
	}
	return anyOther
}

func typeOf(v any) keyTypes {
	switch n := v.(type) {
	case string:
		return aString
	case jsontext.Value:
		if strings.ContainsAny(string(n), ".eE") {
			return aFraction
		}
		return anInteger
	}
	return anyOther
}

// admit declares the key field as a string wherever the schema would refuse it
// because it is not declared, and reports whether it changed anything.
func admit(subschemas []subschema, field string) (changed bool) {
	for _, s := range subschemas {
		_, additional := s.object["additionalProperties"]
		_, unevaluated := s.object["unevaluatedProperties"]
		if s.pointer != "" && !additional && !unevaluated {
			continue
		}
		properties, ok := s.object["properties"].(map[string]any)
		if !ok {
			if _, malformed := s.object["properties"]; malformed {
				continue // the compiler rejects it
			}
			properties = map[string]any{}
			s.object["properties"] = properties
		}
		properties[field] = map[string]any{"type": "string"}
		changed = true
	}
	return changed
}
