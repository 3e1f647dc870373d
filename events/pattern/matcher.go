package pattern

import (
	"sync"
	"unicode/utf8"
	"unsafe"
)

// A Matcher holds patterns by key and finds those that an event matches, in a
// time that hardly depends on their number: each pattern is indexed by its most
// selective field, and only the patterns found by an event's values are matched.
//
// The zero value is an empty Matcher. All methods may be called at the same
// time; a call of Match sees each rule wholly or not at all.
type Matcher[K comparable] struct {
	mu    sync.RWMutex
	rules map[K]*rule
	index index
	pool  sync.Pool // of *candidates
}

// A rule is a key and what its pattern is filed as.
type rule struct {
	key     any // a K
	entries []*entry
}

// Add files a pattern under a key, in place of the one that it had.
func (m *Matcher[K]) Add(key K, p *Pattern) {
	r := &rule{key: key}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(key)
	for _, a := range p.alternatives {
		r.entries = append(r.entries, m.index.add(r, a))
	}
	if m.rules == nil {
		m.rules = map[K]*rule{}
	}
	m.rules[key] = r
}

// Remove takes the pattern with this key out and reports whether there was one.
func (m *Matcher[K]) Remove(key K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.remove(key)
}

func (m *Matcher[K]) remove(key K) bool {
	r, ok := m.rules[key]
	if !ok {
		return false
	}
	for _, e := range r.entries {
		m.index.remove(e)
	}
	delete(m.rules, key)
	return true
}

// Len returns the number of patterns.
func (m *Matcher[K]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.rules)
}

// Match returns the keys of the patterns that the event matches, each once and
// in no particular order.
func (m *Matcher[K]) Match(event *Event) []K {
	keys, _ := m.match(event.src, event.flatten) // Parse has found no error
	return keys
}

// MatchJSON is Match for an event that is matched once. The error is that of [Parse].
func (m *Matcher[K]) MatchJSON(event []byte) ([]K, error) {
	if !utf8.Valid(event) {
		return nil, notUTF8()
	}
	// A match keeps no part of the text, so that it needs no copy.
	text := unsafe.String(unsafe.SliceData(event), len(event))
	return m.match(text, func() (*flatEvent, error) { return flattened(string(event)) })
}

func (m *Matcher[K]) match(text string, whole func() (*flatEvent, error)) ([]K, error) {
	t, _ := m.pool.Get().(*candidates)
	if t == nil {
		t = &candidates{}
	}
	m.mu.RLock()
	err := m.index.match(t, text, whole)
	m.mu.RUnlock()

	var keys []K
	if len(t.matches) > 0 {
		keys = make([]K, len(t.matches))
	}
	for i, r := range t.matches {
		keys[i] = r.key.(K)
	}
	if t.reset() {
		m.pool.Put(t)
	}
	return keys, err
}
