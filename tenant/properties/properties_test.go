package properties

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/tenant/diag"
)

// Each value was confirmed by java.util.Properties; TestAsJava asks it again
// where Java is installed.
var javaCases = []struct {
	name, text string
	want       []string // name, value, name, value …
}{
	{"nothing", "", nil},
	{"only blanks and ends of lines", " \t\f\n\r\n \r", nil},
	{"equals", "a=b", []string{"a", "b"}},
	{"colon", "a:b", []string{"a", "b"}},
	{"blank", "a b", []string{"a", "b"}},
	{"tab and form feed", "a\t\fb", []string{"a", "b"}},
	{"blanks around the separator", "  a \t= \f b", []string{"a", "b"}},
	{"one separator only", "a = = b", []string{"a", "= b"}},
	{"colon after equals", "a=:b", []string{"a", ":b"}},
	{"no value", "a", []string{"a", ""}},
	{"no value, separator", "a=\nb:", []string{"a", "", "b", ""}},
	{"no name", "=b", []string{"", "b"}},
	{"blanks at the end stay", "a=b \t\n", []string{"a", "b \t"}},
	{"comments", "# x=y\n  ! z\na=b # no comment\n#c\\\nd=e", []string{"a", "b # no comment", "d", "e"}},
	{"ends of lines", "a=1\nb=2\rc=3\r\nd=4", []string{"a", "1", "b", "2", "c", "3", "d", "4"}},
	{"escaped separators in a name", `a\ b\:c\=d = e`, []string{"a b:c=d", "e"}},
	{"escapes", `a=\t\n\r\f\\\"\x\!`, []string{"a", "\t\n\r\f\\\"x!"}},
	{"escaped comment sign", `\#a=b`, []string{"#a", "b"}},
	{"unicode", `a=\u00e9\u4E2D`, []string{"a", "é中"}},
	{"surrogate pair", `a=\uD83D\uDE00!`, []string{"a", "😀!"}},
	{"raw UTF-8", "é=中😀", []string{"é", "中😀"}},
	{"unicode in a name", `\u0061=b`, []string{"a", "b"}},
	{"escaped escape before u", `a=\\u0041`, []string{"a", `\u0041`}},
	{"continuation", "a=b\\\n   c", []string{"a", "bc"}},
	{"continuation, CR LF", "a=b\\\r\n\tc\r\nd=e", []string{"a", "bc", "d", "e"}},
	{"continuation, CR", "a=b\\\r c", []string{"a", "bc"}},
	{"even backslashes end the line", "a=b\\\\\nc=d", []string{"a", `b\`, "c", "d"}},
	{"three backslashes go on", "a=b\\\\\\\nc=d", []string{"a", `b\c=d`}},
	{"continuation within the name", "a\\\n  b=c", []string{"ab", "c"}},
	{"continuation before the separator", "a\\\n = b", []string{"a", "b"}},
	{"continuation with a comment sign", "a=b\\\n#c", []string{"a", "b#c"}},
	{"continuation onto an empty line", "a=b\\\n\nc=d", []string{"a", "b", "c", "d"}},
	{"continuation onto a blank line", "a=b\\\n  \t\nc=d", []string{"a", "b", "c", "d"}},
	{"continuation of nothing", "\\\n a=b", []string{"a", "b"}},
	{"continuation of nothing onto a comment", "\\\n#a=b\nc=d", []string{"c", "d"}},
	{"continuation splits an escape", "a=\\u00\\\n41", []string{"a", "A"}},
	{"continuation splits a pair", "a=\\uD83D\\\n  \\uDE00", []string{"a", "😀"}},
	{"continuation at the end of the file", "a=b\\", []string{"a", "b"}},
	{"continuation of nothing at the end of the file", "a\n\\\n", []string{"a", "", "", ""}},
	{"backslash alone", "\\", []string{"", ""}},
	{"escaped bracket", `a=\[b`, []string{"a", "[b"}},
	{"escaped blank opens a value", `a=\ b`, []string{"a", " b"}},
	{"NUL", "a=\x00\\u0000", []string{"a", "\x00\x00"}},
}

func parse(file string, data []byte) ([]Property, []diag.Diagnostic) {
	src := diag.NewSource(file, data)
	props := Parse(src)
	return props, src.Diagnostics
}

func flat(props []Property) (out []string) {
	for _, p := range props {
		out = append(out, p.Name, p.Value)
	}
	return out
}

func TestPropertiesAsJavaReadsThem(t *testing.T) {
	for _, c := range javaCases {
		props, findings := parse("f", []byte(c.text))
		if diff := cmp.Diff(c.want, flat(props)); diff != "" || len(findings) > 0 {
			t.Errorf("%s: %q: %v %s", c.name, c.text, findings, diff)
		}
	}
}

func TestAsJava(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Java")
	}
	javac, err := exec.LookPath("javac")
	if err != nil {
		t.Skip("no Java here")
	}
	dir := t.TempDir()
	source, err := os.ReadFile("testdata/Read.java")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Read.java"), source, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(javac, "-d", dir, filepath.Join(dir, "Read.java")).CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	texts := hardTexts()
	var in strings.Builder
	for _, text := range texts {
		in.WriteString(hex.EncodeToString([]byte(text)) + "\n")
	}
	java := exec.Command("java", "-cp", dir, "Read")
	java.Stdin = strings.NewReader(in.String())
	out, err := java.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(texts) {
		t.Fatalf("%d answers to %d texts", len(answers), len(texts))
	}
	for i, text := range texts {
		props, findings := parse("f", []byte(text))
		ours := "error"
		if len(findings) == 0 {
			ours = ""
			for _, s := range flat(props) {
				ours += hex.EncodeToString([]byte(s)) + ","
			}
		}
		if ours != answers[i] {
			t.Errorf("%q: %s, %v; Java says %s", text, ours, findings, answers[i])
		}
	}
}

// hardTexts are the cases above and all short texts over the characters that
// mean something.
func hardTexts() []string {
	var texts []string
	for _, c := range javaCases {
		texts = append(texts, c.text)
	}
	const letters = "ab \\\n\r=:#"
	texts = append(texts, "a=\\u12", "a=\\u12g4", "\\u=b", "a=\\u+123")
	var grow func(s string)
	grow = func(s string) {
		if len(s) == 4 {
			// Names that repeat are an error here, and Java's last one wins.
			_, findings := parse("f", []byte(s))
			if len(findings) == 0 || !strings.Contains(findings[0].Message, "occurs twice") {
				texts = append(texts, s)
			}
			return
		}
		for i := range len(letters) {
			grow(s + letters[i:i+1])
		}
	}
	grow("")
	return texts
}

func TestPropertyPlaces(t *testing.T) {
	const text = "\ufeff# é\n  näme = välue\\\n   more\r\nlist :\\\n  [1,\n  2]  \nlast=é"
	props, findings := parse("acme/tenant.properties", []byte(text))
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	var got []string
	newlines := diag.NewSource("", []byte(text))
	for _, p := range props {
		line, column := newlines.Position(p.ValueOffset)
		got = append(got, fmt.Sprintf("%s:%d:%d %s=%q at %d:%d %v", p.File, p.Line, p.Column, p.Name, p.Value, line, column, p.JSON))
	}
	want := []string{
		`acme/tenant.properties:2:3 näme="väluemore" at 2:10 false`,
		`acme/tenant.properties:4:1 list="[1,\n  2]" at 5:3 true`,
		`acme/tenant.properties:7:1 last="é" at 7:6 false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBracketValues(t *testing.T) {
	for _, c := range []struct{ text, name, value string }{
		{"a=[]", "a", "[]"},
		{"a {\"b\": \"}]\\\"\\\\\"}\t \nb", "a", `{"b": "}]\"\\"}`},
		{"a=[\n# no comment\n \\\n]\r\nb=1", "a", "[\n# no comment\n \\\n]"},
		{"a=[\"\\u005d\"]", "a", `["\u005d"]`},
		{"a=\\\n  \\\n  [1]\n", "a", "[1]"},
		{"a=[{}\n]", "a", "[{}\n]"},
	} {
		props, findings := parse("f", []byte(c.text))
		if len(findings) > 0 || len(props) == 0 || props[0].Name != c.name || props[0].Value != c.value || !props[0].JSON {
			t.Errorf("%q: %+v, %v", c.text, props, findings)
		}
	}
}

func TestBadProperties(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"#" + strings.Repeat("x", 1<<20), `f:1:1: error: file has 1048577 bytes, at most 1048576 are read`},
		{"a=\xff", `f:1:3: error: byte 0xFF is not valid UTF-8; save the file as UTF-8`},
		{"é=\\u12", `f:1:3: error: \u must be followed by four hexadecimal digits`},
		{"a=b\\\n \\u12x4", `f:2:2: error: \u must be followed by four hexadecimal digits`},
		{"\\ud83d=b", `f:1:1: error: \u names one half of a surrogate pair; the other half must follow`},
		{"a=\\ude00\\ud83d", `f:1:3: error: \u names one half of a surrogate pair; the other half must follow`},
		{"a=1\nb=2\n\na:3", `f:4:1: error: property "a" occurs twice, on line 1 and on line 4; keep one of them`},
		{"a=[\nb=[]\nc={", `f:3:3: error: '{' is never closed; it opened here, on line 3`},
		{"x=1\n a = [ {}, \n\n", `f:2:6: error: '[' is never closed; it opened here, on line 2`},
		{"a=[\n }", `f:2:2: error: '}' does not close the '[' of line 1, column 3`},
		{"a={]", `f:1:4: error: ']' does not close the '{' of line 1, column 3`},
		{"a=[\"b\n\"]", `f:1:4: error: the string that opens here is not closed on its line`},
		{"a=[\"b\\\n\"]", `f:1:4: error: the string that opens here is not closed on its line`},
		{"a=[\"b\\", `f:1:4: error: the string that opens here is not closed on its line`},
		{"a=[] b\nc=1", `f:1:6: error: text follows the closing bracket; begin a new line for it`},
		{"a=[]]", `f:1:5: error: text follows the closing bracket; begin a new line for it`},
	} {
		_, findings := parse("f", []byte(c.text))
		if len(findings) != 1 || findings[0].String() != c.want {
			t.Errorf("%.200q: %v, want %s", c.text, findings, c.want)
		}
	}
}

func TestPropertiesGoOnAfterAnError(t *testing.T) {
	props, findings := parse("f", []byte("a=\\uXYZW\nb=[] x\nc=1\nc=2\nd=3\ne=["))
	if got := flat(props); !cmp.Equal(got, []string{"c", "1", "d", "3"}) || len(findings) != 4 {
		t.Errorf("%q, %v", got, findings)
	}
}

// render writes properties so that they are read back the same.
func render(props []Property) string {
	var b strings.Builder
	for _, p := range props {
		b.WriteString(escaped(p.Name, true) + "=")
		if p.JSON {
			b.WriteString(p.Value)
		} else {
			b.WriteString(escaped(p.Value, false))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func escaped(s string, name bool) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r > 0xffff && i%2 == 0:
			fmt.Fprintf(&b, `\u%04x\u%04X`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		case r == '\\', name && strings.ContainsRune("=: \t\f#!", r), i == 0 && strings.ContainsRune(" \t\f=:[{", r):
			b.WriteByte('\\')
			if r == '\t' || r == '\f' {
				b.WriteByte(map[rune]byte{'\t': 't', '\f': 'f'}[r])
				continue
			}
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// What is read and written is read the same again, and no finding stands
// outside the file.
func FuzzProperties(f *testing.F) {
	for _, c := range javaCases {
		f.Add([]byte(c.text))
	}
	f.Add([]byte("\ufeffa=[{\"b\":\"\\\"]\"}]\r\nc\\\n=d"))
	f.Fuzz(func(t *testing.T, data []byte) {
		props, findings := parse("f", data)
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
		for _, finding := range findings {
			if finding.Line < 1 || finding.Line > lines || finding.Column < 1 || finding.Column > len(data)+1 {
				t.Fatalf("finding outside of %q: %v", data, finding)
			}
		}
		if len(findings) > 0 {
			return
		}
		text := render(props)
		again, findings := parse("f", []byte(text))
		if len(findings) > 0 || !cmp.Equal(flat(props), flat(again)) {
			t.Fatalf("%q, written as %q, reads %q, %v", flat(props), text, flat(again), findings)
		}
	})
}
