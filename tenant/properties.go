package tenant

import "github.com/blockforger/eventrouter/events"

// A Property is one name and value of a properties file, and where they stand.
type Property struct {
	File         string
	Line, Column int // of the name
	Name, Value  string
	JSON         bool // the value is in brackets, and Value its text as it stands

	nameAt, valueAt int // byte offsets
}

// ParseProperties reads a properties file in the form that the package comment
// specifies. It goes on after an error where it can; where any finding is an
// error, the properties are not to be used.
func ParseProperties(file string, data []byte) ([]Property, []Diagnostic) {
	t := newText(file, data)
	props := parseProperties(t)
	return props, t.findings
}

func parseProperties(t *text) []Property {
	if len(t.data) > events.MaxBytes {
		t.fail(t.begin, "file has %d bytes, at most %d are read", len(t.data), events.MaxBytes)
		return nil
	}
	if !t.checkUTF8() {
		return nil
	}
	r := propertyReader{text: t, lines: lineReader{data: t.data, pos: t.begin}, seen: map[string]Property{}}
	for r.next() {
	}
	return r.props
}

type propertyReader struct {
	*text
	lines lineReader
	props []Property
	seen  map[string]Property
}

// next reads one property; false ends the file, or the reading of it.
func (r *propertyReader) next() bool {
	line, ok := r.lines.next()
	if !ok {
		return false
	}
	nameEnd, valueStart := line.split()
	p := Property{File: r.file, nameAt: line.offset(0), valueAt: line.offset(valueStart)}
	p.Line, p.Column = r.at(p.nameAt)
	var nameOK, valueOK, more bool
	p.Name, nameOK = line.unescape(r.text, 0, nameEnd)
	if line.opensBracket(valueStart) {
		p.JSON = true
		p.Value, valueOK, more = r.bracket(p.valueAt)
	} else {
		p.Value, valueOK = line.unescape(r.text, valueStart, len(line.chars))
		more = true
	}
	if earlier, twice := r.seen[p.Name]; nameOK && twice {
		r.fail(p.nameAt, "property %q stands twice, on line %d and on line %d; keep one of them",
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

// bracket reads the value whose bracket stands at start, and leaves the reader
// behind that line. more is false where nothing sensible can follow.
func (r *propertyReader) bracket(start int) (value string, ok, more bool) {
	end, ok := closeBracket(r.text, start)
	if !ok {
		return "", false, false
	}
	value = string(r.data[start:end])
	rest := end
	for rest < len(r.data) && isBlank(r.data[rest]) {
		rest++
	}
	ok = rest == len(r.data) || isEOL(r.data[rest])
	if !ok {
		r.fail(rest, "text follows the closing bracket; begin a new line for it")
	}
	for rest < len(r.data) && !isEOL(r.data[rest]) {
		rest++
	}
	r.lines.pos = rest
	return value, ok, true
}
