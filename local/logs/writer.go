package logs

import (
	"bytes"
	"sync"
)

// A groupWriter is the log of one invocation. It cuts what is written into lines. It
// may be used concurrently.
type groupWriter struct {
	groups          *Groups
	name, requestID string

	mu   sync.Mutex
	rest []byte // an unfinished line
}

// Writer returns the log of one invocation in a group.
func (g *Groups) Writer(name, requestID string) *groupWriter {
	return &groupWriter{groups: g, name: name, requestID: requestID}
}

// Write never fails.
func (w *groupWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte{'\n'})
		if !ok {
			break
		}
		w.groups.Add(w.name, w.requestID, string(line))
		w.rest = rest
	}
	if len(w.rest) > maxLine {
		w.endLine()
	}
	return len(p), nil
}

// End ends an unfinished line.
func (w *groupWriter) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLine()
}

func (w *groupWriter) endLine() {
	if len(w.rest) > 0 {
		w.groups.Add(w.name, w.requestID, string(w.rest))
		w.rest = nil
	}
}
