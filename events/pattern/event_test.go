package pattern

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

func TestParseRefuses(t *testing.T) {
	for name, src := range map[string]string{
		"nothing":      "",
		"an array":     "[]",
		"a string":     `"a"`,
		"no end":       `{"a":`,
		"no name":      `{1:2}`,
		"bad UTF-8":    "{\"a\":\"\xff\"}",
		"bad escape":   `{"a":"\u12g4"}`,
		"end in u":     `{"a":"\u12`,
		"signed hex":   `{"a":"\u+123"}`,
		"half number":  `{"a":1.}`,
		"minus":        `{"a":-}`,
		"exponent":     `{"a":1e}`,
		"capital word": `{"a":True}`,
		"too deep":     strings.Repeat(`{"a":`, 2000),
		"deep arrays":  `{"a":` + strings.Repeat(`[`, 2000),
		"long number":  `{"a":` + strings.Repeat("1", 1001) + `}`,
	} {
		if _, err := Parse([]byte(src)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := Parse([]byte("{\n  \"a\": nope\n}"))
	if err == nil || !strings.HasPrefix(err.Error(), "event is not valid at line 2, column 8: Unrecognized token 'nope'") {
		t.Errorf("the place is missing in: %v", err)
	}
}

// Events made to be dear: the time must grow with their size, not its square,
// and never with the number of ways to choose.
func TestHostileEvents(t *testing.T) {
	elements := func(n int, f string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(f+",", n), ",") + "]"
	}
	const n = 20_000
	for _, c := range []struct{ name, pattern, event string }{
		{"two fields, many elements", `{"i":{"a":[1],"b":[2],"c":[3]}}`, `{"i":` + elements(n, `{"a":1},{"b":2},{"a":1,"b":2}`) + `}`},
		{"many scalars", `{"a":[1],"b":[1],"c":[1],"d":[2]}`, `{"a":` + elements(n, "1") + `,"b":` + elements(n, "1") + `,"c":` + elements(n, "1") + `,"d":1}`},
		{"many arrays", `{"a":{"x":[1]},"b":{"x":[1]},"c":{"x":[1]},"d":[2]}`, `{"a":` + elements(n, `{"x":1}`) + `,"b":` + elements(n, `{"x":1}`) + `,"c":` + elements(n, `{"x":1}`) + `,"d":1}`},
		{"nested arrays", `{"i":{"a":{"x":[1],"y":[2]},"b":{"x":[1],"y":[2]}}}`, `{"i":` + elements(200, `{"a":`+elements(50, `{"x":1},{"y":2}`)+`,"b":`+elements(50, `{"x":1}`)+`}`) + `}`},
		{"duplicate arrays", `{"i":{"a":[1],"b":[1],"c":[1],"d":[1],"e":[2]}}`, `{` + strings.Repeat(`"i":`+elements(100, `{"a":1},{"b":1},{"c":1},{"d":1}`)+`,`, 6) + `"z":1}`},
		{"a long string", `{"s":[{"wildcard":"*a*a*a*a*b"}]}`, `{"s":"` + strings.Repeat("a", 1_000_000) + `"}`},
	} {
		started := time.Now()
		p, e := compile(t, c.pattern), parse(t, c.event)
		if p.Match(e) {
			t.Errorf("%s: matches", c.name)
		}
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("%s took %v", c.name, took)
		}
	}
}

func ExampleMatcher() {
	var rules Matcher[string]
	for name, src := range map[string]string{
		"orders": `{"source": ["shop.orders"]}`,
		"large":  `{"detail": {"total": [{"numeric": [">", 100]}]}}`,
	} {
		p, err := Compile([]byte(src))
		if err != nil {
			fmt.Println(err)
			return
		}
		rules.Add(name, p)
	}
	event, err := Parse([]byte(`{"source": "shop.orders", "detail": {"total": 99}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rules.Match(event))
	// Output: [orders]
}
