package diag

import (
	"fmt"
	"strconv"
	"strings"
)

// Suggest returns " (did you mean X?)" for the known name X that is most similar
// to a misspelled one, or "" if none is similar.
func Suggest(name string, known []string) string {
	best, fewest := "", len(name)/3+2
	for _, k := range known {
		if d := editDistance(name, k); d < fewest {
			best, fewest = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// editDistance returns the number of bytes to insert, delete, replace or swap with
// their neighbour to turn a into b.
func editDistance(a, b string) int {
	const longest = 100 // longer than any known name; bounds the work
	if len(a) > longest || len(b) > longest {
		return longest
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Quote quotes a value of a file for a message. A long value is clipped.
func Quote(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.Quote(strings.ToValidUTF8(s[:most], "")) + "…"
	}
	return strconv.Quote(s)
}
