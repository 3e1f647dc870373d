package pattern

import (
	"slices"
	"strings"
	"testing"
)

// selected matches an event by selection, and all its leaves; it fails the test if the
// two differ, or if the quick reader accepts what the scanner does not.
func selected(t *testing.T, m *Matcher[int], src string) (keys []int, quick bool) {
	t.Helper()
	whole, err := flattened(src)
	var c candidates
	quick = c.read(&m.index, src)
	if quick && err != nil {
		t.Fatalf("%q is selected from, but not valid: %v", src, err)
	}
	if quickValid(src) && err != nil {
		t.Fatalf("%q is valid, but: %v", src, err)
	}
	keys, jsonErr := m.MatchJSON([]byte(src))
	if (err == nil) != (jsonErr == nil) || err != nil && jsonErr.Error() != err.Error() {
		t.Fatalf("%q: MatchJSON returns %v, want %v", src, jsonErr, err)
	}
	if err != nil {
		return nil, quick
	}
	all := candidates{whole: whole}
	m.index.collect(&all)
	var want []int
	for _, r := range all.matches {
		want = append(want, r.key.(int))
	}
	slices.Sort(keys)
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Fatalf("%q: the selection matches %v, all leaves match %v", src, keys, want)
	}
	return keys, quick
}

func TestSelection(t *testing.T) {
	var m Matcher[int]
	for i, src := range []string{
		`{"a":["x"]}`,                                   // 0
		`{"a":{"b":["x"]}}`,                             // 1
		`{"a":{"b":[{"exists":false}]},"d":[1]}`,        // 2
		`{"":{"":["x"]}}`,                               // 3
		`{"i":{"a":[1],"b":[2]}}`,                       // 4
		`{"a":[null],"d":[false]}`,                      // 5
		`{"a":["\"\\\u00e9"]}`,                          // 6
		`{"n":[{"numeric":["=",10]}]}`,                  // 7
		`{"i":{"x":{"y":["z"]}},"a":[{"exists":true}]}`, // 8
	} {
		m.Add(i, compile(t, src))
	}
	deep := func(n int, inner string) string {
		return strings.Repeat(`{"a":`, n) + inner + strings.Repeat("}", n)
	}
	for _, c := range []struct {
		event string
		want  []int
		quick bool
	}{
		{`{}`, nil, true},
		{` { "a" : "x" } trailing`, []int{0}, true},
		{"{\"z\":[1,{\"q\":[]},{}],\t\"a\":\n\"x\",\"d\":1}", []int{0, 2}, true},
		{`{"a":{"b":"x"}}`, []int{1}, true},
		{`{"a.b":"x"}`, []int{1}, true},
		{`{"\u0061.\u0062":"\u0078"}`, []int{1}, true},
		{`{"a":["y",["x"]]}`, []int{0}, true},
		{`{"a":[{"b":"y"},{"b":"x"}],"d":1}`, []int{1}, true},
		{`{"a":{"c":1},"d":1.0}`, []int{2}, true},
		{`{"":{"":"x"}}`, nil, true}, // the pattern's path is empty, this one is a dot
		{`{"":"x"}`, []int{3}, true},
		{`{"i":[{"a":1},{"b":2}]}`, nil, true},
		{`{"i":[{"a":1,"b":2}]}`, []int{4}, true},
		{`{"i":[{"a":1}],"i":{"b":2}}`, []int{4}, true},
		{`{"i":[[{"a":1}],[{"b":2,"a":1}]]}`, []int{4}, true},
		{`{"a":null,"d":false,"z":true}`, []int{5}, true},
		{`{"a":"\"\\é"}`, []int{6}, true},
		{`{"a":"\"\\\u00e9","z":"\ud800\ud83d\ude00\/\b\f\n\r\t"}`, []int{6}, true},
		{`{"n":1e1,"z":[-0,-1.5e-7,0.1E+9]}`, []int{7}, true},
		{`{"n":1` + strings.Repeat("0", 1000) + `}`, nil, false},
		{`{"i":{"x":{"y":["q","z"]}},"a":{"b":{}}}`, nil, true},
		{`{"i":{"x":{"y":["q","z"]}},"a":[{"b":{}},5]}`, []int{8}, true},
		{`{"z":` + deep(60, "1") + `,"a":"x"}`, []int{0}, true},
		{`{"z":` + deep(500, "1") + `,"a":"x"}`, []int{0}, false},
		{`{"a":` + strings.Repeat("[", 500) + `"x"` + strings.Repeat("]", 500) + `}`, []int{0}, false},
		{`{"z":` + deep(1000, "1") + `}`, nil, false},
		{``, nil, false}, {`[]`, nil, false}, {`"a"`, nil, false}, {`{`, nil, false}, {`{"a"`, nil, false}, {`{"a":`, nil, false},
		{`{"a":"x"`, nil, false}, {`{"a":"x",}`, nil, false}, {`{"a":"x" "d":1}`, nil, false}, {`{"a":"x"]`, nil, false},
		{`{"a":["x"}`, nil, false}, {`{"a":["x",]}`, nil, false}, {`{"a":["x" 1]}`, nil, false}, {`{"a":[`, nil, false}, {`{"a":["x"`, nil, false},
		{`{"z":[1}}`, nil, false}, {`{"z":{"q":1]}`, nil, false}, {`{"z":{"q"}}`, nil, false}, {`{"z":{q:1}}`, nil, false}, {`{"z":{"q":1,}}`, nil, false},
		{`{"z":[1,]}`, nil, false}, {`{"z":[,1]}`, nil, false}, {`{"z":[`, nil, false}, {`{"z":{`, nil, false}, {`{"z":{"`, nil, false},
		{`{a:1}`, nil, false}, {`{"a":tru}`, nil, false}, {`{"a":truex}`, nil, false}, {`{"a":true1}`, nil, false}, {`{"z":nulll}`, nil, false},
		{`{"a":+1}`, nil, false}, {`{"a":01}`, nil, false}, {`{"z":-}`, nil, false}, {`{"z":1.}`, nil, false}, {`{"z":.5}`, nil, false}, {`{"z":1e}`, nil, false},
		{`{"z":1e+}`, nil, false}, {`{"z":1.5.5}`, nil, false}, {`{"z":1a}`, nil, false}, {`{"z":-01}`, nil, false}, {`{"z":00}`, nil, false},
		{`{"z":"\x"}`, nil, false}, {`{"z":"\u12g4"}`, nil, false}, {`{"z":"\u12`, nil, false}, {`{"a":"\u+123"}`, nil, false}, {`{"z":"\`, nil, false},
		{"{\"z\":\"12345678\x1f\"}", nil, false}, {"{\"a\":\"\n\"}", nil, false}, {"{\"\t\":1}", nil, false}, {`{"z":"no end`, nil, false},
		{`{"a":1/**/}`, nil, false}, {`{"a"/:1}`, nil, false}, {"{\v\"a\":1}", nil, false}, {`{"a":"x","z":{"q":nope}}`, nil, false},
	} {
		if keys, quick := selected(t, &m, c.event); !slices.Equal(keys, c.want) || quick != c.quick {
			t.Errorf("%.60q matches %v (selected: %t), want %v (%t)", c.event, keys, quick, c.want, c.quick)
		}
	}
}

// FuzzSelection takes any bytes as an event: what is selected for the rules of the
// corpus matches as all leaves do, and the quick reader accepts nothing that the scanner
// rejects.
func FuzzSelection(f *testing.F) {
	var m Matcher[int]
	for i, c := range readCorpus(f) {
		f.Add([]byte(c.Event))
		if p, err := Compile([]byte(c.Pattern)); err == nil {
			m.Add(i, p)
		}
	}
	for seed := range uint64(100) {
		g := newGenerator(seed)
		m.Add(1000+int(seed), compile(f, g.pattern()))
		f.Add([]byte(g.event()))
	}
	f.Add([]byte(largeEvent))
	f.Fuzz(func(t *testing.T, event []byte) {
		if _, err := Parse(event); err == nil {
			selected(t, &m, string(event))
		} else if _, jsonErr := m.MatchJSON(event); jsonErr == nil || jsonErr.Error() != err.Error() {
			t.Fatalf("%q: MatchJSON returns %v, Parse %v", event, jsonErr, err)
		}
		_, err := flattened(string(event))
		if quickValid(string(event)) && err != nil {
			t.Fatalf("%q is valid, but: %v", event, err)
		}
	})
}

// Paths that come and go leave a matcher as it was, also where so many names are at one
// place that they are looked up in a map.
func TestPathsComeAndGo(t *testing.T) {
	var m Matcher[int]
	names := strings.Split("a b c d e f g h i j k l m n", " ")
	for round := range 3 {
		for i, name := range names {
			m.Add(i, compile(t, `{"top":{"`+name+`":["x"],"`+name+`.deep":[{"exists":false}]}}`))
			for j, other := range names {
				keys, quick := selected(t, &m, `{"top":{"`+other+`":"x"}}`)
				if found := slices.Equal(keys, []int{j}); found != (j <= i) || !quick {
					t.Fatalf("round %d, %d rules: %s is found %t", round, i+1, other, found)
				}
			}
		}
		for i := range names {
			m.Remove(i)
			if keys, _ := selected(t, &m, `{"top":{"n":"x"}}`); len(keys) == 0 && i < len(names)-1 {
				t.Fatalf("round %d: the last rule is lost when rule %d is removed", round, i)
			}
		}
		if len(m.index.root.children) != 0 || len(m.index.freeSlots) != len(m.index.slots) || len(m.index.slots) != 2*len(names) {
			t.Errorf("round %d: %d paths and %d of %d slots are left", round, len(m.index.root.children), len(m.index.slots)-len(m.index.freeSlots), len(m.index.slots))
		}
	}
}

// The usual event and rule need one allocation, the list of keys.
func TestMatchJSONAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("with the race detector a sync.Pool drops values at random")
	}
	event := []byte(largeEvent)
	for _, n := range []int{1, 1000} {
		m := fill(t, ruleSets[0].rule, n)
		if got := testing.AllocsPerRun(100, func() { _, _ = m.MatchJSON(event) }); got > 1 {
			t.Errorf("%d rules: %v allocations, want 1", n, got)
		}
	}
}
