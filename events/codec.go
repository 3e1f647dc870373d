package events

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// Unmarshal strictly decodes one JSON document into v. what names the document in
// the error, which is Invalid and contains the position as a JSON Pointer.
func Unmarshal(what string, data []byte, v any) error {
	if raw, ok := v.(*jsontext.Value); ok {
		if quick, ok := quickValue(data); ok {
			*raw = quick
			return nil
		}
	}
	return decode(what, data, v)
}

// decode is Unmarshal without the quick path.
func decode(what string, data []byte, v any) error {
	if len(data) > MaxBytes {
		return fault.Errorf(fault.Invalid, "%s has %d bytes, at most %d are read", what, len(data), MaxBytes)
	}
	if at := TooDeep(data, MaxDepth); at >= 0 {
		return fault.Errorf(fault.Invalid, "%s is nested deeper than %d at byte %d", what, MaxDepth, at)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return Malformed(what, err)
	}
	return nil
}

// Readable reports whether data is within the limits of [Unmarshal] on length and
// nesting.
func Readable(data []byte) bool { return len(data) <= MaxBytes && TooDeep(data, MaxDepth) < 0 }

// Check verifies that data is one JSON document that [Unmarshal] would read.
func Check(what string, data []byte) error {
	var raw jsontext.Value
	return Unmarshal(what, data, &raw)
}

// TooDeep returns the offset at which brackets outside of strings nest deeper
// than most, or -1. The result for text that is not JSON is unspecified: a decoder
// rejects it.
func TooDeep(data []byte, most int) int {
	if bytes.Count(data, []byte("{"))+bytes.Count(data, []byte("[")) <= most {
		return -1 // counting is a tenth of the work
	}
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

// Malformed turns an error of the codec into an Invalid error that contains the
// position but no part of the document, which may contain a key or a payload.
func Malformed(what string, err error) error {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		reason := "is not valid JSON"
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			reason = "repeats a name"
		case strings.Contains(syntax.Err.Error(), "UTF-8"):
			reason = "is not valid UTF-8"
		}
		return &fault.Error{Code: fault.Invalid,
			Message:    fmt.Sprintf("%s %s at byte %d", what, reason, syntax.ByteOffset),
			Violations: []fault.Violation{{Pointer: fault.Clip(string(syntax.JSONPointer), fault.MaxPointer), Message: reason}}}
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		reason := "has the wrong type"
		if semantic.JSONKind != 0 {
			reason = "must not be " + kindName(semantic.JSONKind)
			if want := wantedKind(semantic.GoType); want != "" {
				reason = fmt.Sprintf("must be %s, not %s", want, kindName(semantic.JSONKind))
			}
		}
		if inner, ok := errors.AsType[*fault.Error](semantic.Err); ok {
			reason = inner.Message
		}
		return &fault.Error{Code: fault.Invalid,
			Message:    fmt.Sprintf("%s: %s %s", what, pointerName(semantic.JSONPointer), reason),
			Violations: []fault.Violation{{Pointer: fault.Clip(string(semantic.JSONPointer), fault.MaxPointer), Message: reason}}}
	}
	return fault.Errorf(fault.Invalid, "%s cannot be read", what)
}

func pointerName(p jsontext.Pointer) string {
	if p == "" {
		return "the document"
	}
	return strconv.Quote(fault.Clip(string(p), fault.MaxPointer))
}

// wantedKind returns the kind of JSON value that a type is decoded from; "" if it is not
// known.
func wantedKind(t reflect.Type) string {
	if t == nil {
		return ""
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wantedKind(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Int64:
		return "an integer"
	}
	return ""
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "of this type"
}
