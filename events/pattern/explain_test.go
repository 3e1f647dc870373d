package pattern

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
)

var update = flag.Bool("update", false, "write the golden files")

// The golden files hold a pattern, an event and their explanation, parted by
// lines of dashes.
func TestExplainGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/explain/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.SplitN(string(content), "\n---\n", 3)
			p, e := compile(t, parts[0]), parse(t, parts[1])
			got := Explain(p, e).String()
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join([]string{parts[0], parts[1], got}, "\n---\n")), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != parts[2] {
				t.Errorf("got\n%s\nwant\n%s", got, parts[2])
			}
		})
	}
}

// notes collects what is said anywhere in a tree.
func notes(x *Explanation) []string {
	all := slices.Clone(x.Notes)
	for _, c := range x.Children {
		all = append(all, notes(c)...)
	}
	return all
}

func TestNearMisses(t *testing.T) {
	for _, c := range []struct{ pattern, event, note string }{
		{`{"details":{"a":[1]}}`, `{"detail":{"a":1}}`, `the event has "detail", not "details"`},
		{`{"Source":["s"]}`, `{"source":"s"}`, `the event has "source", not "Source": names are case-sensitive`},
		{`{"detail-type":["T"]}`, `{"detail":{"detail-type":"T"}}`, `the event has it at detail.detail-type`},
		{`{"detail":{"source":["T"]}}`, `{"source":"T","detail":{}}`, `the event has it at source`},
		{`{"a":["Shop"]}`, `{"a":"shop"}`, `"shop" differs only in case; {"equals-ignore-case":"Shop"} would do`},
		{`{"a":["shop"]}`, `{"a":"shop "}`, `"shop " differs only in space around it`},
		{`{"a":["shop*"]}`, `{"a":"shop.x"}`, `a star in a literal is a star; {"wildcard":"shop*"} would do`},
		{`{"a":["1"]}`, `{"a":1}`, `1 is a number, "1" a string`},
		{`{"a":[1]}`, `{"a":"1"}`, `"1" is a string, 1 a number`},
		{`{"a":[true]}`, `{"a":"true"}`, `"true" is a string, true is not`},
		{`{"a":["true"]}`, `{"a":true}`, `true is a boolean, "true" a string`},
		{`{"a":["10.0.0.1"]}`, `{"a":["10.0.0.1 "]}`, `"10.0.0.1 " differs only in space around it`},
		{`{"a":[{"exactly":"A"}]}`, `{"a":"a"}`, `"a" differs only in case; {"equals-ignore-case":"A"} would do`},
		{`{"a":[{"exists":true}]}`, `{"a":{"b":1}}`, `exists looks for a value: an object counts as absent; ask for a field in it`},
		{`{"a":[{"exists":true}]}`, `{"a":[]}`, `an empty array counts as absent`},
		{`{"a":["x"]}`, `{"a":{"b":1}}`, `it is an object: conditions look at values, so name a field in it`},
		{`{"a":{"b":["x"]}}`, `{"a":"x"}`, `a is "x", so there is nothing inside`},
		{`{"a":{"b":["x"]}}`, `{"a":"{\"b\":\"x\"}"}`, `a is a string that holds JSON: the object was encoded twice`},
		{`{"a":[{"exists":false}]}`, `{"a":null}`, `it is there, and must not be; null is there too, and so is a value in any element of an array`},
		{`{"a":[{"anything-but":"x"}]}`, `{}`, `anything-but wants the field to be there; add {"exists": false} to the list if it need not be`},
		{`{"a":[{"prefix":"Ab"}]}`, `{"a":"abc"}`, `"abc" differs only in case; {"prefix":{"equals-ignore-case":"Ab"}} would do`},
		{`{"a":[{"suffix":"BC"}]}`, `{"a":"abc"}`, `"abc" differs only in case; {"suffix":{"equals-ignore-case":"BC"}} would do`},
		{`{"a":[{"wildcard":"A*"}]}`, `{"a":"abc"}`, `"abc" differs only in case; wildcard knows no other form`},
		{`{"a":[{"prefix":"1"}]}`, `{"a":12}`, `12 is a number; prefix looks at strings only`},
		{`{"a":[{"numeric":[">",1]}]}`, `{"a":"2"}`, `"2" is a string; numeric looks at numbers only`},
		{`{"a":[{"numeric":[">",1]}]}`, `{"a":9007199254740993}`, `9007199254740993 has more digits than can be compared`},
		{`{"a":[{"cidr":"10.0.0.0/8"}]}`, `{"a":"host"}`, `"host" is not an IP address in a string`},
		{`{"i":{"a":[1],"b":[2]}}`, `{"i":[{"a":1},{"b":2}]}`, `each field holds, but in different elements of i; one element must hold them all`},
		{`{"i.a":[1],"i.b":[2]}`, `{"i":[[{"a":1}],[{"b":2}]]}`, `each field holds, but in different elements of i; one element must hold them all`},
	} {
		x := Explain(compile(t, c.pattern), parse(t, c.event))
		if got := notes(x); x.Matched || !slices.Contains(got, c.note) {
			t.Errorf("%s\nagainst %s: matched %t, notes\n\t%q\nwant\n\t%q", c.pattern, c.event, x.Matched, got, c.note)
		}
	}
}

// What is not near must not be called a near miss.
func TestNoNearMiss(t *testing.T) {
	for _, c := range [][2]string{
		{`{"a":["x"]}`, `{"a":"y"}`},
		{`{"alpha":["x"]}`, `{"omega":"x"}`},
		{`{"a":[1]}`, `{"a":"one"}`},
		{`{"a":[{"prefix":"x"}]}`, `{"a":"y"}`},
		{`{"a":["x"]}`, `{"a":"x"}`},
	} {
		if got := notes(Explain(compile(t, c[0]), parse(t, c[1]))); len(got) > 0 {
			t.Errorf("%s against %s: %q", c[0], c[1], got)
		}
	}
}

func TestExplanationAgreesWithMatch(t *testing.T) {
	for _, c := range readCorpus(t) {
		if c.Answer != "true" && c.Answer != "false" {
			continue
		}
		x := Explain(compile(t, c.Pattern), parse(t, c.Event))
		if x.Matched != (c.Answer == "true") {
			t.Errorf("%s: explained as %t", c.Name, x.Matched)
		}
		if failed := slices.ContainsFunc(x.Children, func(x *Explanation) bool { return !x.Matched }); failed == x.Matched && len(x.Notes) == 0 {
			t.Errorf("%s: matched %t, but a step that fails: %t", c.Name, x.Matched, failed)
		}
	}
}

func TestExplanationAsJSON(t *testing.T) {
	x := Explain(compile(t, `{"a":["x"]}`), parse(t, `{"a":"X"}`))
	got, err := jsonv2.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"event","matched":false,"children":[{"name":"a","path":"a","matched":false,"wanted":["x"],"found":["\"X\""],"notes":["\"X\" differs only in case; {\"equals-ignore-case\":\"x\"} would do"]}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDrawInASCII(t *testing.T) {
	x := Explain(compile(t, `{"a":["x"],"b":{"c":["x"]}}`), parse(t, `{"a":"x","b":{"c":"`+strings.Repeat("y", 200)+`"}}`))
	var b bytes.Buffer
	if err := x.Format(&b, &Style{ASCII: true}); err != nil {
		t.Fatal(err)
	}
	if i := bytes.IndexFunc(b.Bytes(), func(r rune) bool { return r > 0x7e }); i >= 0 {
		t.Errorf("a character outside ASCII in\n%s", b.String())
	}
	if n, err := x.WriteTo(&b); err != nil || n != int64(len(x.String())) {
		t.Errorf("WriteTo: %d, %v", n, err)
	}
}

func TestHints(t *testing.T) {
	for _, c := range []struct{ pattern, hint string }{
		{`{"source":"shop"}`, `values stand in a list: "source": ["shop"]`},
		{`{"n":5}`, `values stand in a list: "n": [5]`},
		{`{"n":[{"prefx":"a"}]}`, `did you mean prefix?`},
		{`{"n":[{"equals_ignore_case":"a"}]}`, `did you mean equals-ignore-case?`},
		{`{"n":[{"regex":"a"}]}`, `the operators are prefix, suffix, equals-ignore-case, wildcard, numeric, cidr, exists, anything-but`},
		{`{"n":[{"exists":"true"}]}`, `write true or false without quotation marks`},
		{`{"n":[{"cidr":"10.0.0.5/32"}]}`, `a single address is a plain value: "10.0.0.5"`},
		{`{"n":[{"numeric":["=",9007199254740993]}]}`, `it has more digits than a double keeps; as a plain value it matches exactly`},
	} {
		_, err := Compile([]byte(c.pattern))
		if err == nil {
			t.Errorf("%s is accepted", c.pattern)
			continue
		}
		if got := err.(*Error).Hint; got != c.hint {
			t.Errorf("%s: hint %q, want %q", c.pattern, got, c.hint)
		}
	}
}

func TestExcerpt(t *testing.T) {
	src := []byte("{\n  \"ä\": \"shop\"\n}")
	_, err := Compile(src)
	if err == nil {
		t.Fatal("accepted")
	}
	got := err.(*Error).Excerpt(src)
	want := "  \"ä\": \"shop\"\n       ^ values stand in a list: \"ä\": [\"shop\"]"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
