package jsonschema

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// parseText returns what the parser makes of a text, written again.
func parseText(text string, depth int) (string, error) {
	var d document
	var p parser
	if err := p.parse(&d, []byte(text), depth); err != nil {
		return "", err
	}
	var out []byte
	var write func(n int32)
	write = func(n int32) {
		v := &d.nodes[n]
		switch v.kind {
		case kindString:
			out, _ = jsontext.AppendQuote(out, d.str(n))
		case kindArray:
			out = append(out, '[')
			for e := n + 1; e < v.next; e = d.nodes[e].next {
				if e > n+1 {
					out = append(out, ',')
				}
				write(e)
			}
			out = append(out, ']')
		case kindObject:
			out = append(out, '{')
			for m := n + 1; m < v.next; m = d.nodes[m+1].next {
				if m > n+1 {
					out = append(out, ',')
				}
				write(m)
				out = append(out, ':')
				write(m + 1)
			}
			out = append(out, '}')
		default:
			out = append(out, d.raw(n)...)
		}
	}
	write(0)
	return string(out), nil
}

var texts = []string{
	`null`, ` [ true , false ] `, `{}`, `[]`, `{"a":{"b":[1,{"c":"d"}]},"é":-0.0e+10}`, `"\u00e9\ud83d\ude00\n\/\"\\"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`,
	``, ` `, `{`, `[`, `[1,`, `[1,]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":1 "b":2}`, `01`, `-`, `-01`, `1.`, `.5`, `1e`, `1e+`, `1.5E-3`, `+1`, `1 2`, `nul`, `nulll`, `truE`,
	`"a`, "\"a\nb\"", "\"\x00\"", "\"\xff\"", "\"\xed\xa0\x80\"", `"\x"`, `"\u12"`, `"\u12G4"`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `[{"a":{"b":1,"b":1}}]`, "\ufeff1", "1\x00",
	`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14}`,
	`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"\u0061":14}`,
}

func FuzzParser(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { sameAsJSONText(t, text) })
}

// sameAsJSONText compares the parser with jsontext.
func sameAsJSONText(t *testing.T, text string) {
	t.Helper()
	got, err := parseText(text, 64)
	if _, ok := errors.AsType[*LimitError](err); ok {
		return
	}
	want := jsontext.Value(text)
	wantErr := want.Compact()
	if !want.IsValid() {
		wantErr = errSyntax
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: got %v, jsontext %v", text, err, wantErr)
	}
	if err != nil {
		if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Err == nil {
			t.Fatalf("%q: %v", text, err)
		}
		return
	}
	// Strings may have been escaped otherwise.
	if err := want.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false), jsontext.ReorderRawObjects(false)); err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Fatalf("%q: got %s, want %s", text, got, want)
	}
}

func TestParserAgreesWithJSONText(t *testing.T) {
	for _, text := range texts {
		sameAsJSONText(t, text)
	}
}

func TestSyntaxErrorsSayWhere(t *testing.T) {
	s := mustCompile(t, `{}`)
	for text, want := range map[string]struct {
		pointer string
		offset  int64
	}{
		`{"a":[1,x]}`:            {"/a/1", 8},
		`{"a":1,"b":{"a":1}} 2`:  {"", 20},
		`{"a":{"n":1,"n":2}}`:    {"/a/n", 12},
		"{\"a\":\n{\"n\":01}}":   {"/a", 12},
		`{"a":"` + "\xff" + `"}`: {"/a", 6},
	} {
		err := s.Validate(context.Background(), []byte(text))
		syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
		if !ok || string(syntax.JSONPointer) != want.pointer || syntax.ByteOffset != want.offset {
			t.Errorf("%q: %#v", text, syntax)
		}
	}
	if err := s.Validate(context.Background(), nil); !errors.Is(err, io.EOF) {
		t.Errorf("empty: %v", err)
	}
}

func TestDocumentsAreBounded(t *testing.T) {
	s := mustCompile(t, `{}`)
	nines := strings.Repeat("9", 4001)
	for text, want := range map[string]LimitError{
		strings.Repeat("[", 65) + strings.Repeat("]", 65): {strings.Repeat("/0", 64), "", false, "must not be nested deeper than 64"},
		`{"a":[1,{"b":1e4001}]}`:                          {"/a/1/b", "", false, "must have an exponent within ±4000"},
		`{"a":[1,1e99999999999999999999]}`:                {"/a/1", "", false, "must have an exponent within ±4000"},
		`[1,-1E-4001]`:                                    {"/1", "", false, "must have an exponent within ±4000"},
		`{"a":` + nines + `}`:                             {"/a", "", false, "must have at most 4000 digits"},
		`{"l":[` + strings.TrimSuffix(strings.Repeat("1e4000,", 140_000), ",") + `]}`: {"/l/524", "", false, "is one number too many: written out, all of them have over 2097152 digits"},
	} {
		err := s.Validate(context.Background(), []byte(text))
		limit, ok := errors.AsType[*LimitError](err)
		if !ok || *limit != want {
			t.Errorf("%.40s: got %#v", text, err)
		}
	}
	for _, text := range []string{strings.Repeat("[", 64) + strings.Repeat("]", 64), `1e4000`, `1e-4000`, nines[1:]} {
		if err := s.Validate(context.Background(), []byte(text)); err != nil {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}
