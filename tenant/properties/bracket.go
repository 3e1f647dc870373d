package properties

import "github.com/blockforger/eventrouter/tenant/diag"

// closeBracket returns the offset after the bracket that closes the one at start.
// It reads only the strings and brackets of JSON; the decoder of the value checks
// the rest.
func closeBracket(t *diag.Source, start int) (end int, ok bool) {
	var open []int
	for i := start; i < len(t.Data); i++ {
		switch c := t.Data[i]; c {
		case '"':
			if i, ok = closeString(t, i); !ok {
				return 0, false
			}
		case '[', '{':
			open = append(open, i)
		case ']', '}':
			last := open[len(open)-1]
			if opening := t.Data[last]; c-opening != 2 { // in ASCII ] follows [ by two, and } follows {
				line, column := t.Position(last)
				t.Errorf(i, "%q does not close the %q of line %d, column %d", c, opening, line, column)
				return 0, false
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				return i + 1, true
			}
		}
	}
	last := open[len(open)-1]
	line, _ := t.Position(last)
	t.Errorf(last, "%q is never closed; it opened here, on line %d", t.Data[last], line)
	return 0, false
}

// closeString returns the offset of the quote that closes the one at start.
func closeString(t *diag.Source, start int) (end int, ok bool) {
	for i := start + 1; i < len(t.Data) && !isEOL(t.Data[i]); i++ {
		switch t.Data[i] {
		case '\\':
			if i+1 < len(t.Data) && !isEOL(t.Data[i+1]) {
				i++
			}
		case '"':
			return i, true
		}
	}
	t.Errorf(start, "the string that opens here is not closed on its line")
	return 0, false
}
