package awsjson

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// appendJava writes a value as Java's toString does, which is how AWS's messages
// contain it: [a, b], {key=value}, PutEventsRequestEntry(time=null, source=shop).
func appendJava(b []byte, v reflect.Value) []byte {
	switch {
	case !v.IsValid(), v.Kind() == reflect.Pointer && v.IsNil(), v.Kind() == reflect.Slice && v.IsNil(), v.Kind() == reflect.Map && v.IsNil():
		return append(b, "null"...)
	case v.Type() == reflect.TypeFor[Time]():
		return v.Interface().(Time).UTC().AppendFormat(b, "Mon Jan 02 15:04:05 UTC 2006")
	}
	switch v.Kind() {
	case reflect.Pointer:
		return appendJava(b, v.Elem())
	case reflect.String:
		return append(b, v.String()...)
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10)
	case reflect.Slice:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendJava(b, v.Index(i))
		}
		return append(b, ']')
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
		b = append(b, '{')
		for i, key := range keys {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = appendJava(append(appendJava(b, key), '='), v.MapIndex(key))
		}
		return append(b, '}')
	case reflect.Struct:
		return appendJavaStruct(b, v)
	}
	return b
}

// appendJavaStruct writes the members in the order of the fields. A blank field
// names, in its tag, members that AWS has and this server does not:
//
//	_ struct{} `null:"kmsKeyIdentifier,internalMetadata"`
func appendJavaStruct(b []byte, v reflect.Value) []byte {
	name := v.Type().Name()
	b = append(b, strings.ToUpper(name[:min(1, len(name))])...)
	b = append(append(b, name[min(1, len(name)):]...), '(')
	first := true
	member := func(name string, value reflect.Value) {
		if !first {
			b = append(b, ", "...)
		}
		first = false
		b = appendJava(append(append(b, name...), '='), value)
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if names := f.Tag.Get("null"); names != "" {
			for _, name := range strings.Split(names, ",") {
				member(name, reflect.Value{})
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		value := v.Field(i)
		switch {
		case strings.Contains(f.Tag.Get("aws"), "sensitive"):
			member(memberName(name), reflect.ValueOf("***Sensitive Data Redacted***"))
		case value.Kind() == reflect.String && value.Len() == 0:
			member(memberName(name), reflect.Value{})
		default:
			member(memberName(name), value)
		}
	}
	return append(b, ')')
}
