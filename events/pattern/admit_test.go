package pattern

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

func wildcardPattern(ws ...string) string {
	var b []byte
	b = append(b, `{"n":[`...)
	for i, w := range ws {
		if i > 0 {
			b = append(b, ',')
		}
		b = wildcard{text: w}.appendJSON(b)
	}
	return string(append(b, "]}"...))
}

func TestComplexity(t *testing.T) {
	for _, c := range []struct {
		wildcards  []string
		complexity int
	}{
		{nil, 0},
		{[]string{"abc"}, 1},
		{[]string{"*"}, 2},             // after the opening quotation mark
		{[]string{"a*"}, 2},            // a, a*
		{[]string{"*a*a*a"}, 6},        // *, *a, *a*, *a*a, *a*a*, *a*a*a
		{[]string{"*a*b*c"}, 4},        // no two letters at once: *, *a*, *a*b*, *a*b*c
		{[]string{"*ab", "*ab"}, 2},    // equal conditions are one
		{[]string{"*ab", "*cb"}, 4},    // the sum; *, *ab of each
		{[]string{"x*", "y*"}, 2},      // never both
		{[]string{"*abcabcabd"}, 4},    // repeated characters
		{[]string{"*aaaaaaaaaaa"}, 11}, // more than is counted
	} {
		p := &Pattern{}
		if len(c.wildcards) > 0 {
			var err error
			if p, err = Compile([]byte(wildcardPattern(c.wildcards...))); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.Complexity(); got != c.complexity {
			t.Errorf("%q: complexity %d, want %d", c.wildcards, got, c.complexity)
		}
	}
}

func TestAdmit(t *testing.T) {
	if _, err := Admit([]byte(wildcardPattern("*a*a*a*a*a*a")), 0); !fault.Is(err, fault.TooLarge) {
		t.Errorf("too complex a pattern: %v", err)
	}
	long := `{"n":["` + strings.Repeat("ä", DefaultMaxLength-10) + `"]}`
	if _, err := Admit([]byte(long), 0); err != nil {
		t.Errorf("as long as allowed, in characters: %v", err)
	}
	longer := `{"n":["` + strings.Repeat("ä", DefaultMaxLength-9) + `"]}`
	if _, err := Admit([]byte(longer), 0); !fault.Is(err, fault.TooLarge) {
		t.Errorf("one character too long: %v", err)
	}
	if _, err := Admit([]byte(longer), MaxLength); err != nil {
		t.Errorf("with the limit raised: %v", err)
	}
	if _, err := Admit([]byte(`{"n":["`+strings.Repeat("a", MaxLength)+`"]}`), 1<<20); !fault.Is(err, fault.TooLarge) {
		t.Errorf("past what can be raised: %v", err)
	}
	_, err := Admit([]byte(`{"n":"a"}`), 0)
	var refused *Error
	if !errors.As(err, &refused) || !fault.Is(err, fault.Invalid) {
		t.Fatalf("a refused pattern: %v", err)
	}
	if refused.Line != 1 || refused.Column != 6 || refused.Hint != `values stand in a list: "n": ["a"]` {
		t.Errorf("got %+v", refused)
	}
}

// Patterns made to be dear must be refused or answered at once.
func TestHostilePatterns(t *testing.T) {
	started := time.Now()
	for name, p := range map[string]string{
		"deep":          strings.Repeat(`{"a":`, 100_000) + "[1]" + strings.Repeat("}", 100_000),
		"many ors":      "{" + strings.Repeat(`"$or":[{"a":[1]},{"b":[1]}],`, 140) + `"c":[1]}`,
		"nested ors":    strings.Repeat(`{"$or":[{"a":[1]},`, 140) + `{"b":[1]}` + strings.Repeat("]}", 140),
		"long or":       `{"$or":[` + strings.Repeat(`{"a":[1]},`, 100_000) + `{"b":[1]}]}`,
		"exponent":      `{"n":[{"numeric":["=",1e999999999]}]}`,
		"long exponent": `{"n":[{"anything-but":1e` + strings.Repeat("9", 900) + `}]}`,
		"long number":   `{"n":[` + strings.Repeat("1", 1001) + `]}`,
		"stars":         wildcardPattern(strings.Repeat("*a", 2000)),
		"long letters":  wildcardPattern("*" + strings.Repeat("ab", 1900) + "*" + strings.Repeat("abc", 100)),
	} {
		if _, err := Admit([]byte(p), 0); err == nil {
			t.Errorf("%s: admitted", name)
		}
		if compiled, err := Compile([]byte(p)); err == nil {
			compiled.Complexity()
		}
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("refusing took %v", took)
	}
}

func TestHostileNumbersMatchQuickly(t *testing.T) {
	started := time.Now()
	for _, n := range []string{"1e999999999", "-1e-999999999", "1e" + strings.Repeat("9", 900), "0e999999999", strings.Repeat("9", 1000), "0." + strings.Repeat("0", 990) + "1"} {
		if got := answer(`{"n":[`+n+`]}`, `{"n":`+n+`}`); got != "true" {
			t.Errorf("%.20s equals itself: %s", n, got)
		}
	}
	if got := answer(`{"n":[0]}`, `{"n":0e999999999}`); got != "true" {
		t.Errorf("zero is zero whatever its exponent: %s", got)
	}
	if took := time.Since(started); took > time.Second {
		t.Errorf("took %v", took)
	}
}
