package local

// OutcomesKept counts the outcomes of deliveries that are kept.
func (s *Server) OutcomesKept() (n int, err error) {
	err = s.file.Keys(bucketOutcomes, nil, func([]byte) bool { n++; return true })
	return n, err
}
