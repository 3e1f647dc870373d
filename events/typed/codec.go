package typed

import (
	"bytes"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// Unknown holds the members of a JSON object that its Go type does not declare,
// as the text of an object; it is empty where there are none. A struct with a
// field Unknown of this type is read and written by [UnmarshalStruct] and
// [MarshalStruct].
type Unknown jsontext.Value

// String returns the text.
func (u Unknown) String() string { return string(u) }

// UnmarshalStruct decodes data into v, a pointer to a struct with a field of
// type [Unknown], which it first sets to its zero value. Generated types call it from their method UnmarshalJSON. It
// reads as package github.com/go-json-experiment/json does: names are
// case-sensitive, and repeated names and invalid UTF-8 are errors.
func UnmarshalStruct(data []byte, v any) error {
	value := reflect.ValueOf(v).Elem()
	value.SetZero()
	if scanStruct(data, value) {
		return nil
	}
	value.SetZero()
	return json.Unmarshal(data, &structReader{v})
}

// MarshalStruct encodes v, a struct with a field of type [Unknown]. Generated
// types call it from their method MarshalJSON.
func MarshalStruct(v any) ([]byte, error) {
	return json.Marshal(structWriter{v}, json.Deterministic(true))
}

// decodable returns what package json must decode into to fill v: v itself, or a
// reader that calls no method for each struct inside it.
func decodable(v any) any {
	if isGenerated(reflect.TypeOf(v).Elem()) {
		return &structReader{v}
	}
	return v
}

// structReader decodes into the struct that v points to.
type structReader struct{ v any }

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (r *structReader) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	value := reflect.ValueOf(r.v).Elem()
	return layoutOf(value.Type()).decode(dec, value)
}

// structWriter encodes the struct v.
type structWriter struct{ v any }

// MarshalJSONTo implements [json.MarshalerTo].
func (w structWriter) MarshalJSONTo(enc *jsontext.Encoder) error {
	value := reflect.ValueOf(w.v)
	return layoutOf(value.Type()).encode(enc, value)
}

// A layout is what the codec needs to know of a struct type. It is made when the
// type is first used.
type layout struct {
	fields  []field
	byName  map[string]*field
	unknown int // index of the field Unknown
}

type field struct {
	name     string
	index    int
	omitZero bool
	isZero   bool // the type has a method IsZero
	order    int  // index in layout.fields
	decode   decoder
	scan     scan
}

// A decoder reads one value into v, which is addressable.
type decoder func(dec *jsontext.Decoder, v reflect.Value) error

var layouts sync.Map // reflect.Type to *layout

var (
	unknownType         = reflect.TypeFor[Unknown]()
	rawType             = reflect.TypeFor[jsontext.Value]()
	unmarshalerFromType = reflect.TypeFor[json.UnmarshalerFrom]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
)

// isGenerated reports whether a struct is read and written by this codec.
func isGenerated(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	f, ok := t.FieldByName("Unknown")
	return ok && f.Type == unknownType
}

func layoutOf(t reflect.Type) *layout {
	if known, ok := layouts.Load(t); ok {
		return known.(*layout)
	}
	l := &layout{byName: make(map[string]*field), fields: make([]field, 0, t.NumField())}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == unknownType {
			l.unknown = i
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" && options == "" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		_, isZero := reflect.PointerTo(f.Type).MethodByName("IsZero")
		l.fields = append(l.fields, field{name: name, index: i, omitZero: options == "omitzero", isZero: isZero,
			order: len(l.fields), decode: decoderOf(f.Type), scan: scanOf(f.Type)})
	}
	for i := range l.fields {
		l.byName[l.fields[i].name] = &l.fields[i]
	}
	known, _ := layouts.LoadOrStore(t, l)
	return known.(*layout)
}

// decoderOf chooses how values of a type are read. Layouts of structs are made
// when they are first decoded, so that a type may contain itself.
func decoderOf(t reflect.Type) decoder {
	pointer := reflect.PointerTo(t)
	switch {
	case isGenerated(t):
		return func(dec *jsontext.Decoder, v reflect.Value) error { return layoutOf(t).decode(dec, v) }
	case t == rawType:
		return decodeRaw
	case pointer.Implements(unmarshalerFromType):
		return func(dec *jsontext.Decoder, v reflect.Value) error {
			return placed(dec, t, v.Addr().Interface().(json.UnmarshalerFrom).UnmarshalJSONFrom(dec))
		}
	case pointer.Implements(unmarshalerType):
		return decodeAny
	}
	switch t.Kind() {
	case reflect.String:
		return decodeString
	case reflect.Bool:
		return decodeBool
	case reflect.Pointer:
		return pointerDecoder(t)
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return sliceDecoder(t)
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return mapDecoder(t)
		}
	}
	return decodeAny
}

func decodeAny(dec *jsontext.Decoder, v reflect.Value) error {
	return json.UnmarshalDecode(dec, v.Addr().Interface())
}

func decodeRaw(dec *jsontext.Decoder, v reflect.Value) error {
	value, err := dec.ReadValue()
	if err != nil {
		return err
	}
	v.SetBytes(append([]byte(nil), value...))
	return nil
}

func decodeString(dec *jsontext.Decoder, v reflect.Value) error {
	if k := dec.PeekKind(); k != '"' {
		return decodeNull(dec, v, k)
	}
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	v.SetString(token.String())
	return nil
}

func decodeBool(dec *jsontext.Decoder, v reflect.Value) error {
	k := dec.PeekKind()
	if k != 't' && k != 'f' {
		return decodeNull(dec, v, k)
	}
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	v.SetBool(token.Bool())
	return nil
}

// decodeNull reads null as the zero value, and refuses all else.
func decodeNull(dec *jsontext.Decoder, v reflect.Value, k jsontext.Kind) error {
	start := dec.InputOffset()
	if k == 'n' {
		v.SetZero()
		_, err := dec.ReadToken()
		return err
	}
	if err := dec.SkipValue(); err != nil { // which reports what is no JSON
		return err
	}
	return &json.SemanticError{ByteOffset: start, JSONPointer: dec.StackPointer(), JSONKind: k, GoType: v.Type()}
}

// placed adds the place to an error that does not name one.
func placed(dec *jsontext.Decoder, t reflect.Type, err error) error {
	if f, ok := err.(*fault.Error); ok {
		return &json.SemanticError{ByteOffset: dec.InputOffset(), JSONPointer: dec.StackPointer(), GoType: t, Err: f}
	}
	return err
}

func pointerDecoder(t reflect.Type) decoder {
	element := t.Elem()
	decode := decoderOf(element)
	return func(dec *jsontext.Decoder, v reflect.Value) error {
		if dec.PeekKind() == 'n' {
			return decodeNull(dec, v, 'n')
		}
		if v.IsNil() {
			v.Set(reflect.New(element))
		}
		return decode(dec, v.Elem())
	}
}

func sliceDecoder(t reflect.Type) decoder {
	decode := decoderOf(t.Elem())
	return func(dec *jsontext.Decoder, v reflect.Value) error {
		if k := dec.PeekKind(); k != '[' {
			return decodeNull(dec, v, k)
		}
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		v.Set(reflect.MakeSlice(t, 0, 0))
		for n := 0; dec.PeekKind() != ']'; n++ {
			if n == v.Cap() {
				v.Grow(1)
			}
			v.SetLen(n + 1)
			v.Index(n).SetZero()
			if err := decode(dec, v.Index(n)); err != nil {
				return err
			}
		}
		_, err := dec.ReadToken()
		return err
	}
}

func mapDecoder(t reflect.Type) decoder {
	decode := decoderOf(t.Elem())
	return func(dec *jsontext.Decoder, v reflect.Value) error {
		if k := dec.PeekKind(); k != '{' {
			return decodeNull(dec, v, k)
		}
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		v.Set(reflect.MakeMap(t))
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return err
			}
			key := reflect.ValueOf(name.String()).Convert(t.Key())
			element := reflect.New(t.Elem()).Elem()
			if err := decode(dec, element); err != nil {
				return err
			}
			v.SetMapIndex(key, element)
		}
		_, err := dec.ReadToken()
		return err
	}
}

func (l *layout) decode(dec *jsontext.Decoder, v reflect.Value) error {
	if k := dec.PeekKind(); k != '{' {
		return decodeNull(dec, v, k)
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	var unknown []byte
	for dec.PeekKind() != '}' {
		name, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if f := l.field(name); f != nil {
			if err := f.decode(dec, v.Field(f.index)); err != nil {
				return err
			}
			continue
		}
		if unknown == nil {
			unknown = append(unknown, '{')
		} else {
			unknown = append(unknown, ',')
		}
		unknown = append(append(unknown, name...), ':')
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		unknown = append(unknown, value...)
	}
	if unknown != nil {
		unknown = append(unknown, '}')
	}
	v.Field(l.unknown).SetBytes(unknown)
	_, err := dec.ReadToken()
	return err
}

// field finds the field for a quoted name.
func (l *layout) field(quoted jsontext.Value) *field {
	for _, c := range quoted {
		if c == '\\' {
			name, err := jsontext.AppendUnquote(nil, quoted)
			if err != nil {
				return nil
			}
			return l.byName[string(name)]
		}
	}
	if len(quoted) < 2 {
		return nil
	}
	return l.byName[string(quoted[1:len(quoted)-1])]
}

func (l *layout) encode(enc *jsontext.Encoder, v reflect.Value) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for i := range l.fields {
		f := &l.fields[i]
		value := v.Field(f.index)
		if f.omitZero && f.zero(value) {
			continue
		}
		if err := enc.WriteToken(jsontext.String(f.name)); err != nil {
			return err
		}
		if err := encodeValue(enc, value); err != nil {
			return err
		}
	}
	if unknown := v.Field(l.unknown).Bytes(); len(unknown) > 0 {
		if err := encodeMembers(enc, unknown); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

func (f *field) zero(v reflect.Value) bool {
	if f.isZero {
		if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
			return z.IsZero()
		}
	}
	return v.IsZero()
}

// encodeValue writes a value; structs of this codec without a call of their
// methods, which would check their JSON once more at each level.
func encodeValue(enc *jsontext.Encoder, v reflect.Value) error {
	t := v.Type()
	switch {
	case isGenerated(t):
		return layoutOf(t).encode(enc, v)
	case t.Kind() == reflect.Pointer && !v.IsNil() && isGenerated(t.Elem()):
		return layoutOf(t.Elem()).encode(enc, v.Elem())
	case t.Kind() == reflect.Slice && isGenerated(t.Elem()):
		if err := enc.WriteToken(jsontext.BeginArray); err != nil {
			return err
		}
		for i := range v.Len() {
			if err := layoutOf(t.Elem()).encode(enc, v.Index(i)); err != nil {
				return err
			}
		}
		return enc.WriteToken(jsontext.EndArray)
	}
	return json.MarshalEncode(enc, v.Interface())
}

// encodeMembers writes the members of an object's text.
func encodeMembers(enc *jsontext.Encoder, object []byte) error {
	if text := jsontext.Value(object); text.Kind() != '{' || !text.IsValid() {
		return fault.Errorf(fault.Invalid, "Unknown must hold the text of a JSON object")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' { // names and values in turn
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if err := enc.WriteValue(value); err != nil {
			return err
		}
	}
	return nil
}
