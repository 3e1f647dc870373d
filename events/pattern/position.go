package pattern

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// position returns the line and column of an offset, both from 1. Columns count
// bytes.
func position(src string, at int) (line, column int) {
	at = min(at, len(src))
	before := src[:at]
	return strings.Count(before, "\n") + 1, at - strings.LastIndexByte(before, '\n')
}

// location is the line with the position that AWS's parser, Jackson, appends to
// its messages.
func location(src string, at int) string { return "\n at " + sourceLocation(src, at) }

// maxQuoted is how many characters of the source a position quotes.
const maxQuoted = 500

// sourceLocation names the source and a position in it as Jackson does. It
// counts UTF-16 code units, as Java does.
func sourceLocation(src string, at int) string {
	line, _ := position(src, at)
	at = min(at, len(src))
	start := strings.LastIndexByte(src[:at], '\n') + 1
	quoted, rest := cutUnits(src, maxQuoted)
	var b strings.Builder
	b.WriteString(`[Source: (String)"`)
	for _, r := range quoted {
		if (r < 0x20 || r >= 0x7f && r < 0xa0) && r != '\n' && r != '\r' {
			fmt.Fprintf(&b, `\u%04X`, r)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	if rest > 0 {
		fmt.Fprintf(&b, "[truncated %d chars]", rest)
	}
	fmt.Fprintf(&b, "; line: %d, column: %d]", line, units(src[start:at])+1)
	return b.String()
}

// units is the length of a text in UTF-16 code units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// cutUnits returns the first n code units of a text, and how many follow.
func cutUnits(s string, n int) (head string, rest int) {
	for i, r := range s {
		if n -= max(utf16.RuneLen(r), 1); n < 0 {
			return s[:i], units(s[i:])
		}
	}
	return s, 0
}
