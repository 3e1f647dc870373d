package router_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
)

// TestMergeAppendix runs the examples of RFC 7396, Appendix A.
func TestMergeAppendix(t *testing.T) {
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// and our own: exact numbers, names that need an escape, white space
		{`{"n":1.10, "x" : { } }`, `{"m":12345678901234567890.10}`, `{"n":1.10,"x":{},"m":12345678901234567890.10}`},
		{`{"a\"b":1}`, `{"a\u0022b":2,"é\n":3}`, `{"a\"b":2,"é\n":3}`},
	} {
		got, err := router.Merge(jsontext.Value(c[0]), jsontext.Value(c[1]))
		if err != nil || !store.Equal(got, jsontext.Value(c[2])) {
			t.Errorf("%s with %s: %s, %v; want %s", c[0], c[1], got, err, c[2])
		}
	}
}

// FuzzMerge: a merge is valid JSON, and merging again changes nothing.
func FuzzMerge(f *testing.F) {
	f.Add(`{"a":{"b":[1,null]}}`, `{"a":{"b":null,"c":{"d":null}}}`)
	f.Fuzz(func(t *testing.T, target, patch string) {
		a, b := jsontext.Value(target), jsontext.Value(patch)
		if !a.IsValid() || !b.IsValid() {
			return
		}
		once, err := router.Merge(a, b)
		if err != nil || !once.IsValid() {
			t.Fatalf("%s, %v", once, err)
		}
		twice, err := router.Merge(once, b)
		if err != nil || !store.Equal(once, twice) {
			t.Fatalf("once %s, twice %s, %v", once, twice, err)
		}
	})
}
