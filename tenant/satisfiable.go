package tenant

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/tenant/diag"
)

// checkKeyField adds an error if meta.key names a field that the schema does not
// declare: that is usually a misspelling, and then two records may have the same
// value in the field that was meant.
func (l *schemaLoader) checkKeyField() {
	meta, _ := l.tree["meta"].(map[string]any)
	if _, explicit := meta["key"]; !explicit || l.declaredAt != "" {
		return
	}
	others := slices.DeleteFunc(slices.Clone(l.schema.Columns), func(name string) bool { return name == l.schema.KeyField })
	where, _ := locate(l.json, "/meta/key")
	l.Disablef(l.Begin+where.valueAt, "meta.key names %s, which the schema does not declare%s; declare it in properties as string or integer",
		diag.Quote(l.schema.KeyField), diag.Suggest(l.schema.KeyField, others))
}

// checkSatisfiable adds an error if the schema accepts no payload, because the root is
// not an object or because a closed object requires a property that it does not
// declare. It reports a closed object below the root as a warning, because the
// record may be valid without it.
func (l *schemaLoader) checkSatisfiable() {
	root := map[string]bool{}
	for _, s := range applicable(l.tree) {
		if !s.always {
			continue
		}
		root[s.pointer] = true
		if at, ok := l.excludesObjects(s); ok {
			l.failSoft(jsontext.Pointer(at), "the schema accepts no payload: a payload is an object")
		}
	}
	l.eachSubschema(l.tree, "", 0, func(pointer string, object map[string]any) {
		for _, i := range undeclared(object) {
			name, _ := object["required"].([]any)[i].(string)
			at := jsontext.Pointer(pointer + "/required/" + strconv.Itoa(i))
			properties, _ := object["properties"].(map[string]any)
			suggestion := diag.Suggest(name, memberList(properties))
			if root[pointer] {
				l.failSoft(at, "the schema accepts no payload: %s is required, but additionalProperties is false and it is not declared in properties%s", diag.Quote(name), suggestion)
				continue
			}
			where, _ := locate(l.json, at)
			l.Warnf(l.Begin+where.nameAt, "no object is valid here: %s is required, but additionalProperties is false and it is not declared in properties%s", diag.Quote(name), suggestion)
		}
	})
}

// failSoft adds an error at the value that a pointer refers to; the schema stays in
// use.
func (l *schemaLoader) failSoft(p jsontext.Pointer, format string, args ...any) {
	where, _ := locate(l.json, p)
	l.Disablef(l.Begin+where.nameAt, format, args...)
}

// excludesObjects returns the pointer of the keyword with which a schema excludes every
// object.
func (l *schemaLoader) excludesObjects(s subschema) (at string, excluded bool) {
	switch t := s.object["type"].(type) {
	case string:
		if t != "object" {
			return s.pointer + "/type", true
		}
	case []any:
		if !slices.Contains(t, any("object")) {
			return s.pointer + "/type", true
		}
	}
	isObject := func(v any) bool { _, ok := v.(map[string]any); return ok }
	if v, ok := s.object["const"]; ok && !isObject(v) {
		return s.pointer + "/const", true
	}
	if list, ok := s.object["enum"].([]any); ok && !slices.ContainsFunc(list, isObject) {
		return s.pointer + "/enum", true
	}
	for _, name := range []string{"anyOf", "oneOf"} {
		list, ok := s.object[name].([]any)
		if ok && !slices.ContainsFunc(list, func(v any) bool {
			if object, ok := v.(map[string]any); ok {
				_, excluded := l.excludesObjects(subschema{object: object})
				return !excluded
			}
			return v != false
		}) {
			return s.pointer + "/" + name, true
		}
	}
	if list, ok := s.object["allOf"].([]any); ok {
		if i := slices.Index(list, any(false)); i >= 0 {
			return s.pointer + "/allOf/" + strconv.Itoa(i), true
		}
	}
	return "", false
}

// undeclared returns the indexes of the names in required that a closed object cannot
// have.
func undeclared(object map[string]any) (indexes []int) {
	required, _ := object["required"].([]any)
	if object["additionalProperties"] != false || len(required) == 0 {
		return nil
	}
	properties, _ := object["properties"].(map[string]any)
	patterns, _ := object["patternProperties"].(map[string]any)
	for i, v := range required {
		name, isString := v.(string)
		if _, declared := properties[name]; isString && !declared && !mayMatch(patterns, name) {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// mayMatch reports whether a pattern of patternProperties matches the name, or cannot
// be evaluated here.
func mayMatch(patterns map[string]any, name string) bool {
	for p := range patterns {
		if re, err := regexp.Compile(p); err != nil || re.MatchString(name) {
			return true
		}
	}
	return false
}

// subschemaKeywords are the keywords whose values are schemas, by the form of the
// value.
var subschemaKeywords = struct{ one, list, members []string }{
	one: []string{"items", "additionalItems", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else",
		"unevaluatedItems", "unevaluatedProperties"},
	list:    []string{"allOf", "anyOf", "oneOf", "prefixItems", "items"},
	members: []string{"properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"},
}

// eachSubschema visits a schema and those below it.
func (l *schemaLoader) eachSubschema(v any, pointer string, depth int, visit func(pointer string, object map[string]any)) {
	object, ok := v.(map[string]any)
	if !ok || depth > 100 {
		return
	}
	visit(pointer, object)
	for _, name := range subschemaKeywords.one {
		l.eachSubschema(object[name], pointer+"/"+name, depth+1, visit)
	}
	for _, name := range subschemaKeywords.list {
		list, _ := object[name].([]any)
		for i, sub := range list {
			l.eachSubschema(sub, pointer+"/"+name+"/"+strconv.Itoa(i), depth+1, visit)
		}
	}
	for _, name := range subschemaKeywords.members {
		members, _ := object[name].(map[string]any)
		for member, sub := range members {
			l.eachSubschema(sub, pointer+"/"+name+"/"+escapeToken(member), depth+1, visit)
		}
	}
}

func memberList(object map[string]any) []string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
