package typed

import (
	"math/bits"
	"reflect"
	"sync/atomic"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
)

// A scanner decodes an object into a struct in one pass, for the events that
// nearly always come: valid JSON whose members fit their types. It reports
// failure for everything else, and for what it is not sure of; [UnmarshalStruct]
// then reads the object again, exactly, and finds the place of the error. What
// the scanner accepts, package json accepts with the same result.
//
// Strings of the result are parts of text, so that a decoded event has few
// allocations.
type scanner struct {
	text string
	pos  int
}

// A scan reads one value into v, which is addressable and zero.
type scan func(s *scanner, v reflect.Value) bool

var numberType = reflect.TypeFor[events.Number]()

// scanStruct decodes data into the struct v. On failure v may be filled in part.
func scanStruct(data []byte, v reflect.Value) bool {
	if !utf8.Valid(data) {
		return false
	}
	s := scanner{text: string(data)}
	return layoutOf(v.Type()).scan(&s, v) && s.next() == 0 && s.pos == len(s.text)
}

// next skips white space and returns the byte after it; 0 at the end.
func (s *scanner) next() byte {
	for ; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take skips white space and the byte c.
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.pos++
	return true
}

// literal skips white space and a word.
func (s *scanner) literal(word string) bool {
	if s.next(); len(s.text)-s.pos < len(word) || s.text[s.pos:s.pos+len(word)] != word {
		return false
	}
	s.pos += len(word)
	return true
}

// ones and highs have the lowest and the highest bit of every byte.
const ones, highs = 0x0101010101010101, 0x8080808080808080

// str reads a string.
func (s *scanner) str() (string, bool) {
	if !s.take('"') {
		return "", false
	}
	text, start, escaped := s.text, s.pos, false
	for p := start; p < len(text); p++ {
		// Eight bytes at once, as long as none is a quote, a backslash or a control
		// character.
		for p+8 <= len(text) {
			t := text[p : p+8]
			x := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
				uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
			quote, slash := x^(ones*'"'), x^(ones*'\\')
			special := ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x) & highs
			if special != 0 {
				p += bits.TrailingZeros64(special) / 8 // the first of them is exact
				break
			}
			p += 8
		}
		if p == len(text) {
			break
		}
		switch c := text[p]; {
		case c == '"':
			s.pos = p + 1
			if !escaped {
				return text[start:p], true
			}
			unquoted, err := jsontext.AppendUnquote(nil, text[start-1:s.pos])
			return string(unquoted), err == nil
		case c < ' ':
			return "", false
		case c == '\\':
			escaped = true
			p++
		}
	}
	return "", false
}

// number reads the text of a number.
func (s *scanner) number() (string, bool) {
	s.next()
	start := s.pos
	if s.pos < len(s.text) && s.text[s.pos] == '-' {
		s.pos++
	}
	first := s.pos
	if !s.digits() || s.text[first] == '0' && s.pos > first+1 {
		return "", false
	}
	if s.pos < len(s.text) && s.text[s.pos] == '.' {
		s.pos++
		if !s.digits() {
			return "", false
		}
	}
	if s.pos < len(s.text) && s.text[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == '+' || s.text[s.pos] == '-') {
			s.pos++
		}
		if !s.digits() {
			return "", false
		}
	}
	return s.text[start:s.pos], true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// value reads the text of any value. Only its end is sure to be right: the
// caller has the text checked.
func (s *scanner) value() (string, bool) {
	switch c := s.next(); c {
	case '"':
		start := s.pos
		_, ok := s.str()
		return s.text[start:s.pos], ok
	case '{', '[':
		start, depth := s.pos, 0
		for s.pos < len(s.text) {
			switch s.text[s.pos] {
			case '"':
				if _, ok := s.str(); !ok {
					return "", false
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			s.pos++
			if depth == 0 {
				return s.text[start:s.pos], true
			}
		}
		return "", false
	default:
		start := s.pos
		for s.pos < len(s.text) {
			switch s.text[s.pos] {
			case ',', '}', ']', ' ', '\t', '\n', '\r':
				return s.text[start:s.pos], s.pos > start
			}
			s.pos++
		}
		return "", false
	}
}

// end reads what follows an element: a comma, or the closing bracket.
func (s *scanner) end(closing byte) (done, ok bool) {
	switch s.next() {
	case ',':
		s.pos++
		return false, true
	case closing:
		s.pos++
		return true, true
	}
	return false, false
}

// scan reads an object into the struct v.
func (l *layout) scan(s *scanner, v reflect.Value) bool {
	if s.next() == 'n' {
		return s.literal("null")
	}
	if !s.take('{') || len(l.fields) > 64 {
		return false
	}
	if s.next() == '}' {
		s.pos++
		return true
	}
	var seen uint64 // of fields
	var unknown []byte
	for expected := 0; ; {
		if s.next() != '"' {
			return false
		}
		start := s.pos
		name, ok := s.str()
		if !ok {
			return false
		}
		quoted := s.text[start:s.pos]
		if !s.take(':') {
			return false
		}
		// Senders nearly always write members in the same order.
		i := expected
		if i >= len(l.fields) || l.fields[i].name != name {
			i = -1
			if f := l.byName[name]; f != nil {
				i = f.order
			}
		}
		if i >= 0 {
			if seen&(1<<i) != 0 || !l.fields[i].scan(s, v.Field(l.fields[i].index)) {
				return false
			}
			seen |= 1 << i
			expected = i + 1
		} else if unknown, ok = s.unknown(unknown, quoted); !ok {
			return false
		}
		if done, ok := s.end('}'); !ok {
			return false
		} else if done {
			break
		}
	}
	if unknown != nil {
		unknown = append(unknown, '}')
		if !jsontext.Value(unknown).IsValid() {
			return false
		}
		v.Field(l.unknown).SetBytes(unknown)
	}
	return true
}

// unknown appends a member to the text of an object.
func (s *scanner) unknown(members []byte, quoted string) ([]byte, bool) {
	value, ok := s.value()
	if !ok {
		return nil, false
	}
	if members == nil {
		members = append(members, '{')
	} else {
		members = append(members, ',')
	}
	members = append(append(members, quoted...), ':')
	return append(members, value...), true
}

// scanOf chooses how values of a type are read.
func scanOf(t reflect.Type) scan {
	pointer := reflect.PointerTo(t)
	switch {
	case isGenerated(t):
		// The layout is made when it is first needed: a type may contain itself.
		var known atomic.Pointer[layout]
		return func(s *scanner, v reflect.Value) bool {
			l := known.Load()
			if l == nil {
				l = layoutOf(t)
				known.Store(l)
			}
			return l.scan(s, v)
		}
	case t == numberType:
		return scanNumber
	case t == rawType, pointer.Implements(unmarshalerFromType), pointer.Implements(unmarshalerType):
		return scanAny
	}
	switch t.Kind() {
	case reflect.String:
		return scanString
	case reflect.Bool:
		return scanBool
	case reflect.Pointer:
		return pointerScan(t)
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return sliceScan(t)
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return mapScan(t)
		}
	}
	return scanAny
}

func scanString(s *scanner, v reflect.Value) bool {
	text, ok := s.str()
	if ok {
		v.SetString(text)
	}
	return ok || s.literal("null")
}

func scanNumber(s *scanner, v reflect.Value) bool {
	if s.next() == 'n' {
		return s.literal("null")
	}
	text, ok := s.number()
	if ok {
		v.SetString(text)
	}
	return ok
}

func scanBool(s *scanner, v reflect.Value) bool {
	if s.literal("true") {
		v.SetBool(true)
		return true
	}
	return s.literal("false") || s.literal("null")
}

func scanAny(s *scanner, v reflect.Value) bool {
	text, ok := s.value()
	return ok && json.Unmarshal([]byte(text), v.Addr().Interface()) == nil
}

func pointerScan(t reflect.Type) scan {
	element := t.Elem()
	scan := scanOf(element)
	return func(s *scanner, v reflect.Value) bool {
		if s.next() == 'n' {
			return s.literal("null")
		}
		target := reflect.New(element)
		if !scan(s, target.Elem()) {
			return false
		}
		v.Set(target)
		return true
	}
}

func sliceScan(t reflect.Type) scan {
	scan := scanOf(t.Elem())
	few := max(1, min(4, 512/max(1, int(t.Elem().Size())))) // elements that rarely waste memory
	return func(s *scanner, v reflect.Value) bool {
		if s.next() == 'n' {
			return s.literal("null")
		}
		if !s.take('[') {
			return false
		}
		if s.next() == ']' {
			s.pos++
			v.Set(reflect.MakeSlice(t, 0, 0))
			return true
		}
		v.Set(reflect.MakeSlice(t, 0, few))
		for n := 0; ; n++ {
			if n == v.Cap() {
				v.Grow(1)
			}
			v.SetLen(n + 1)
			if !scan(s, v.Index(n)) {
				return false
			}
			if done, ok := s.end(']'); !ok {
				return false
			} else if done {
				return true
			}
		}
	}
}

func mapScan(t reflect.Type) scan {
	scan := scanOf(t.Elem())
	return func(s *scanner, v reflect.Value) bool {
		if s.next() == 'n' {
			return s.literal("null")
		}
		if !s.take('{') {
			return false
		}
		v.Set(reflect.MakeMap(t))
		if s.next() == '}' {
			s.pos++
			return true
		}
		for {
			name, ok := s.str()
			if !ok || !s.take(':') {
				return false
			}
			key, element := reflect.ValueOf(name).Convert(t.Key()), reflect.New(t.Elem()).Elem()
			if v.MapIndex(key).IsValid() || !scan(s, element) {
				return false
			}
			v.SetMapIndex(key, element)
			if done, ok := s.end('}'); !ok {
				return false
			} else if done {
				return true
			}
		}
	}
}

// scanEvent decodes an event whose detail has a generated type, in one pass over
// its text. It reports failure for every other event, and for what the scanner is
// not sure of.
func (r *Registry) scanEvent(data []byte) (Decoded, bool) {
	if !events.Readable(data) || !utf8.Valid(data) {
		return nil, false
	}
	s := scanner{text: string(data)}
	e, ok := s.envelope()
	if !ok || e.Source == "" || len(e.Detail) == 0 {
		return nil, false
	}
	decode := r.Lookup(Kind{e.Source, e.DetailType})
	if decode == nil {
		return nil, false
	}
	event, err := decode(e)
	if err != nil {
		return nil, false
	}
	// Only types of this codec are sure to have read all of the detail.
	typed, ok := event.(interface{ detail() any })
	if !ok || !isGenerated(reflect.TypeOf(typed.detail()).Elem()) {
		return nil, false
	}
	return event, true
}

func (t *Event[T]) detail() any { return &t.Detail }

// envelope reads an event with the members that EventBridge writes. The text of
// its detail is not checked.
func (s *scanner) envelope() (e events.Envelope, ok bool) {
	if !s.take('{') {
		return e, false
	}
	for seen := 0; ; {
		name, ok := s.str()
		if !ok || !s.take(':') {
			return e, false
		}
		member := 0
		var text string
		switch name {
		case "version":
			member = 1 << 0
			text, ok = s.str()
			e.Version = events.Version(text)
		case "id":
			member = 1 << 1
			e.ID, ok = s.str()
		case "detail-type":
			member = 1 << 2
			text, ok = s.str()
			e.DetailType = events.DetailType(text)
		case "source":
			member = 1 << 3
			e.Source, ok = s.str()
		case "account":
			member = 1 << 4
			e.Account, ok = s.str()
		case "time":
			member = 1 << 5
			text, ok = s.str()
			e.Time = events.Timestamp(text)
		case "region":
			member = 1 << 6
			e.Region, ok = s.str()
		case "resources":
			member = 1 << 7
			ok = scanResources(s, reflect.ValueOf(&e.Resources).Elem())
		case "detail":
			member = 1 << 8
			text, ok = s.value()
			e.Detail = jsontext.Value(text)
		}
		if !ok || member == 0 || seen&member != 0 {
			return e, false
		}
		seen |= member
		if done, ok := s.end('}'); !ok {
			return e, false
		} else if done {
			return e, s.next() == 0 && s.pos == len(s.text)
		}
	}
}

var scanResources = sliceScan(reflect.TypeFor[[]string]())
