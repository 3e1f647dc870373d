package pattern

import "slices"

// A shelf is one way of looking entries up by a string.
type shelf struct {
	buckets map[string]bucket
	// lengths are those of the keys, ascending; keysOf counts them.
	lengths []int
	keysOf  map[int]int
}

func (s *shelf) add(key string, e *entry) {
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

func (s *shelf) remove(key string, e *entry) {
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

// prefixes tries all keys that s starts with.
func (s *shelf) prefixes(text string, t *trial) {
	for _, n := range s.lengths {
		if n > len(text) {
			return
		}
		t.try(s.buckets[text[:n]])
	}
}

func (s *shelf) suffixes(text string, t *trial) {
	for _, n := range s.lengths {
		if n > len(text) {
			return
		}
		t.try(s.buckets[text[len(text)-n:]])
	}
}

func (s *shelf) inside(text string, t *trial) {
	for _, n := range s.lengths {
		for i := 0; i+n <= len(text); i++ {
			t.try(s.buckets[text[i:i+n]])
		}
	}
}
