package csvfile

import (
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// appendText writes text as a cell, with a leading ' if a spreadsheet would read it as
// a formula or a reader as another JSON value.
func appendText(b []byte, text []byte) []byte {
	if len(text) == 0 || startsLikeFormula(text[0]) {
		b = append(b, '\'')
	}
	return append(b, text...)
}

func startsLikeFormula(c byte) bool {
	switch c {
	case '=', '+', '-', '@', '\'', '\t', '\r', '\n':
		return true
	}
	return false
}

// readText is the inverse of appendText.
func readText(cell []byte) []byte {
	if len(cell) > 0 && cell[0] == '\'' {
		return cell[1:]
	}
	return cell
}

// appendValue writes a JSON value other than null as a cell.
func appendValue(b []byte, v jsontext.Value) ([]byte, error) {
	switch v.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return b, err
		}
		if _, other := literal(text); other {
			b = append(b, '\'')
			return append(b, text...), nil
		}
		return appendText(b, text), nil
	case '{', '[':
		compact := v.Clone()
		if err := compact.Compact(); err != nil {
			return b, err
		}
		return append(b, compact...), nil
	}
	return append(b, v...), nil
}

// readValue reads a cell that is not empty.
func readValue(cell []byte) (jsontext.Value, error) {
	if cell[0] != '\'' {
		if v, ok := literal(cell); ok {
			return v, nil
		}
	}
	return quote(readText(cell))
}

// literal returns the JSON value of a cell, and false if the cell is text.
func literal(cell []byte) (jsontext.Value, bool) {
	if len(cell) == 0 {
		return nil, false
	}
	switch string(cell) {
	case "TRUE":
		return jsontext.Value("true"), true
	case "FALSE":
		return jsontext.Value("false"), true
	}
	switch first, last := cell[0], cell[len(cell)-1]; {
	case first == '"', isBlank(first), isBlank(last):
		return nil, false
	case first == '{' || first == '[' || first == '-' || '0' <= first && first <= '9' || first == 't' || first == 'f' || first == 'n':
		v := jsontext.Value(cell)
		return v, events.Check("cell", v) == nil
	}
	return nil, false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func quote(text []byte) (jsontext.Value, error) {
	if !utf8.Valid(text) {
		return nil, fault.Errorf(fault.Invalid, "the text is not valid UTF-8; save the file as UTF-8")
	}
	return jsontext.AppendQuote(nil, text)
}

// appendKey writes a key. Its type is known from the schema, so it has a leading ' only
// if a spreadsheet would read it as a formula.
func appendKey(b []byte, k events.RecordKey, integer bool) []byte {
	if integer {
		return append(b, k...)
	}
	return appendText(b, []byte(k))
}

func readKey(cell []byte, integer bool) (events.RecordKey, error) {
	if integer {
		return events.ParseIntegerRecordKey(string(cell))
	}
	return events.ParseRecordKey(string(readText(cell)))
}
