package local

import (
	"github.com/blockforger/eventrouter/local/delivery"
)

// OutcomesKept counts the outcomes of deliveries that are kept.
func (s *Server) OutcomesKept() (n int, err error) {
	err = s.file.Keys(delivery.BucketOutcomes, nil, func([]byte) bool { n++; return true })
	return n, err
}
