package boltdb

// Names returns the names of the buckets.
func (tx *Tx) Names() (names []string) {
	for name := range tx.buckets {
		names = append(names, name)
	}
	return names
}
