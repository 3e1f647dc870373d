package pattern

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func compile(tb testing.TB, src string) *Pattern {
	tb.Helper()
	p, err := Compile([]byte(src))
	if err != nil {
		tb.Fatalf("%s: %v", src, err)
	}
	return p
}

func parse(tb testing.TB, src string) *Event {
	tb.Helper()
	e, err := Parse([]byte(src))
	if err != nil {
		tb.Fatalf("%s: %v", src, err)
	}
	return e
}

func TestMatcherReplacesAndRemoves(t *testing.T) {
	var m Matcher[string]
	event := parse(t, `{"a":"x"}`)
	if found := m.Match(event); len(found) != 0 {
		t.Errorf("an empty matcher finds %q", found)
	}
	m.Add("one", compile(t, `{"a":["x"]}`))
	m.Add("two", compile(t, `{"b":[{"exists":false}]}`))
	if found := m.Match(event); len(found) != 2 {
		t.Errorf("found %q, want one and two", found)
	}
	m.Add("one", compile(t, `{"a":["y"]}`))
	if found := m.Match(event); !slices.Equal(found, []string{"two"}) {
		t.Errorf("after one was replaced, found %q", found)
	}
	if m.Len() != 2 || !m.Remove("two") || m.Remove("two") || m.Remove("three") || m.Len() != 1 {
		t.Error("Remove or Len is wrong")
	}
	if found := m.Match(event); len(found) != 0 {
		t.Errorf("after two was removed, found %q", found)
	}
	m.Remove("one")
	if len(m.index.root.children)+len(m.index.always) != 0 || len(m.index.freeSlots) != len(m.index.slots) {
		t.Errorf("an emptied matcher keeps %v", m.index)
	}
}

// Rules come and go while others match; a rule that stays is always found, and
// of a rule of two alternatives nobody sees one half.
func TestMatcherIsConcurrent(t *testing.T) {
	var m Matcher[int]
	event := parse(t, benchEvent)
	stays := compile(t, ruleSets[0].rule(77))
	for i := range 50 {
		m.Add(-1-i, stays)
	}
	var all sync.WaitGroup
	done := make(chan struct{})
	for w := range 2 {
		all.Go(func() {
			for i := range 2000 {
				src := fmt.Sprintf(`{"$or":[{"detail":{"id":["order-%d"]}},{"source":[{"prefix":"shop%d"}]}]}`, 77*(i%2), i%3)
				m.Add(w, compile(t, src))
				if i%5 == 0 {
					m.Remove(w)
				}
			}
		})
	}
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				found := m.Match(event)
				stayed := 0
				for _, key := range found {
					if key < 0 {
						stayed++
					}
				}
				if stayed != 50 || len(found) > 52 {
					t.Errorf("found %d of 50 rules that stay, %d in all", stayed, len(found))
					return
				}
			}
		})
	}
	all.Wait()
	close(done)
	readers.Wait()
}

// Every set of index keys must find the entry again, for any rule set and order.
func TestMatcherFindsEachRuleOfManyAlike(t *testing.T) {
	for _, set := range ruleSets {
		m := fill(t, set.rule, 300)
		event := parse(t, benchEvent)
		found := m.Match(event)
		slices.Sort(found)
		var want []int
		for i := range 300 {
			if compile(t, set.rule(i)).Match(event) {
				want = append(want, i)
			}
		}
		if !slices.Equal(found, want) || len(want) == 0 {
			t.Errorf("%s: found %v, want %v", set.name, found, want)
		}
	}
}
