package jsonscan

import (
	"bytes"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// Every byte, at every place of a block of eight and after every other byte.
func TestEndOfPlainText(t *testing.T) {
	for at := range 11 {
		for c := range 256 {
			for next := range 256 {
				b := []byte("abc\xc3\xa9fghijklm")
				b[at], b[at+1] = byte(c), byte(next)
				want := slices.IndexFunc(b, func(c byte) bool { return c == '"' || c == '\\' || c < ' ' })
				if want < 0 {
					want = len(b)
				}
				if got := endOfPlainText(b, 0); got != want {
					t.Fatalf("%q ends at %d, want %d", b, got, want)
				}
			}
		}
	}
}

// accepted are texts and whether Value and Strict read them.
var accepted = []struct {
	text          string
	value, strict bool
}{
	{`{}`, true, true}, {`[]`, true, true}, {` [ 1 , -0.5e+7 , true,false , null ] `, true, true}, {`{"a":{"a":[{"a":1},{"a":2}]},"b":"x"}`, true, true},
	{`"\"\\\b\f\n\r\t é"`, true, true}, {`"\/"`, true, false}, {`"\u00e9"`, true, false}, {`"\ud800"`, true, false},
	{`{"a":1,"a":2}`, true, false}, {`{"\n":1}`, true, false}, {`{"é":1,"è":2}`, true, true},
	{``, false, false}, {`{`, false, false}, {`{"a"}`, false, false}, {`{"a":}`, false, false}, {`{"a":1,}`, false, false}, {`{"a":1 "b":2}`, false, false},
	{`[1,]`, false, false}, {`[,1]`, false, false}, {`[1 2]`, false, false}, {`[1}`, false, false}, {`{"a":1]`, false, false}, {`{a:1}`, false, false},
	{`01`, false, false}, {`-`, false, false}, {`1.`, false, false}, {`1e`, false, false}, {`+1`, false, false}, {`.5`, false, false}, {`tru`, false, false}, {`nul`, false, false}, {`fals`, false, false},
	{`"`, false, false}, {`"\`, false, false}, {`"\x"`, false, false}, {`"\u12g4"`, false, false}, {"\"\x01\"", false, false}, {`"\u123`, false, false},
}

func reads(end int, text string) bool { return end >= 0 && Space(text, end) == len(text) }

func TestScan(t *testing.T) {
	for _, c := range accepted {
		if got := reads(Value(c.text, 0), c.text); got != c.value {
			t.Errorf("Value reads %q: %t, want %t", c.text, got, c.value)
		}
		var s Strict
		if got := reads(s.Value([]byte(c.text), 0), c.text); got != c.strict {
			t.Errorf("Strict reads %q: %t, want %t", c.text, got, c.strict)
		}
	}
	for depth, want := range map[int]bool{MaxDepth: true, MaxDepth + 1: false} {
		text := string(bytes.Repeat([]byte("["), depth)) + string(bytes.Repeat([]byte("]"), depth))
		var s Strict
		if value, strict := reads(Value(text, 0), text), reads(s.Value([]byte(text), 0), text); value != want || strict != want {
			t.Errorf("depth %d: %t and %t, want %t", depth, value, strict, want)
		}
	}
}

// FuzzScan compares with jsontext: what is read is valid, and strictly what Strict reads.
func FuzzScan(f *testing.F) {
	for _, c := range accepted {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		loose, strict := jsontext.Value(text), jsontext.Value(text)
		if reads(Value(text, 0), string(text)) && !loose.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
			t.Errorf("Value reads %q", text)
		}
		var s Strict
		if reads(s.Value(text, 0), string(text)) && !strict.IsValid(jsontext.AllowInvalidUTF8(true)) {
			t.Errorf("Strict reads %q", text)
		}
	})
}
