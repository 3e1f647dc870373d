package csvfile

import (
	"sync"

	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
)

// A file is one version of a CSV file as it was read or written.
type file struct {
	name string
	etag blob.ETag // "" if there is no file
	data []byte
	ours bool // it has no external edit

	number int64 // the write number in the metadata, if it has no external edit; a file may have no rows
}

// A cache keeps the files that were used last, so that a file is read again only if it
// has changed. Its size is limited by the bytes of the files.
type cache struct {
	mu    sync.Mutex
	files []*cachedFile // in the order of their last use
}

const maxCached = MaxFile + 16<<20

// A cachedFile is a file that is parsed when it is first used, and again if the type
// of the keys has changed in the schema.
type cachedFile struct {
	file
	mu     sync.Mutex
	parsed *table
}

func (c *cachedFile) table(l projection.Layout) *table {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil || c.parsed.keyField != l.KeyField || c.parsed.integerKey != l.IntegerKey {
		c.parsed = newTable(c.file, l)
	}
	return c.parsed
}

func (c *cache) get(name string) *cachedFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.files {
		if f.name == name {
			c.files = append(append(c.files[:i:i], c.files[i+1:]...), f)
			return f
		}
	}
	return nil
}

func (c *cache) put(f file) *cachedFile {
	c.drop(f.name)
	added := &cachedFile{file: f}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = append(c.files, added)
	size := 0
	for i := len(c.files) - 1; i >= 0; i-- {
		if size += len(c.files[i].data); size > maxCached {
			c.files = append([]*cachedFile(nil), c.files[i+1:]...)
			break
		}
	}
	return added
}

func (c *cache) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.files {
		if f.name == name {
			c.files = append(c.files[:i:i], c.files[i+1:]...)
			return
		}
	}
}
