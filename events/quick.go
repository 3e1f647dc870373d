package events

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/internal/jsonscan"
)

// The functions of this file read most documents in one pass, without reflection. Each
// returns false for a document that is malformed or unusual (escapes in names, unknown
// members of an envelope), which the codec then reads: results and errors are those of
// the codec.

// quickDocument reports whether data is one JSON document that [Unmarshal] accepts; if
// member is not nil, an object. member is called as in [jsonscan.Strict.Object].
func quickDocument(data []byte, s *jsonscan.Strict, member func(name []byte, at int) int) bool {
	if len(data) > MaxBytes || !utf8.Valid(data) {
		return false
	}
	i := jsonscan.Space(data, 0)
	if i == len(data) {
		return false
	}
	switch {
	case data[i] == '{':
		i = s.Object(data, i, member)
	case member == nil:
		i = s.Value(data, i)
	default:
		return false
	}
	return i >= 0 && jsonscan.Space(data, i) == len(data)
}

// quickValue copies a document that [Unmarshal] accepts.
func quickValue(data []byte) (jsontext.Value, bool) {
	var s jsonscan.Strict
	if !quickDocument(data, &s, nil) {
		return nil, false
	}
	return bytes.Clone(bytes.Trim(data, " \t\r\n")), true
}

// quickString returns the string at i if it has no escape, and the offset after it.
func quickString(data []byte, i int) (text string, end int) {
	if data[i] != '"' {
		return "", -1
	}
	end, escaped := jsonscan.String(data, i)
	if end < 0 || escaped {
		return "", -1
	}
	return string(data[i+1 : end-1]), end
}

func quickEnvelope(data []byte, e *Envelope) bool {
	var s jsonscan.Strict
	return quickDocument(data, &s, func(name []byte, i int) (end int) {
		var text string
		switch string(name) {
		case "resources":
			e.Resources, end = quickStrings(data, i)
			return end
		case "detail":
			if end = s.Value(data, i); end >= 0 {
				e.Detail = bytes.Clone(data[i:end])
			}
			return end
		}
		if text, end = quickString(data, i); end < 0 {
			return -1
		}
		switch string(name) {
		case "version":
			e.Version = Version(text)
		case "id":
			e.ID = text
		case "detail-type":
			e.DetailType = DetailType(text)
		case "source":
			e.Source = text
		case "account":
			e.Account = text
		case "time":
			e.Time = Timestamp(text)
		case "region":
			e.Region = text
		case "replay-name":
			e.ReplayName = text
		default:
			return -1
		}
		return end
	})
}

// quickStrings returns the array of strings at i, and the offset after it.
func quickStrings(data []byte, i int) (list []string, end int) {
	if data[i] != '[' {
		return nil, -1
	}
	list = []string{}
	if i = jsonscan.Space(data, i+1); i < len(data) && data[i] == ']' {
		return list, i + 1
	}
	for {
		if i >= len(data) {
			return nil, -1
		}
		text, end := quickString(data, i)
		if end < 0 {
			return nil, -1
		}
		list = append(list, text)
		if i = jsonscan.Space(data, end); i >= len(data) {
			return nil, -1
		}
		switch data[i] {
		case ',':
			i = jsonscan.Space(data, i+1)
		case ']':
			return list, i + 1
		default:
			return nil, -1
		}
	}
}

func quickInput(data []byte, w *wireInput) bool {
	var s jsonscan.Strict
	return quickDocument(data, &s, func(name []byte, i int) (end int) {
		switch string(name) {
		case "tenant":
			var text string
			text, end = quickString(data, i)
			w.Tenant = &text
		case "rootSchema":
			var text string
			text, end = quickString(data, i)
			w.RootSchema = &text
		case "operation":
			w.Operation.Value, end = quickString(data, i)
			w.Operation.Present = true
		case "idempotency_key":
			w.IdempotencyKey.Value, end = quickString(data, i)
			w.IdempotencyKey.Present = true
		case "api_key":
			end = quickRaw(data, i, &s, &w.APIKey)
		case "payload":
			end = quickRaw(data, i, &s, &w.Payload)
		case "metadata":
			end = quickRaw(data, i, &s, &w.Metadata)
		default:
			end = s.Value(data, i)
		}
		return end
	})
}

func quickRaw(data []byte, i int, s *jsonscan.Strict, v *jsontext.Value) (end int) {
	if end = s.Value(data, i); end >= 0 {
		*v = bytes.Clone(data[i:end])
	}
	return end
}

// AppendCanonical appends a JSON document to b without white space, the members of
// objects in the order of their names, and strings in their shortest form. Numbers keep
// their text. An error is one of package jsontext.
func AppendCanonical(b, document []byte) ([]byte, error) {
	var members [16]canonicalMember
	c := canonical{out: slices.Grow(b, len(document)), members: members[:0]}
	if utf8.Valid(document) {
		if i := c.value(document, jsonscan.Space(document, 0)); i >= 0 && jsonscan.Space(document, i) == len(document) {
			return c.out, nil
		}
	}
	return jsontext.AppendFormat(b, document, jsontext.ReorderRawObjects(true))
}

// A canonical writes a document in canonical form.
type canonical struct {
	out     []byte
	members []canonicalMember // of all open objects
	scratch []byte
	depth   int
}

// A canonicalMember is a member in canonical.out: the name is out[from+1:name], between
// quotation marks.
type canonicalMember struct{ from, name, to int }

func (c *canonical) value(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	var end int
	switch b[i] {
	case '{':
		return c.object(b, i)
	case '[':
		return c.array(b, i)
	case '"':
		end = jsonscan.PlainString(b, i)
	default:
		end = jsonscan.Scalar(b, i)
	}
	if end >= 0 {
		c.out = append(c.out, b[i:end]...)
	}
	return end
}

func (c *canonical) array(b []byte, i int) int {
	if c.depth++; c.depth > MaxDepth {
		return -1
	}
	c.out = append(c.out, '[')
	if i = jsonscan.Space(b, i+1); i < len(b) && b[i] == ']' {
		c.out = append(c.out, ']')
		c.depth--
		return i + 1
	}
	for {
		if i = c.value(b, i); i < 0 {
			return -1
		}
		if i = jsonscan.Space(b, i); i >= len(b) {
			return -1
		}
		c.out = append(c.out, b[i])
		switch b[i] {
		case ',':
			i = jsonscan.Space(b, i+1)
		case ']':
			c.depth--
			return i + 1
		default:
			return -1
		}
	}
}

func (c *canonical) object(b []byte, i int) int {
	if c.depth++; c.depth > MaxDepth {
		return -1
	}
	c.out = append(c.out, '{')
	first, sorted := len(c.members), true
	if i = jsonscan.Space(b, i+1); i < len(b) && b[i] == '}' {
		c.out = append(c.out, '}')
		c.depth--
		return i + 1
	}
	for {
		m := canonicalMember{from: len(c.out)}
		if i = c.name(b, i); i < 0 {
			return -1
		}
		m.name = len(c.out) - 1
		if i = jsonscan.Space(b, i); i >= len(b) || b[i] != ':' {
			return -1
		}
		c.out = append(c.out, ':')
		if i = c.value(b, jsonscan.Space(b, i+1)); i < 0 {
			return -1
		}
		m.to = len(c.out)
		if n := len(c.members); n > first && compareNames(c.out, c.members[n-1], m) >= 0 {
			sorted = false
		}
		c.members = append(c.members, m)
		if i = jsonscan.Space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			c.out = append(c.out, ',')
			i = jsonscan.Space(b, i+1)
		case '}':
			if !sorted && !c.sort(first) {
				return -1
			}
			c.out = append(c.out, '}')
			c.members = c.members[:first]
			c.depth--
			return i + 1
		default:
			return -1
		}
	}
}

// name copies a name. Names are sorted by UTF-16 code units, which is the order of
// bytes only as far as it goes for ASCII.
func (c *canonical) name(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	end, escaped := jsonscan.String(b, i)
	if end < 0 || escaped {
		return -1
	}
	for _, x := range b[i:end] {
		if x >= utf8.RuneSelf {
			return -1
		}
	}
	c.out = append(c.out, b[i:end]...)
	return end
}

func compareNames(out []byte, a, b canonicalMember) int {
	return bytes.Compare(out[a.from+1:a.name], out[b.from+1:b.name])
}

// sort sorts the members of the innermost object, and reports whether no name repeats.
func (c *canonical) sort(first int) bool {
	members := c.members[first:]
	from, out := members[0].from, c.out
	slices.SortFunc(members, func(a, b canonicalMember) int { return compareNames(out, a, b) })
	c.scratch = slices.Grow(c.scratch[:0], len(out)-from)
	for i, m := range members {
		if i > 0 {
			if compareNames(c.out, members[i-1], m) == 0 {
				return false
			}
			c.scratch = append(c.scratch, ',')
		}
		c.scratch = append(c.scratch, c.out[m.from:m.to]...)
	}
	c.out = append(c.out[:from], c.scratch...)
	return true
}
