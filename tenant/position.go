package tenant

import (
	"bytes"
	"fmt"
	"sort"
	"unicode/utf8"
)

// A text is a file being read: it turns byte offsets into places, and collects
// what is found there.
type text struct {
	file     string
	data     []byte
	begin    int   // where the text begins: behind a byte order mark
	lines    []int // the offset at which each line begins
	findings []Diagnostic
}

var byteOrderMark = []byte("\xef\xbb\xbf")

func newText(file string, data []byte) *text {
	t := &text{file: file, data: data}
	if bytes.HasPrefix(data, byteOrderMark) {
		t.begin = len(byteOrderMark)
	}
	t.lines = []int{t.begin}
	for i := t.begin; i < len(data); i++ {
		crlf := data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n'
		if isEOL(data[i]) && !crlf {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// at returns line and column of an offset.
func (t *text) at(offset int) (line, column int) {
	offset = min(max(offset, t.begin), len(t.data))
	line = sort.SearchInts(t.lines, offset+1)
	return line, utf8.RuneCount(t.data[t.lines[line-1]:offset]) + 1
}

// fail refuses the file.
func (t *text) fail(offset int, format string, args ...any) {
	t.add(offset, Diagnostic{Severity: SeverityError, fatal: true}, format, args...)
}

// off reports an error that switches off a part of the file.
func (t *text) off(offset int, format string, args ...any) {
	t.add(offset, Diagnostic{Severity: SeverityError}, format, args...)
}

func (t *text) warn(offset int, format string, args ...any) {
	t.add(offset, Diagnostic{Severity: SeverityWarning}, format, args...)
}

func (t *text) add(offset int, f Diagnostic, format string, args ...any) {
	f.File = t.file
	f.Line, f.Column = t.at(offset)
	f.Message = fmt.Sprintf(format, args...)
	t.findings = append(t.findings, f)
}

// checkUTF8 refuses a text that is not valid UTF-8, at its first bad byte.
func (t *text) checkUTF8() bool {
	for i := t.begin; i < len(t.data); {
		r, size := utf8.DecodeRune(t.data[i:])
		if r == utf8.RuneError && size == 1 {
			t.fail(i, "byte 0x%02X is not valid UTF-8; save the file as UTF-8", t.data[i])
			return false
		}
		i += size
	}
	return true
}

func isEOL(c byte) bool   { return c == '\n' || c == '\r' }
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\f' }
