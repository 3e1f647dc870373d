// Package jsonerror describes the errors of JSON decoders for people who do not know
// which program reads their text: with line and column, the member, and what would
// be right, without types of Go.
package jsonerror

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/tenant/diag"
)

// Describe returns what is wrong with text, which a decoder rejected with err. For
// example:
//
//	line 1, column 12: a value is missing
//	/0: unknown member "Sourc" (did you mean "Source"?)
//	/0/Source: must be a string, not a number
func Describe(text []byte, err error) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return "the text is empty"
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return describeSyntax(text, syntax)
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return describeSemantic(semantic)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the text ends too early"
	}
	return "is not valid JSON"
}

func describeSyntax(text []byte, e *jsontext.SyntacticError) string {
	offset := min(max(int(e.ByteOffset), 0), len(text))
	before := text[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d: %s", line, column, Reason(e))
}

// Reason returns what a syntax error says, without its position.
func Reason(e *jsontext.SyntacticError) string {
	switch {
	case errors.Is(e.Err, jsontext.ErrDuplicateName):
		return "a name occurs twice in one object"
	case errors.Is(e.Err, io.ErrUnexpectedEOF), errors.Is(e.Err, io.EOF):
		return "the text ends too early"
	case e.Err == nil:
		return "is not valid JSON"
	}
	return strings.TrimPrefix(e.Err.Error(), "jsontext: ")
}

func describeSemantic(e *json.SemanticError) string {
	at := ""
	if e.JSONPointer != "" {
		at = string(e.JSONPointer) + ": "
	}
	if errors.Is(e.Err, json.ErrUnknownName) {
		name := string(e.JSONPointer.LastToken())
		parent := string(e.JSONPointer)
		if _, quoted, ok := strings.Cut(e.Err.Error(), "member name "); ok {
			if v := jsontext.Value(quoted); v.IsValid() && v.Kind() == '"' {
				if text, err := jsontext.AppendUnquote(nil, v); err == nil {
					name = string(text)
				}
			}
		}
		parent = strings.TrimSuffix(parent, "/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
		if parent != "" {
			parent += ": "
		}
		return fmt.Sprintf("%sunknown member %s%s", parent, diag.Quote(name), diag.Suggest(name, memberNames(e.GoType)))
	}
	want := kindOf(e.GoType)
	got := kindName(e.JSONKind)
	switch {
	case want != "" && e.JSONKind != 0 && got != want && !sameKind(got, want):
		return at + "must be " + want + ", not " + got
	case want != "":
		return at + "must be " + want
	}
	return at + "is not valid"
}

// sameKind reports whether a value of the kind got may be what is wanted, so that its
// content is wrong.
func sameKind(got, want string) bool {
	return got == "a number" && want == "a whole number" || got == "a string" && strings.HasPrefix(want, "a time")
}

// memberNames returns the names of the members of a struct.
func memberNames(t reflect.Type) (names []string) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		if name != "-" && f.IsExported() {
			names = append(names, strings.Trim(name, "'"))
		}
	}
	return names
}

// kindOf returns the kind of JSON value that a type is read from, with its article.
func kindOf(t reflect.Type) string {
	if t == nil {
		return ""
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "" // any value, or a string in base64
		}
		return "an array"
	case reflect.Map:
		return "an object"
	case reflect.Struct:
		if t.PkgPath() == "time" {
			return "a time such as 2026-11-21T03:00:00Z"
		}
		return "an object"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return ""
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{', '}':
		return "an object"
	case '[', ']':
		return "an array"
	case 't', 'f':
		return "true or false"
	}
	return "null"
}
