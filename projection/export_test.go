package projection

// Waiting returns how many calls of Project wait for their turn at an object.
func (s *Store) Waiting(object string) int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if turns := s.queue.objects[object]; turns != nil {
		return len(turns.waiting)
	}
	return 0
}
