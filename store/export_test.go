package store

// EntrySize returns the size that Commit checks of an output event.
func (m *IdempotencyRecord) EntrySize(i int) int { return m.entrySize(i) }
