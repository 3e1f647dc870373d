// Package properties parses tenant.properties: files in the form of
// java.util.Properties, with values that may be JSON over several lines.
//
//	src := diag.NewSource("acme/tenant.properties", data)
//	props := properties.Parse(src)
//	_, bad := diag.FirstFatal(src.Diagnostics)
//
// # Format
//
// The file is UTF-8, with or without a byte order mark, and has the form that
// java.util.Properties reads:
//
//   - A natural line ends with LF, CR, CR LF or the end of the file. Blanks are
//     space, tab and form feed; those at the start of a line are ignored.
//   - A line whose first non-blank is # or ! is a comment. Empty lines are skipped.
//   - An odd number of \ at the end of a line, not of a comment, joins the next
//     line to it, without that line's leading blanks.
//   - The name ends at the first = or : or blank without a \ before it. Blanks
//     around the separator belong to neither; there is at most one = or :.
//     Blanks at the end of a value belong to the value.
//   - \t \n \r \f are the controls, \uXXXX is a UTF-16 unit (a surrogate must be
//     followed by its other half), and any other \x is x.
//
// There is one extension. A value whose first character is [ or { extends to the
// matching closing bracket, over any number of lines. Within it only the rules of
// JSON apply: \ is JSON's, # does not begin a comment, brackets within strings do
// not count, and a string must end on the line where it began. After the closing
// bracket only blanks may follow on that line. To begin an ordinary value with
// a bracket, write \[ or \{.
//
// A name that occurs twice is an error. Lines and columns count from 1, columns
// in characters (Unicode code points).
package properties

import (
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// Property is a name and its value in a properties file, with their positions.
type Property struct {
	File         string
	Line, Column int // of the name
	Name, Value  string
	JSON         bool // the value is in brackets, and Value is its unmodified text

	NameOffset, ValueOffset int // in bytes, in the file
}

// Parse parses a properties file and adds its problems to the source. It continues
// after an error where it can; if a diagnostic is fatal, the properties must not
// be used.
func Parse(t *diag.Source) []Property {
	if len(t.Data) > events.MaxBytes {
		t.Errorf(t.Begin, "file has %d bytes, at most %d are read", len(t.Data), events.MaxBytes)
		return nil
	}
	if !t.CheckUTF8() {
		return nil
	}
	r := propertyReader{Source: t, lines: lineReader{data: t.Data, pos: t.Begin}, seen: map[string]Property{}}
	for r.next() {
	}
	return r.props
}

type propertyReader struct {
	*diag.Source
	lines lineReader
	props []Property
	seen  map[string]Property
}

// next reads one property. It returns false at the end of the file, and after an
// error that leaves the rest unreadable.
func (r *propertyReader) next() bool {
	line, ok := r.lines.next()
	if !ok {
		return false
	}
	nameEnd, valueStart := line.split()
	p := Property{File: r.Name, NameOffset: line.offset(0), ValueOffset: line.offset(valueStart)}
	p.Line, p.Column = r.Position(p.NameOffset)
	var nameOK, valueOK, more bool
	p.Name, nameOK = line.unescape(r.Source, 0, nameEnd)
	if line.opensBracket(valueStart) {
		p.JSON = true
		p.Value, valueOK, more = r.bracket(p.ValueOffset)
	} else {
		p.Value, valueOK = line.unescape(r.Source, valueStart, len(line.chars))
		more = true
	}
	if earlier, twice := r.seen[p.Name]; nameOK && twice {
		r.Errorf(p.NameOffset, "property %q occurs twice, on line %d and on line %d; keep one of them",
			p.Name, earlier.Line, p.Line)
		return more
	}
	if nameOK {
		r.seen[p.Name] = p
	}
	if nameOK && valueOK {
		r.props = append(r.props, p)
	}
	return more
}

// bracket reads the JSON value that begins at start, and moves the reader to the end
// of its last line. more is false if the rest of the file cannot be read.
func (r *propertyReader) bracket(start int) (value string, ok, more bool) {
	end, ok := closeBracket(r.Source, start)
	if !ok {
		return "", false, false
	}
	value = string(r.Data[start:end])
	rest := end
	for rest < len(r.Data) && isBlank(r.Data[rest]) {
		rest++
	}
	ok = rest == len(r.Data) || isEOL(r.Data[rest])
	if !ok {
		r.Errorf(rest, "text follows the closing bracket; begin a new line for it")
	}
	for rest < len(r.Data) && !isEOL(r.Data[rest]) {
		rest++
	}
	r.lines.pos = rest
	return value, ok, true
}
