package pattern

import (
	"strings"
	"testing"
)

// What a fold holds for must have its folded text, or the matcher's index would
// miss it; and no form may begin or end with the other, or prefixOf would have
// to look back.
func TestFoldLaws(t *testing.T) {
	for r := rune(0); r <= 0xffff; r++ {
		if r >= 0xd800 && r <= 0xdfff {
			continue
		}
		f := newFold(string(r))
		lower, upper := f[0].lower, f[0].upper
		if want := f.folded(); folded(lower) != want || folded(upper) != want {
			t.Errorf("%U: folded %q, its forms %q and %q", r, want, folded(lower), folded(upper))
		}
		if lower != upper && (strings.HasPrefix(lower, upper) || strings.HasPrefix(upper, lower) ||
			strings.HasSuffix(lower, upper) || strings.HasSuffix(upper, lower)) {
			t.Errorf("%U: one of the forms %q and %q is part of the other", r, lower, upper)
		}
	}
}
