package tenant

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/jsonscan"
)

// Key returns the record's key from a payload that was decoded by package events
// before. present is false if the payload has no key field. The fault is Invalid.
func (s *Schema) Key(payload jsontext.Value) (key events.RecordKey, present bool, err error) {
	at, present, err := s.keySpan(payload)
	if err != nil || !present {
		return "", false, err
	}
	key, err = events.KeyOf(payload[at.valueAt:at.end], s.IntegerKey)
	if err != nil {
		message := fault.MessageOf(err)
		return "", true, &fault.Error{Code: fault.Invalid, Message: message, Violations: []fault.Violation{
			{Pointer: fault.Clip("/"+escapeToken(s.KeyField), fault.MaxPointer), Message: message}}}
	}
	return key, true, nil
}

// keySpan returns the position of the key field's value in the payload.
func (s *Schema) keySpan(payload jsontext.Value) (at span, present bool, err error) {
	if at, ok := s.quickKeySpan(payload); ok {
		return at, at.end > 0, nil
	}
	return s.decodedKeySpan(payload)
}

// quickKeySpan is keySpan for an object without escapes by number, which can be half of a
// surrogate pair, and without escapes in names; the span is empty if there is no key field. It returns false for what decodedKeySpan must read.
func (s *Schema) quickKeySpan(payload jsontext.Value) (at span, ok bool) {
	open := jsonscan.Space([]byte(payload), 0)
	if open == len(payload) || payload[open] != '{' || !utf8.Valid(payload) || bytes.Contains(payload, []byte(`\u`)) {
		return span{}, false
	}
	ok = jsonscan.Members(payload, open, func(name []byte, from, to int) bool {
		if string(name) == s.KeyField {
			at = span{valueAt: from, end: to}
			return false
		}
		return true
	})
	return at, ok
}

func (s *Schema) decodedKeySpan(payload jsontext.Value) (at span, present bool, err error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(payload), jsontext.AllowDuplicateNames(true))
	open, err := dec.ReadToken()
	if err != nil || open.Kind() != '{' {
		return span{}, false, broken(fault.Violation{Message: "must be an object"})
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			break
		}
		found := name.String() == s.KeyField
		v, err := dec.ReadValue()
		if err != nil {
			break
		}
		if found {
			end := int(dec.InputOffset())
			return span{valueAt: end - len(v), end: end}, true, nil
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return span{}, false, fault.Errorf(fault.Invalid, "payload is not valid JSON")
	}
	return span{}, false, nil
}

// WithKey returns a copy of the payload with its key field set: in place if it has
// one, else as its first member. The payload must be an object.
func (s *Schema) WithKey(payload jsontext.Value, key events.RecordKey) jsontext.Value {
	value := key.Value(s.IntegerKey)
	at, present, err := s.keySpan(payload)
	if err != nil {
		return payload
	}
	if present {
		return concat(payload[:at.valueAt], value, payload[at.end:])
	}
	name, _ := jsontext.AppendQuote(nil, s.KeyField)
	rest := bytes.TrimLeft(payload[bytes.IndexByte(payload, '{')+1:], " \t\r\n")
	comma := []byte(",")
	if rest[0] == '}' {
		comma = nil
	}
	return concat([]byte("{"), name, []byte(":"), value, comma, rest)
}

func concat(parts ...[]byte) jsontext.Value { return bytes.Join(parts, nil) }
