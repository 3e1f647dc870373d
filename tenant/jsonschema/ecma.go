package jsonschema

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A translation is an ECMA-262 regular expression in the syntax of package
// regexp.
type translation struct {
	re2 string
	// size is about the number of instructions of the compiled expression.
	size int
	// invalid says why the expression is not valid ECMA-262; empty if it is.
	invalid string
	// inexact says why a valid expression has no exact translation; empty if it
	// has one.
	inexact string
}

// translate translates an expression, read with Unicode semantics (flag u). A
// backslash before ASCII punctuation, and brackets and braces that open nothing,
// are read as they are without that flag, where their meaning is the same.
func translate(pattern string) translation {
	t := ecma{in: pattern}
	size := t.disjunction(0)
	if t.invalid == "" && t.at < len(t.in) {
		t.invalid = "has a ) without a ("
	}
	for _, name := range t.references {
		if !t.names[name] {
			t.fail("refers to the group " + strconv.Quote(name) + ", which does not exist")
		}
	}
	if t.highest > t.groups {
		t.fail("refers to group " + strconv.Itoa(t.highest) + ", which does not exist")
	}
	return translation{re2: string(t.out), size: size, invalid: t.invalid, inexact: t.inexact}
}

const (
	anyCharacter    = `\x{0}-\x{10FFFF}`
	noLineEnd       = `[^\n\r\x{2028}\x{2029}]`
	whiteSpace      = `\x{9}-\x{D}\x{20}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}`
	notWhiteSpace   = `\x{0}-\x{8}\x{E}-\x{1F}\x{21}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{FEFE}\x{FF00}-\x{10FFFF}`
	mostGroups      = 200  // how deep groups may be nested
	mostRepetitions = 1000 // of package regexp
)

type ecma struct {
	in      string
	at      int
	out     []byte
	invalid string
	inexact string

	groups     int
	highest    int // the highest back-reference
	names      map[string]bool
	references []string
}

func (t *ecma) fail(reason string) {
	if t.invalid == "" {
		t.invalid = reason
	}
	t.at = len(t.in)
}

func (t *ecma) cannot(reason string) {
	if t.inexact == "" {
		t.inexact = reason
	}
}

func (t *ecma) peek() byte {
	if t.at < len(t.in) {
		return t.in[t.at]
	}
	return 0
}

func (t *ecma) skip(prefix string) bool {
	if strings.HasPrefix(t.in[t.at:], prefix) {
		t.at += len(prefix)
		return true
	}
	return false
}

// next reads one character.
func (t *ecma) next() rune {
	r, size := utf8.DecodeRuneInString(t.in[t.at:])
	t.at += size
	return r
}

// disjunction translates alternatives up to a closing parenthesis. It returns
// the size, as all methods below do.
func (t *ecma) disjunction(depth int) (size int) {
	if depth > mostGroups {
		t.fail("has groups nested deeper than " + strconv.Itoa(mostGroups))
		return 0
	}
	// repeatable says that a quantifier may follow.
	for t.at < len(t.in) && t.peek() != ')' {
		if t.skip("|") {
			t.out = append(t.out, '|')
			size++
			continue
		}
		start := len(t.out)
		atom, repeatable := t.term(depth)
		size += t.quantified(start, atom, repeatable)
	}
	return size
}

// term translates an assertion or an atom.
func (t *ecma) term(depth int) (size int, repeatable bool) {
	switch c := t.peek(); c {
	case '^', '$':
		t.at++
		t.out = append(t.out, c)
		return 1, false
	case '(':
		return t.group(depth)
	case '.':
		t.at++
		t.write(noLineEnd)
		return 1, true
	case '[':
		return t.class(), true
	case '\\':
		return t.escape()
	case '*', '+', '?':
		t.fail("has a " + string(c) + " with nothing before it to repeat")
		return 0, false
	case '{':
		if _, _, ok := t.bounds(); ok {
			t.fail("has a quantifier { … } with nothing before it to repeat")
			return 0, false
		}
	}
	t.literal(t.next())
	return 1, true
}

// literal writes a character that means itself.
func (t *ecma) literal(r rune) {
	switch {
	case r >= 0xD800 && r < 0xE000: // in no text
		t.write(`[^` + anyCharacter + `]`)
	case r < utf8.RuneSelf && !isWord(byte(r)):
		t.hex(r)
	default:
		t.out = utf8.AppendRune(t.out, r)
	}
}

func (t *ecma) hex(r rune) {
	t.write(`\x{`)
	t.write(strconv.FormatInt(int64(r), 16))
	t.out = append(t.out, '}')
}

func isWord(c byte) bool { return isDigit(c) || isLetter(c) || c == '_' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// quantified translates a quantifier behind what was written from start on.
func (t *ecma) quantified(start, size int, repeatable bool) int {
	low, high := 1, 1
	switch t.peek() {
	case '*':
		t.at++
		low, high = 0, -1
	case '+':
		t.at++
		low, high = 1, -1
	case '?':
		t.at++
		low, high = 0, 1
	case '{':
		at := t.at
		var ok bool
		if low, high, ok = t.bounds(); !ok {
			t.at = at
			return size
		}
	default:
		return size
	}
	if !repeatable {
		t.fail("repeats an assertion")
		return size
	}
	if high >= 0 && low > high {
		t.fail("has a quantifier whose bounds are out of order")
		return size
	}
	if low > mostRepetitions || high > mostRepetitions {
		t.cannot("repeats an expression more than " + strconv.Itoa(mostRepetitions) + " times")
		low, high = min(low, mostRepetitions), min(high, mostRepetitions)
	}
	lazy := ""
	if t.skip("?") {
		lazy = "?"
	}
	switch {
	case high == 0:
		t.out = append(t.out[:start], "(?:)"...)
		return 1
	case low == 0 && high == 1:
		t.write("?" + lazy)
		return size + 1
	case high < 0 && low <= 1:
		t.write("*+"[low:low+1] + lazy)
		return size + 1
	case high < 0:
		t.write("{" + strconv.Itoa(low) + ",}" + lazy)
		return product(size, low) + 1
	}
	t.write("{" + strconv.Itoa(low) + "," + strconv.Itoa(high) + "}" + lazy)
	return product(size+1, high)
}

// product multiplies sizes, without an overflow.
func product(size, n int) int { return min(size*n, 1<<30) }

func (t *ecma) write(s string) { t.out = append(t.out, s...) }

// bounds reads {n}, {n,} or {n,m}; high is -1 where there is none. Where it is
// none of these it reads nothing.
func (t *ecma) bounds() (low, high int, ok bool) {
	inside, _, closed := strings.Cut(t.in[t.at+1:], "}")
	if !closed {
		return 0, 0, false
	}
	first, second, comma := strings.Cut(inside, ",")
	low, ok = bound(first)
	if !ok {
		return 0, 0, false
	}
	high = low
	if comma {
		high = -1
		if second != "" {
			if high, ok = bound(second); !ok {
				return 0, 0, false
			}
		}
	}
	t.at += len(inside) + len("{}")
	return low, high, true
}

func bound(s string) (int, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		n = 1 << 30
	}
	return n, true
}

// noRE2 says why an expression has no translation.
const noRE2 = ", which RE2, the engine that checks patterns in linear time, does not have"

func (t *ecma) group(depth int) (size int, repeatable bool) {
	repeatable = true
	t.at++
	switch {
	case t.skip("?:"):
	case t.skip("?=") || t.skip("?!"):
		t.cannot("uses lookahead, (?=…) or (?!…)" + noRE2 + "; write each condition as a pattern of its own in allOf, or under not")
		repeatable = false
	case t.skip("?<=") || t.skip("?<!"):
		t.cannot("uses lookbehind, (?<=…) or (?<!…)" + noRE2 + "; write each condition as a pattern of its own in allOf, or under not")
		repeatable = false
	case t.skip("?<"):
		t.groups++
		t.groupName()
	case t.peek() == '?':
		t.fail("has a group (? … that ECMA-262 does not define")
		return 0, false
	default:
		t.groups++
	}
	t.write("(?:")
	size = t.disjunction(depth + 1)
	if !t.skip(")") {
		t.fail("has a ( without a )")
	}
	t.out = append(t.out, ')')
	return size + 1, repeatable
}

// groupName reads the name of a group up to its bracket.
func (t *ecma) groupName() string {
	name, _, ok := strings.Cut(t.in[t.at:], ">")
	valid := ok && name != "" && !isDigit(name[0])
	for i := range len(name) {
		valid = valid && (isWord(name[i]) || name[i] == '$' || name[i] >= utf8.RuneSelf)
	}
	if !valid {
		t.fail("has a group whose name is not valid")
		return ""
	}
	t.at += len(name) + len(">")
	if t.names == nil {
		t.names = map[string]bool{}
	}
	t.names[name] = true
	return name
}

// escape translates an escape outside of a class.
func (t *ecma) escape() (size int, repeatable bool) {
	switch rest := t.in[t.at+1:]; {
	case rest == "":
		t.fail(`ends in \`)
		return 0, false
	case rest[0] == 'b' || rest[0] == 'B':
		t.at += 2
		t.out = append(t.out, '\\')
		t.out = append(t.out, rest[0])
		return 1, false
	case '1' <= rest[0] && rest[0] <= '9':
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			n = 1 << 30
		}
		t.highest = max(t.highest, n)
		t.at += 1 + len(digits)
		t.cannot(`uses a back-reference` + noRE2 + `; write out the alternatives`)
		t.write("(?:)")
		return 1, true
	case strings.HasPrefix(rest, "k"):
		t.at += 2
		if !t.skip("<") {
			t.fail(`has a \k without the name of a group`)
			return 0, false
		}
		known := t.names
		t.names = nil
		t.references = append(t.references, t.groupName())
		t.names = known
		t.cannot(`uses a back-reference` + noRE2 + `; write out the alternatives`)
		t.write("(?:)")
		return 1, true
	}
	if set, size := t.set(); set != "" {
		t.write("[" + set + "]")
		return size, true
	}
	t.literal(t.character(false))
	return 1, true
}

// set reads an escape that stands for several characters, and returns it as the
// content of a class; "" where there is none.
func (t *ecma) set() (set string, size int) {
	c := t.in[t.at+1:]
	if c == "" {
		return "", 0
	}
	switch c[0] {
	case 'd', 'D', 'w', 'W':
		set, size = `\`+c[:1], 1
	case 's':
		set, size = whiteSpace, 1
	case 'S':
		set, size = notWhiteSpace, 1
	case 'p', 'P':
		t.at += 2
		return t.property(c[0] == 'P'), 64
	default:
		return "", 0
	}
	t.at += 2
	return set, size
}

// character reads an escape that means one character.
func (t *ecma) character(inClass bool) rune {
	t.at++
	if t.at == len(t.in) {
		t.fail(`ends in \`)
		return 0
	}
	r := t.next()
	switch r {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'v':
		return '\v'
	case 'f':
		return '\f'
	case 'r':
		return '\r'
	case 'b':
		if inClass {
			return '\b'
		}
	case '0':
		if !isDigit(t.peek()) {
			return 0
		}
	case 'c':
		if c := t.peek(); isLetter(c) {
			t.at++
			return rune(c % 32)
		}
	case 'x':
		if r, ok := t.hexDigits(2); ok {
			return r
		}
	case 'u':
		return t.unicode()
	default:
		if r < utf8.RuneSelf && r > ' ' && !isWord(byte(r)) || r == ' ' || r == '_' {
			return r
		}
	}
	t.fail(`has \` + string(r) + `, which ECMA-262 does not define`)
	return 0
}

func (t *ecma) hexDigits(n int) (rune, bool) {
	if len(t.in)-t.at < n {
		return 0, false
	}
	r, ok := hexadecimal(t.in[t.at : t.at+n])
	if ok {
		t.at += n
	}
	return r, ok
}

// unicode reads XXXX, {X…}, or a surrogate pair.
func (t *ecma) unicode() rune {
	if t.skip("{") {
		digits, _, ok := strings.Cut(t.in[t.at:], "}")
		r, valid := hexadecimal(strings.TrimLeft(digits, "0"))
		if strings.Trim(digits, "0") == "" && digits != "" {
			r, valid = 0, true
		}
		if !ok || !valid || len(strings.TrimLeft(digits, "0")) > 6 || r > utf8.MaxRune {
			t.fail(`has a \u{ … } that is no code point`)
			return 0
		}
		t.at += len(digits) + len("}")
		return r
	}
	r, ok := t.hexDigits(4)
	if !ok {
		t.fail(`has a \u without four hexadecimal digits`)
		return 0
	}
	if r>>10 == 0xD800>>10 {
		at := t.at
		if t.skip(`\u`) {
			if low, ok := t.hexDigits(4); ok && low>>10 == 0xDC00>>10 {
				return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00)
			}
		}
		t.at = at
	}
	return r
}

// property reads {Name} or {Name=Value} of \p.
func (t *ecma) property(negated bool) string {
	name, _, ok := strings.Cut(t.in[t.at:], "}")
	if !ok || !strings.HasPrefix(name, "{") {
		t.fail(`has a \p without { … }`)
		return `\p{L}`
	}
	t.at += len(name) + len("}")
	re2, valid := unicodeProperty(name[1:])
	if !valid {
		t.fail("names the Unicode property " + strconv.Quote(name[1:]) + ", which ECMA-262 does not define")
	} else if re2 == "" {
		t.cannot("uses the Unicode property " + strconv.Quote(name[1:]) + "; general categories and scripts are supported")
	}
	if re2 == "" {
		re2 = "L"
	}
	if negated {
		return `\P{` + re2 + `}`
	}
	return `\p{` + re2 + `}`
}

// class translates [ … ].
func (t *ecma) class() (size int) {
	t.at++
	negated := t.skip("^")
	if t.skip("]") {
		if negated {
			t.write(`[` + anyCharacter + `]`)
		} else {
			t.write(`[^` + anyCharacter + `]`)
		}
		return 1
	}
	t.out = append(t.out, '[')
	if negated {
		t.out = append(t.out, '^')
	}
	size = 1
	for !t.skip("]") {
		if t.at == len(t.in) {
			t.fail("has a [ without a ]")
			return size
		}
		low, lowSet, n := t.classAtom()
		size += n / 8
		if !strings.HasPrefix(t.in[t.at:], "-") || strings.HasPrefix(t.in[t.at:], "-]") {
			t.classPart(low, low, lowSet)
			continue
		}
		t.at++
		if t.at == len(t.in) {
			continue
		}
		high, highSet, n := t.classAtom()
		size += n / 8
		if lowSet != "" || highSet != "" {
			// Without the flag u, the hyphen means itself.
			t.classPart(low, low, lowSet)
			t.classPart('-', '-', "")
			t.classPart(high, high, highSet)
			continue
		}
		if low > high {
			t.fail("has a range in a class whose bounds are out of order")
		}
		t.classPart(low, high, "")
	}
	t.out = append(t.out, ']')
	return size + 1
}

// classAtom reads one character or set of a class.
func (t *ecma) classAtom() (r rune, set string, size int) {
	if t.peek() != '\\' {
		return t.next(), "", 1
	}
	if set, size := t.set(); set != "" {
		return 0, set, size
	}
	return t.character(true), "", 1
}

func (t *ecma) classPart(low, high rune, set string) {
	if set != "" {
		t.write(set)
		return
	}
	t.hex(low)
	if low != high {
		t.out = append(t.out, '-')
		t.hex(high)
	}
}
