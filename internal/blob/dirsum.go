package blob

import (
	"crypto/sha256"
	"io/fs"
	"sync"
	"time"
)

// A sumCache remembers the sums of files that have not been touched since, so
// that asking whether something changed does not read everything.
type sumCache struct {
	mu   sync.Mutex
	sums map[string]knownSum
}

type knownSum struct {
	size     int64
	modified time.Time
	sum      [sha256.Size]byte
}

// put remembers the sum of what was read no earlier than at the time given. A
// file changed just before is left out: another change within the grain of the
// file system's clock would not show.
func (c *sumCache) put(name string, info fs.FileInfo, sum [sha256.Size]byte, at time.Time) {
	const grain = 2 * time.Second // that of the coarsest file systems
	const most = 100_000
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Sub(info.ModTime()) < grain {
		delete(c.sums, name)
		return
	}
	if c.sums == nil || len(c.sums) >= most {
		c.sums = make(map[string]knownSum)
	}
	c.sums[name] = knownSum{size: info.Size(), modified: info.ModTime(), sum: sum}
}

// get answers the sum if the file is as it was.
func (c *sumCache) get(name string, info fs.FileInfo) ([sha256.Size]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.sums[name]
	if !ok || known.size != info.Size() || !known.modified.Equal(info.ModTime()) {
		return [sha256.Size]byte{}, false
	}
	return known.sum, true
}
