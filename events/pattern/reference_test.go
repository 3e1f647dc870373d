package pattern

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// The reference is the language once more, as plainly as it can be said: no
// index, no memory, no cleverness, every choice tried. It shares nothing with
// the code under test, and takes only what is well-formed and not huge.

// A node is a JSON value that keeps order and duplicate names.
type node struct {
	names  []string // of an object
	values []node   // of an object or array
	scalar any      // string, json.Number, bool, nil; else '{' or '['
}

func decodeNode(tb testing.TB, src string) node {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(src))
	d.UseNumber()
	return readNode(tb, d)
}

func readNode(tb testing.TB, d *json.Decoder) node {
	tb.Helper()
	t, err := d.Token()
	if err != nil {
		tb.Fatal(err)
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return node{scalar: t}
	}
	n := node{scalar: rune(delim)}
	for d.More() {
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				tb.Fatal(err)
			}
			n.names = append(n.names, name.(string))
		}
		n.values = append(n.values, readNode(tb, d))
	}
	if _, err := d.Token(); err != nil {
		tb.Fatal(err)
	}
	return n
}

// A refLeaf is a scalar with its path and, by array, the element it is in.
type refLeaf struct {
	path  string
	value any
	in    map[int]int
}

func refLeaves(n node) []refLeaf {
	var leaves []refLeaf
	arrays := 0
	var walk func(n node, path []string, in map[int]int)
	walk = func(n node, path []string, in map[int]int) {
		switch n.scalar {
		case '{':
			for i, v := range n.values {
				walk(v, append(slices.Clone(path), n.names[i]), in)
			}
		case '[':
			id := arrays
			arrays++
			for i, v := range n.values {
				inner := in
				if v.scalar == '{' || v.scalar == '[' {
					inner = maps.Clone(in)
					inner[id] = i
				}
				walk(v, path, inner)
			}
		default:
			leaves = append(leaves, refLeaf{strings.Join(path, "."), n.scalar, in})
		}
	}
	walk(n, nil, map[int]int{})
	return leaves
}

func agree(a, b map[int]int) bool {
	for array, i := range a {
		if j, ok := b[array]; ok && i != j {
			return false
		}
	}
	return true
}

func refMatch(tb testing.TB, pattern, event string) bool {
	tb.Helper()
	leaves := refLeaves(decodeNode(tb, event))
	for _, rule := range refRules(nil, "", decodeNode(tb, pattern)) {
		if refFields(rule, slices.Sorted(maps.Keys(rule)), leaves, map[int]int{}) {
			return true
		}
	}
	return false
}

// refRules multiplies out $or, in the order of the text.
func refRules(rules []map[string][]node, path string, object node) []map[string][]node {
	for i, v := range object.values {
		name := object.names[i]
		full := name
		if path != "" {
			full = path + "." + name
		}
		switch {
		case name == "$or":
			var after []map[string][]node
			for _, branch := range v.values {
				var own []map[string][]node
				for _, r := range rules {
					own = append(own, maps.Clone(r))
				}
				if len(own) == 0 {
					own = append(own, map[string][]node{})
				}
				after = append(after, refRules(own, path, branch)...)
			}
			rules = after
		case v.scalar == '{':
			rules = refRules(rules, full, v)
		default:
			if len(rules) == 0 {
				rules = append(rules, map[string][]node{})
			}
			for _, r := range rules {
				r[full] = v.values
			}
		}
	}
	return rules
}

func refFields(rule map[string][]node, paths []string, leaves []refLeaf, in map[int]int) bool {
	if len(paths) == 0 {
		return true
	}
	present := false
	for _, leaf := range leaves {
		if leaf.path != paths[0] || !agree(leaf.in, in) {
			continue
		}
		present = true
		for _, c := range rule[paths[0]] {
			if !refHolds(c, leaf.value) {
				continue
			}
			both := maps.Clone(in)
			maps.Copy(both, leaf.in)
			if refFields(rule, paths[1:], leaves, both) {
				return true
			}
		}
	}
	if !present {
		for _, c := range rule[paths[0]] {
			if c.scalar == '{' && c.names[0] == "exists" && c.values[0].scalar == false && refFields(rule, paths[1:], leaves, in) {
				return true
			}
		}
	}
	return false
}

func refHolds(c node, v any) bool {
	s, isString := v.(string)
	if c.scalar != '{' {
		if want, ok := c.scalar.(string); ok && isString {
			if ip, ok := refIP(want); ok {
				got, ok := refIP(s)
				return ok && strings.HasPrefix(got, ip)
			}
		}
		return refEqual(c.scalar, v)
	}
	operand := c.values[0]
	text, _ := operand.scalar.(string)
	folds := operand.scalar == '{' && (c.names[0] == "prefix" || c.names[0] == "suffix")
	if folds {
		text = operand.values[0].scalar.(string)
	}
	// A string is seen between quotation marks.
	switch c.names[0] {
	case "exists":
		return operand.scalar == true
	case "exactly":
		return v == any(text)
	case "equals-ignore-case":
		return isString && refFold(text, "^%s$").MatchString(s)
	case "prefix":
		if folds {
			return isString && refFold(text, "^%s").MatchString(s+`"`)
		}
		return isString && strings.HasPrefix(s+`"`, text)
	case "suffix":
		if folds {
			return isString && refFold(text, "%s$").MatchString(`"`+s)
		}
		return isString && strings.HasSuffix(`"`+s, text)
	case "wildcard":
		return isString && refWildcard(text).MatchString(s)
	case "cidr":
		ip, ok := refIP(s)
		return isString && ok && refInBlock(text, ip)
	case "numeric":
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		got, ok := refDouble(n)
		for i := 0; ok && i < len(operand.values); i += 2 {
			want, _ := refDouble(operand.values[i+1].scalar.(json.Number))
			order := got.Cmp(want)
			ok = map[string]bool{"=": order == 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operand.values[i].scalar.(string)]
		}
		return ok
	case "anything-but":
		name := "exactly"
		if operand.scalar == '{' {
			name, operand = operand.names[0], operand.values[0]
		}
		excluded := []node{operand}
		if operand.scalar == '[' {
			excluded = operand.values
		}
		for _, e := range excluded {
			one := e
			if _, ok := e.scalar.(string); ok {
				one = node{scalar: '{', names: []string{name}, values: []node{e}}
			}
			if refHolds(one, v) {
				return false
			}
		}
		return true
	}
	panic("no such operator: " + c.names[0])
}

func refEqual(want, got any) bool {
	w, ok1 := want.(json.Number)
	g, ok2 := got.(json.Number)
	if !ok1 || !ok2 {
		return want == got
	}
	wd, ok1 := refDouble(w)
	gd, ok2 := refDouble(g)
	if ok1 && ok2 {
		return wd.Cmp(gd) == 0
	}
	return w == g
}

// refDouble is the number where it is the shortest decimal of some double.
func refDouble(n json.Number) (*big.Rat, bool) {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return nil, false
	}
	exact, ok1 := new(big.Rat).SetString(string(n))
	shortest, ok2 := new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64))
	return exact, ok1 && ok2 && exact.Cmp(shortest) == 0
}

func refWildcard(s string) *regexp.Regexp {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			b.WriteString(`(?s:.*)`)
		case '\\':
			i++
			b.WriteString(regexp.QuoteMeta(s[i : i+1]))
		default:
			n := 1
			for i+n < len(s) && s[i+n] >= 0x80 && s[i+n] < 0xc0 {
				n++
			}
			b.WriteString(regexp.QuoteMeta(s[i : i+n]))
			i += n - 1
		}
	}
	return regexp.MustCompile(`\A` + b.String() + `\z`)
}

func refFold(s, frame string) *regexp.Regexp {
	var b strings.Builder
	for _, r := range s {
		lower, upper := strings.ToLower(string(r)), unicode.SpecialCase{}.ToUpper(r)
		up := string(upper)
		if r == 'ß' {
			up = "SS"
		}
		fmt.Fprintf(&b, "(?:%s|%s)", regexp.QuoteMeta(lower), regexp.QuoteMeta(up))
	}
	frame = strings.NewReplacer("^", `\A`, "$", `\z`).Replace(frame)
	return regexp.MustCompile(fmt.Sprintf(frame, b.String()))
}

// refIP takes the addresses that netip takes; the generators write no others.
func refIP(s string) (string, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "", false
	}
	return fmt.Sprintf("%x", a.Unmap().AsSlice()), true
}

// refInBlock goes through the digits one by one, as long as they decide nothing.
func refInBlock(cidr, digits string) bool {
	p := netip.MustParsePrefix(cidr)
	low := fmt.Sprintf("%x", p.Masked().Addr().AsSlice())
	n := p.Bits()
	inside := func(digits, low string) bool {
		for i := range n {
			bit := func(s string) byte {
				d, _ := strconv.ParseUint(s[i/4:i/4+1], 16, 8)
				return byte(d>>(3-i%4)) & 1
			}
			if bit(digits) != bit(low) {
				return false
			}
		}
		return true
	}
	if len(digits) >= len(low) {
		return inside(digits, low)
	}
	// Too few digits: they must differ from both ends of the block already.
	if n > len(digits)*4 || !inside(digits, low) {
		return false
	}
	high := []byte(low[:len(digits)])
	for i := n; i < len(digits)*4; i++ {
		d, _ := strconv.ParseUint(string(high[i/4]), 16, 8)
		high[i/4] = "0123456789abcdef"[d|1<<(3-i%4)]
	}
	return digits != low[:len(digits)] && digits != string(high)
}

func TestReferenceAgreesWithTheCorpus(t *testing.T) {
	for _, c := range readCorpus(t) {
		if c.Answer != "true" && c.Answer != "false" || strings.Contains(c.Name, "leading0") || strings.Contains(c.Name, "kelvin") || strings.Contains(c.Name, "dotless") {
			continue // what the reference leaves out
		}
		if got := strconv.FormatBool(refMatch(t, c.Pattern, c.Event)); got != c.Answer {
			t.Errorf("%s: the reference answers %s, want %s", c.Name, got, c.Answer)
		}
	}
}
