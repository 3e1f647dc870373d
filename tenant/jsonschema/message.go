package jsonschema

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// kindName returns the name of a value's type in messages.
func kindName(k kind) string {
	switch k {
	case kindNull:
		return "null"
	case kindTrue, kindFalse:
		return "boolean"
	case kindString:
		return "string"
	case kindNumber:
		return "number"
	case kindArray:
		return "array"
	}
	return "object"
}

func (r *run) typeName(n int32) string { return kindName(r.doc.nodes[n].kind) }

// String lists the types for a message.
func (t typeSet) String() string {
	var names []string
	for i, name := range typeNames {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

func article(noun string) string {
	switch {
	case strings.HasPrefix(noun, "null"):
		return noun
	case strings.IndexByte("aeio", noun[0]) >= 0:
		return "an " + noun
	}
	return "a " + noun
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "property":
		return strconv.Itoa(n) + " properties"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// literals shows values of the schema, as far as they fit on a line.
func (s *source) literals(values []int32) string {
	const most = 20
	var shown []string
	for i, v := range values {
		if i == most {
			shown = append(shown, "…")
			break
		}
		switch s.nodes[v].kind {
		case kindString:
			shown = append(shown, quoted(string(s.str(v))))
		case kindObject, kindArray:
			shown = append(shown, "a value that the schema gives")
		default:
			shown = append(shown, clipped(string(s.raw(v))))
		}
	}
	return strings.Join(shown, ", ")
}

const mostShown = 60

// quoted shows a string of the schema, cut short.
func quoted(s string) string {
	if len(s) > mostShown {
		return strconv.Quote(cut(s)) + "…"
	}
	return strconv.Quote(s)
}

func clipped(s string) string {
	if len(s) > mostShown {
		return cut(s) + "…"
	}
	return s
}

func cut(s string) string {
	n := mostShown
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
