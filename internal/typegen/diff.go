package typegen

import (
	"fmt"
	"slices"
	"strings"
)

// maxDiff bounds the table of a diff; beyond, it counts lines only.
const maxDiff = 4 << 20

// diff prints the lines that differ, those taken away after "-" and those added
// after "+".
func diff(b *strings.Builder, before, after string) {
	x, y := slices.Collect(strings.Lines(before)), slices.Collect(strings.Lines(after))
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x)*len(y) > maxDiff {
		fmt.Fprintf(b, "    %d lines become %d\n", len(x), len(y))
		return
	}
	common := commonTails(x, y)
	for len(x) > 0 || len(y) > 0 {
		i, j := len(common)-1-len(x), len(common[0])-1-len(y)
		switch {
		case len(x) > 0 && len(y) > 0 && x[0] == y[0]:
			x, y = x[1:], y[1:]
		case len(y) == 0 || len(x) > 0 && common[i+1][j] >= common[i][j+1]:
			fmt.Fprintf(b, "    - %s", x[0])
			x = x[1:]
		default:
			fmt.Fprintf(b, "    + %s", y[0])
			y = y[1:]
		}
	}
}

// commonTails holds at [i][j] how many lines x[i:] and y[j:] have in common.
func commonTails(x, y []string) [][]int {
	common := make([][]int, len(x)+1)
	for i := range common {
		common[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	return common
}
