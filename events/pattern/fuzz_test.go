package pattern

import (
	"slices"
	"testing"
)

// FuzzDifferential makes a few rules and an event of a seed. The reference, the
// pattern, its normal form and the matcher must answer the same.
func FuzzDifferential(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := newGenerator(seed)
		m := &Matcher[int]{}
		var sources []string
		for i := range 6 {
			src := g.pattern()
			p, err := Compile([]byte(src))
			if err != nil {
				t.Fatalf("%s: %v", src, err)
			}
			m.Add(i, p)
			sources = append(sources, src)
		}
		for range 6 {
			checkEvent(t, m, sources, g.event())
		}
		gone := g.IntN(len(sources))
		if !m.Remove(gone) || m.Remove(gone) {
			t.Fatal("a rule is removed once")
		}
		sources[gone] = ""
		checkEvent(t, m, sources, g.event())
	})
}

func checkEvent(t *testing.T, m *Matcher[int], sources []string, src string) {
	t.Helper()
	event, err := Parse([]byte(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	found := m.Match(event)
	selected(t, m, src)
	for i, source := range sources {
		if source == "" {
			if slices.Contains(found, i) {
				t.Fatalf("a removed rule is found")
			}
			continue
		}
		want := refMatch(t, source, src)
		p, err := Compile([]byte(source))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(event); got != want {
			t.Errorf("%s\nagainst %s\nanswers %t, the reference %t", source, src, got, want)
		}
		if got := slices.Contains(found, i); got != want {
			t.Errorf("%s\nagainst %s\nthe matcher answers %t, the reference %t", source, src, got, want)
		}
		normal, err := Compile([]byte(p.String()))
		if err != nil {
			t.Fatalf("%s\nis in normal form %s: %v", source, p, err)
		}
		if normal.String() != p.String() {
			t.Errorf("%s\nhas two normal forms:\n%s\n%s", source, p, normal)
		}
		if got := normal.Match(event); got != want {
			t.Errorf("%s\nin normal form %s\nagainst %s\nanswers %t, the reference %t", source, p, src, got, want)
		}
	}
	slices.Sort(found)
	if len(slices.Compact(slices.Clone(found))) != len(found) {
		t.Errorf("a rule is found twice: %v", found)
	}
}

// FuzzCompile takes any bytes as pattern and event: nothing may panic, and a
// pattern that compiles has a normal form that says the same.
func FuzzCompile(f *testing.F) {
	for _, c := range readCorpus(f) {
		f.Add([]byte(c.Pattern), []byte(c.Event))
	}
	f.Add([]byte(`{"":{"numeric":[1]},"$or":[{"a":[1]},{"a":{"":["\ud83d\ude00"]}}]}`), []byte(`{"":1,"":{"":2}}`))
	f.Fuzz(func(t *testing.T, pattern, event []byte) {
		e, eventErr := Parse(event)
		p, err := Compile(pattern)
		if err != nil {
			if p != nil || err.Error() == "" {
				t.Errorf("a refusal without words, or with a pattern: %v", err)
			}
			return
		}
		p.Complexity()
		normal, err := Compile([]byte(p.String()))
		if err != nil {
			t.Fatalf("%q has the normal form %q: %v", pattern, p, err)
		}
		if normal.String() != p.String() {
			t.Fatalf("%q has two normal forms: %q and %q", pattern, p, normal)
		}
		if eventErr != nil {
			return
		}
		matched := p.Match(e)
		if matched != normal.Match(e) {
			t.Fatalf("%q and its normal form %q differ about %q", pattern, p, event)
		}
		if x := Explain(p, e); x.Matched != matched || x.String() == "" {
			t.Fatalf("%q against %q is explained as %t", pattern, event, x.Matched)
		}
	})
}
