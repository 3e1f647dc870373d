package csvfile

import (
	"bytes"
	"fmt"
)

// A field is one cell of the file.
type field struct {
	text  []byte // without quotes; it shares the file's memory if it has no escapes
	start int    // offset of its first byte
}

// A syntaxError holds the offset in the file at which reading ended, and the reason.
type syntaxError struct {
	offset int
	reason string
}

func (e *syntaxError) Error() string { return e.reason }

// scanRow reads the row that begins at data[pos], which must be within data. It appends
// the row's fields and returns the end of the row without and with its line break.
func scanRow(data []byte, pos int, fields []field) (_ []field, end, next int, err error) {
	for {
		f := field{start: pos}
		if pos < len(data) && data[pos] == '"' {
			if f.text, pos, err = scanQuoted(data, pos); err != nil {
				return fields, 0, 0, err
			}
		} else {
			n := bytes.IndexAny(data[pos:], ",\r\n\"")
			if n < 0 {
				n = len(data) - pos
			}
			f.text = data[pos : pos+n]
			pos += n
			if pos < len(data) && data[pos] == '"' {
				return fields, 0, 0, &syntaxError{pos, `a " within a cell: the cell must be in quotes, and the " doubled`}
			}
		}
		fields = append(fields, f)
		switch {
		case pos == len(data):
			return fields, pos, pos, nil
		case data[pos] == ',':
			pos++
		case data[pos] == '\n':
			return fields, pos, pos + 1, nil
		case data[pos] == '\r' && pos+1 < len(data) && data[pos+1] == '\n':
			return fields, pos, pos + 2, nil
		case data[pos] == '\r':
			return fields, 0, 0, &syntaxError{pos, "a carriage return without a line feed"}
		default:
			return fields, 0, 0, &syntaxError{pos, fmt.Sprintf("%q behind a closing quote, where a comma or the end of the line must be", data[pos])}
		}
	}
}

// scanQuoted reads the quoted cell that begins at data[pos] and returns its text and
// the position after it.
func scanQuoted(data []byte, pos int) (text []byte, next int, err error) {
	open := pos
	pos++
	start := pos
	doubled := false
	for {
		n := bytes.IndexByte(data[pos:], '"')
		if n < 0 {
			return nil, 0, &syntaxError{open, `a quote that is never closed`}
		}
		pos += n + 1
		if pos >= len(data) || data[pos] != '"' {
			break
		}
		doubled = true
		pos++
	}
	text = data[start : pos-1]
	if doubled {
		text = bytes.ReplaceAll(text, []byte(`""`), []byte(`"`))
	}
	return text, pos, nil
}

// appendField writes a cell, in quotes if necessary.
func appendField(b, text []byte) []byte {
	if !needsQuotes(text) {
		return append(b, text...)
	}
	b = append(b, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		b = append(b, text[:i+1]...)
		b = append(b, '"')
		text = text[i+1:]
	}
	b = append(b, text...)
	return append(b, '"')
}

// needsQuotes reports whether a cell must be quoted. This includes cells with blanks at
// either end, which some readers trim, and text that a file must not begin with.
func needsQuotes(text []byte) bool {
	return len(text) > 0 && (text[0] == ' ' || text[len(text)-1] == ' ' ||
		bytes.ContainsAny(text, ",\"\r\n") || bytes.HasPrefix(text, byteOrderMark))
}
