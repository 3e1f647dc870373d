package properties

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/blockforger/eventrouter/tenant/diag"
)

// logicalLine is one or more natural lines joined by \ at their ends. It holds the
// offset in the file of each of its characters.
type logicalLine struct {
	chars   []byte
	offsets []int
	end     int // the offset after the last character
}

// lineReader splits a file into logical lines, without comments and empty lines.
type lineReader struct {
	data []byte
	pos  int
}

func (r *lineReader) next() (logicalLine, bool) {
	var line logicalLine
	leading, joined, escaped := true, false, false
	for r.pos < len(r.data) {
		at, c := r.pos, r.data[r.pos]
		r.pos++
		if leading {
			// An empty line ends a continuation, but does not begin one.
			if isBlank(c) || !joined && isEOL(c) {
				continue
			}
			leading, joined = false, false
		}
		switch {
		case len(line.chars) == 0 && (c == '#' || c == '!'):
			r.skipLine()
			leading = true
		case !isEOL(c):
			line.append(c, at)
			escaped = c == '\\' && !escaped
		case len(line.chars) == 0:
			leading = true
		case !escaped:
			return line, true
		default:
			line.dropLast()
			if r.pos == len(r.data) {
				return line, true // as Java does, even if nothing is left
			}
			leading, joined, escaped = true, true, false
			if c == '\r' && r.pos < len(r.data) && r.data[r.pos] == '\n' {
				r.pos++
			}
		}
	}
	if len(line.chars) == 0 {
		return line, false
	}
	if escaped {
		line.dropLast() // as Java drops a \ at the end of the file
	}
	return line, true
}

func (r *lineReader) skipLine() {
	for r.pos < len(r.data) && !isEOL(r.data[r.pos]) {
		r.pos++
	}
}

func (l *logicalLine) append(c byte, at int) {
	l.chars = append(l.chars, c)
	l.offsets = append(l.offsets, at)
	l.end = at + 1
}

func (l *logicalLine) dropLast() {
	n := len(l.chars) - 1
	l.end = l.offsets[n]
	l.chars, l.offsets = l.chars[:n], l.offsets[:n]
}

// offset returns the offset in the file of character i, or of the end of the line.
func (l *logicalLine) offset(i int) int {
	if i < len(l.chars) {
		return l.offsets[i]
	}
	return l.end
}

// split returns the end of the name and the start of the value.
func (l *logicalLine) split() (nameEnd, valueStart int) {
	escaped := false
	for nameEnd < len(l.chars) {
		c := l.chars[nameEnd]
		if !escaped && (isSeparator(c) || isBlank(c)) {
			break
		}
		escaped = c == '\\' && !escaped
		nameEnd++
	}
	valueStart = nameEnd
	for separated := false; valueStart < len(l.chars); valueStart++ {
		c := l.chars[valueStart]
		if isBlank(c) {
			continue
		}
		if separated || !isSeparator(c) {
			break
		}
		separated = true
	}
	return nameEnd, valueStart
}

func isSeparator(c byte) bool { return c == '=' || c == ':' }

func (l *logicalLine) opensBracket(i int) bool {
	return i < len(l.chars) && (l.chars[i] == '[' || l.chars[i] == '{')
}

// unescape resolves the escapes between two positions.
func (l *logicalLine) unescape(t *diag.Source, from, to int) (string, bool) {
	out := make([]byte, 0, to-from)
	for i := from; i < to; i++ {
		c := l.chars[i]
		if c != '\\' || i+1 == to {
			out = append(out, c)
			continue
		}
		i++
		switch c = l.chars[i]; c {
		case 't':
			out = append(out, '\t')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 'f':
			out = append(out, '\f')
		case 'u':
			r, width, reason := l.unicode(i-1, to)
			if reason != "" {
				t.Errorf(l.offset(i-1), "%s", reason)
				return "", false
			}
			out = utf8.AppendRune(out, r)
			i += width - 2
		default:
			out = append(out, c)
		}
	}
	return string(out), true
}

// unicode reads the \uXXXX at i, or the two of a surrogate pair. width is the number
// of characters read.
func (l *logicalLine) unicode(i, to int) (r rune, width int, reason string) {
	const one = len(`\uXXXX`)
	unit, ok := l.unit(i, to)
	if !ok {
		return 0, 0, `\u must be followed by four hexadecimal digits`
	}
	if !utf16.IsSurrogate(unit) {
		return unit, one, ""
	}
	if low, ok := l.unit(i+one, to); ok {
		if r := utf16.DecodeRune(unit, low); r != utf8.RuneError {
			return r, 2 * one, ""
		}
	}
	return 0, 0, `\u names one half of a surrogate pair; the other half must follow`
}

func (l *logicalLine) unit(i, to int) (rune, bool) {
	if i+6 > to || l.chars[i] != '\\' || l.chars[i+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(l.chars[i+2:i+6]), 16, 16)
	return rune(v), err == nil
}

func isEOL(c byte) bool   { return c == '\n' || c == '\r' }
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\f' }
