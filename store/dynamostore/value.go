package dynamostore

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// escape is stored for an empty name, which DynamoDB rejects. A name that consists of
// escapes only is stored with one more.
const escape = "~"

func escapeName(name string) string {
	if strings.Trim(name, escape) == "" {
		return name + escape
	}
	return name
}

func unescapeName(name string) string {
	if strings.Trim(name, escape) == "" {
		return strings.TrimPrefix(name, escape)
	}
	return name
}

// parseValue converts a JSON document to a native attribute value, token by token.
// Numbers keep their text: DynamoDB stores 38 digits exactly. The error is TooLarge
// if the nesting exceeds DynamoDB's limit.
func parseValue(doc jsontext.Value) (types.AttributeValue, error) {
	// Duplicate names are detected when the map is filled, which is cheaper.
	dec := jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true))
	v, err := nextValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, fault.Errorf(fault.Internal, "the record has more than one JSON value")
	}
	return v, nil
}

func nextValue(dec *jsontext.Decoder) (types.AttributeValue, error) {
	tok, err := dec.ReadToken()
	if err != nil {
		// The decoder's own text may quote the record.
		return nil, fault.Errorf(fault.Internal, "the record is not valid JSON at byte %d", dec.InputOffset())
	}
	if dec.StackDepth() > store.MaxLevels {
		return nil, tooDeep(dec.StackPointer())
	}
	switch tok.Kind() {
	case '{':
		return restOfObject(dec)
	case '[':
		return restOfArray(dec)
	case '"':
		return &types.AttributeValueMemberS{Value: tok.String()}, nil
	case '0':
		return &types.AttributeValueMemberN{Value: number(tok.String())}, nil
	case 't', 'f':
		return &types.AttributeValueMemberBOOL{Value: tok.Bool()}, nil
	}
	return &types.AttributeValueMemberNULL{Value: true}, nil
}

func tooDeep(at jsontext.Pointer) error {
	const message = "is nested deeper than 32 levels"
	return &fault.Error{
		Code:       fault.TooLarge,
		Message:    "the record " + message,
		Violations: []fault.Violation{{Pointer: string(at), Message: message}},
	}
}

func restOfObject(dec *jsontext.Decoder) (types.AttributeValue, error) {
	members := make(item)
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, fault.Errorf(fault.Internal, "the record is not valid JSON at byte %d", dec.InputOffset())
		}
		key := escapeName(name.String())
		if _, repeated := members[key]; repeated {
			return nil, fault.Errorf(fault.Internal, "the record repeats a name at byte %d", dec.InputOffset())
		}
		if members[key], err = nextValue(dec); err != nil {
			return nil, err
		}
	}
	_, err := dec.ReadToken()
	return &types.AttributeValueMemberM{Value: members}, err
}

func restOfArray(dec *jsontext.Decoder) (types.AttributeValue, error) {
	elements := []types.AttributeValue{}
	for dec.PeekKind() != ']' {
		v, err := nextValue(dec)
		if err != nil {
			return nil, err
		}
		elements = append(elements, v)
	}
	_, err := dec.ReadToken()
	return &types.AttributeValueMemberL{Value: elements}, err
}

// number returns "0" for every spelling of zero, because DynamoDB rejects a zero
// whose exponent is large. It returns any other number unchanged.
func number(s string) string {
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	if strings.Trim(mantissa, "-0.") == "" {
		return "0"
	}
	return s
}

// appendValue is the inverse of [parseValue]. Members are in the order of their names.
func appendValue(b []byte, v types.AttributeValue) ([]byte, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberM:
		return appendObject(b, v.Value)
	case *types.AttributeValueMemberL:
		return appendArray(b, v.Value)
	case *types.AttributeValueMemberS:
		return jsontext.AppendQuote(b, v.Value)
	case *types.AttributeValueMemberN:
		return append(b, v.Value...), nil
	case *types.AttributeValueMemberBOOL:
		if v.Value {
			return append(b, "true"...), nil
		}
		return append(b, "false"...), nil
	case *types.AttributeValueMemberNULL:
		return append(b, "null"...), nil
	}
	return nil, fault.Errorf(fault.Internal, "the record has a set or binary value, which JSON cannot represent")
}

func appendObject(b []byte, members item) ([]byte, error) {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = jsontext.AppendQuote(b, unescapeName(name)); err != nil {
			return nil, err
		}
		b = append(b, ':')
		if b, err = appendValue(b, members[name]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendArray(b []byte, elements []types.AttributeValue) ([]byte, error) {
	b = append(b, '[')
	for i, e := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, e); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}
