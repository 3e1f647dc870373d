// Package signal lets goroutines wait for something new.
package signal

import "sync"

// A Signal wakes all who wait. Raising one that nobody waits for costs no
// allocation: it is on the path of every event. The zero value is ready; it is
// safe for concurrent use.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Wait returns a channel that is closed by the next raise. Take it before
// looking for what is new, or a raise in between is missed.
func (s *Signal) Wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Raise wakes those who wait now.
func (s *Signal) Raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
