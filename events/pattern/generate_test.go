package pattern

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A generator makes patterns and events of few names and values, so that they
// have to do with each other.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 1))} }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) name() string { return g.one("a", "b", "c", "a.b", "d") }

func (g generator) text() string {
	return g.one("", "a", "b", "ab", "abc", "B", "aB", "Abab", "ba", "a*b", `a\b`, `a"`, "ß", "SS", "ss", "é", "É", "1", "10.0.0.1", "10.0.0.200", "10.0.1.1", "0.0.0.0", "::1", "a00::", "2001:db8::1", "2001:db8::", "32.1.13.184", "::ffff:a00:1")
}

func (g generator) number() string {
	return g.one("0", "-0", "0.0", "1", "1.0", "10e-1", "2", "2.5", "-1", "300", "3e2", "1e301", "9007199254740992", "9007199254740993", "9007199254740993.0", "0.1", "0.10000000000000000001", "1e-7", "123456789012345678901234567890")
}

// comparable is a number that numeric takes.
func (g generator) comparable() string {
	return g.one("0", "-0", "1", "1.0", "2", "2.5", "-1", "3e2", "1e301", "9007199254740992", "0.1")
}

func (g generator) scalar() string {
	switch g.IntN(6) {
	case 0:
		return g.one("true", "false", "null")
	case 1, 2:
		return g.number()
	default:
		return quote(g.text())
	}
}

func quote(s string) string { return string(appendString(nil, s)) }

func (g generator) event() string { return g.object(3) }

func (g generator) object(depth int) string {
	var members []string
	for range g.IntN(4) {
		members = append(members, quote(g.name())+":"+g.value(depth-1))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (g generator) value(depth int) string {
	if depth <= 0 {
		return g.scalar()
	}
	switch g.IntN(5) {
	case 0, 1:
		return g.object(depth)
	case 2, 3:
		var elements []string
		for range g.IntN(4) {
			elements = append(elements, g.value(depth-1))
		}
		return "[" + strings.Join(elements, ",") + "]"
	default:
		return g.scalar()
	}
}

func (g generator) pattern() string { return g.fields(3, 1) }

func (g generator) fields(depth, ors int) string {
	var members []string
	for range 1 + g.IntN(3) {
		switch n := g.IntN(6); {
		case n == 0 && ors > 0:
			members = append(members, fmt.Sprintf(`"$or":[%s,%s]`, g.fields(depth-1, ors-1), g.fields(depth-1, ors-1)))
		case n <= 2 && depth > 1:
			members = append(members, quote(g.name())+":"+g.fields(depth-1, ors))
		default:
			members = append(members, quote(g.name())+":"+g.conditions())
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (g generator) conditions() string {
	var list []string
	for range 1 + g.IntN(2) {
		list = append(list, g.condition())
	}
	return "[" + strings.Join(list, ",") + "]"
}

func (g generator) wildcard() string {
	return g.one("*", "a*", "*b", "a*b", "*a*b*", "ab", `a\*b`, `a\\b`, "*b*", "é*", "")
}

func (g generator) condition() string {
	switch g.IntN(14) {
	case 0:
		return fmt.Sprintf(`{"prefix":%s}`, quote(g.text()))
	case 1:
		return fmt.Sprintf(`{"suffix":%s}`, quote(g.text()))
	case 2:
		return fmt.Sprintf(`{"%s":{"equals-ignore-case":%s}}`, g.one("prefix", "suffix"), quote(g.text()))
	case 3:
		return fmt.Sprintf(`{"equals-ignore-case":%s}`, quote(g.text()))
	case 4:
		return fmt.Sprintf(`{"wildcard":%s}`, quote(g.wildcard()))
	case 5:
		return fmt.Sprintf(`{"numeric":["%s",%s]}`, g.one("=", "<", "<=", ">", ">="), g.comparable())
	case 6:
		return fmt.Sprintf(`{"numeric":["%s",%s,"%s",%s]}`, g.one(">", ">="), g.one("-1", "0", "0.1"), g.one("<", "<="), g.one("1", "2.5", "1e301"))
	case 7:
		return fmt.Sprintf(`{"cidr":"%s"}`, g.one("10.0.0.0/24", "0.0.0.0/0", "10.0.0.5/30", "2001:db8::/32", "2000::/7", "::/0", "a00::/12", "2001:db8::/30"))
	case 8:
		return fmt.Sprintf(`{"exists":%s}`, g.one("true", "false"))
	case 9:
		return fmt.Sprintf(`{"anything-but":%s}`, g.one(quote(g.text()), g.comparable(), "["+g.comparable()+","+g.comparable()+"]", "["+quote(g.text())+","+quote(g.text())+"]"))
	case 10:
		return fmt.Sprintf(`{"anything-but":{"%s":[%s,%s]}}`, g.one("prefix", "suffix", "equals-ignore-case"), quote("b"+g.text()), quote("a"+g.text()))
	case 11:
		return fmt.Sprintf(`{"anything-but":{"wildcard":%s}}`, quote(g.wildcard()))
	case 12:
		return fmt.Sprintf(`{"exactly":%s}`, quote(g.text()))
	default:
		return g.scalar()
	}
}
