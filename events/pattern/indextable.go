package pattern

import "slices"

// An indexTable looks entries up by a string.
type indexTable struct {
	buckets map[string]bucket
	// lengths are the lengths of the keys, ascending; keysOf counts the keys of each length.
	lengths []int
	keysOf  map[int]int
}

func (s *indexTable) add(key string, e *entry) {
	if s.buckets == nil {
		s.buckets, s.keysOf = map[string]bucket{}, map[int]int{}
	}
	if _, ok := s.buckets[key]; !ok {
		if s.keysOf[len(key)]++; s.keysOf[len(key)] == 1 {
			i, _ := slices.BinarySearch(s.lengths, len(key))
			s.lengths = slices.Insert(s.lengths, i, len(key))
		}
	}
	s.buckets[key] = append(s.buckets[key], e)
}

func (s *indexTable) remove(key string, e *entry) {
	left := s.buckets[key].without(e)
	if len(left) > 0 {
		s.buckets[key] = left
		return
	}
	delete(s.buckets, key)
	if s.keysOf[len(key)]--; s.keysOf[len(key)] == 0 {
		delete(s.keysOf, len(key))
		i, _ := slices.BinarySearch(s.lengths, len(key))
		s.lengths = slices.Delete(s.lengths, i, i+1)
	}
}

func (b bucket) without(e *entry) bucket {
	i := slices.Index(b, e)
	if i < 0 {
		return b
	}
	b[i] = b[len(b)-1]
	b[len(b)-1] = nil
	return b[:len(b)-1]
}

// prefixes adds the entries of all keys that text starts with.
func (s *indexTable) prefixes(text string, t *candidates) {
	for _, n := range s.lengths {
		if n > len(text) {
			return
		}
		t.add(s.buckets[text[:n]])
	}
}

func (s *indexTable) suffixes(text string, t *candidates) {
	for _, n := range s.lengths {
		if n > len(text) {
			return
		}
		t.add(s.buckets[text[len(text)-n:]])
	}
}

func (s *indexTable) substrings(text string, t *candidates) {
	for _, n := range s.lengths {
		for i := 0; i+n <= len(text); i++ {
			t.add(s.buckets[text[i:i+n]])
		}
	}
}
