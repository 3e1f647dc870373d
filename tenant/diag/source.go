package diag

import (
	"bytes"
	"fmt"
	"sort"
	"unicode/utf8"
)

// Source is a file that is being parsed. It converts byte offsets to positions
// and collects diagnostics. It is not safe for concurrent use.
type Source struct {
	Name        string
	Data        []byte
	Begin       int // the offset of the text: after a byte order mark, else 0
	Diagnostics []Diagnostic

	lines []int // the offset of the first byte of each line
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// NewSource returns the source of a file with the given name and content.
func NewSource(file string, data []byte) *Source {
	s := &Source{Name: file, Data: data}
	if bytes.HasPrefix(data, byteOrderMark) {
		s.Begin = len(byteOrderMark)
	}
	s.lines = []int{s.Begin}
	for i := s.Begin; i < len(data); i++ {
		crlf := data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n'
		if (data[i] == '\n' || data[i] == '\r') && !crlf {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// Position returns the line and the column of an offset, both from 1; columns are
// counted in characters.
func (s *Source) Position(offset int) (line, column int) {
	offset = min(max(offset, s.Begin), len(s.Data))
	line = sort.SearchInts(s.lines, offset+1)
	return line, utf8.RuneCount(s.Data[s.lines[line-1]:offset]) + 1
}

// Errorf adds a fatal error: the file is rejected.
func (s *Source) Errorf(offset int, format string, args ...any) {
	s.add(offset, Diagnostic{Severity: SeverityError, Fatal: true}, format, args...)
}

// Disablef adds an error that is not fatal: a part of the file has no effect, or not
// the intended one.
func (s *Source) Disablef(offset int, format string, args ...any) {
	s.add(offset, Diagnostic{Severity: SeverityError}, format, args...)
}

// Warnf adds a warning.
func (s *Source) Warnf(offset int, format string, args ...any) {
	s.add(offset, Diagnostic{Severity: SeverityWarning}, format, args...)
}

func (s *Source) add(offset int, d Diagnostic, format string, args ...any) {
	d.File = s.Name
	d.Line, d.Column = s.Position(offset)
	d.Message = fmt.Sprintf(format, args...)
	s.Diagnostics = append(s.Diagnostics, d)
}

// CheckUTF8 reports whether the content is valid UTF-8. If it is not, it adds a
// fatal error at the first invalid byte.
func (s *Source) CheckUTF8() bool {
	for i := s.Begin; i < len(s.Data); {
		r, size := utf8.DecodeRune(s.Data[i:])
		if r == utf8.RuneError && size == 1 {
			s.Errorf(i, "byte 0x%02X is not valid UTF-8; save the file as UTF-8", s.Data[i])
			return false
		}
		i += size
	}
	return true
}
