package blob

import (
	"crypto/sha256"
	"io/fs"
	"sync"
	"time"
)

// A sumCache holds the checksums of files that have not changed since they were
// read, so that detecting changes does not read all files.
type sumCache struct {
	mu   sync.Mutex
	sums map[string]knownSum
}

type knownSum struct {
	size     int64
	modified time.Time
	sum      [sha256.Size]byte
}

// put stores the checksum of a file that was read at the given time or later. A
// file that changed just before is left out: another change within the resolution
// of the file system's clock could not be detected.
func (c *sumCache) put(name string, info fs.FileInfo, sum [sha256.Size]byte, at time.Time) {
	const resolution = 2 * time.Second // that of the coarsest file systems
	const most = 100_000
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Sub(info.ModTime()) < resolution {
		delete(c.sums, name)
		return
	}
	if c.sums == nil || len(c.sums) >= most {
		c.sums = make(map[string]knownSum)
	}
	c.sums[name] = knownSum{size: info.Size(), modified: info.ModTime(), sum: sum}
}

// get returns the checksum if the file is unchanged.
func (c *sumCache) get(name string, info fs.FileInfo) ([sha256.Size]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.sums[name]
	if !ok || known.size != info.Size() || !known.modified.Equal(info.ModTime()) {
		return [sha256.Size]byte{}, false
	}
	return known.sum, true
}
