package tenant

// closeBracket finds the end of the bracketed value that opens at start: the
// offset behind the bracket that closes it. It knows JSON's strings and
// brackets and no more; the decoder judges the rest.
func closeBracket(t *text, start int) (end int, ok bool) {
	var open []int
	for i := start; i < len(t.data); i++ {
		switch c := t.data[i]; c {
		case '"':
			if i, ok = closeString(t, i); !ok {
				return 0, false
			}
		case '[', '{':
			open = append(open, i)
		case ']', '}':
			last := open[len(open)-1]
			if opening := t.data[last]; c-opening != 2 { // in ASCII ] follows [ by two, and } follows {
				line, column := t.at(last)
				t.fail(i, "%q does not close the %q of line %d, column %d", c, opening, line, column)
				return 0, false
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				return i + 1, true
			}
		}
	}
	last := open[len(open)-1]
	line, _ := t.at(last)
	t.fail(last, "%q is never closed; it opened here, on line %d", t.data[last], line)
	return 0, false
}

// closeString returns the offset of the quote that closes the one at start.
func closeString(t *text, start int) (end int, ok bool) {
	for i := start + 1; i < len(t.data) && !isEOL(t.data[i]); i++ {
		switch t.data[i] {
		case '\\':
			if i+1 < len(t.data) && !isEOL(t.data[i+1]) {
				i++
			}
		case '"':
			return i, true
		}
	}
	t.fail(start, "the string that opens here is not closed on its line")
	return 0, false
}
