package blob

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// Memory is a Bucket in memory, for the tests of other packages and as the
// reference implementation.
type Memory struct {
	mu      sync.Mutex
	version int
	objects map[string]Object
}

var _ Bucket = (*Memory)(nil)

// NewMemory returns an empty bucket.
func NewMemory() *Memory {
	return &Memory{objects: make(map[string]Object)}
}

// Get reads an object.
func (m *Memory) Get(ctx context.Context, key string, known ETag) (Object, error) {
	if err := firstError(ctx.Err(), CheckKey(key)); err != nil {
		return Object{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	switch {
	case !ok:
		return Object{}, fault.Errorf(fault.NotFound, "object %q does not exist", key)
	case o.ETag == known:
		return Object{}, ErrNotModified
	}
	o.Data = bytes.Clone(o.Data)
	o.Metadata = maps.Clone(o.Metadata)
	return o, nil
}

// Put writes an object.
func (m *Memory) Put(ctx context.Context, key string, data []byte, metadata map[string]string, c Condition) (ETag, error) {
	if err := firstError(ctx.Err(), CheckWrite(key, metadata, c)); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := c.Check(key, m.objects[key].ETag); err != nil {
		return "", err
	}
	m.version++
	etag := ETag(fmt.Sprintf("v%d", m.version))
	m.objects[key] = Object{
		Info:     Info{Key: key, ETag: etag, Size: int64(len(data)), Modified: time.Now().UTC()},
		Data:     bytes.Clone(data),
		Metadata: maps.Clone(metadata),
	}
	return etag, nil
}

// Delete removes an object.
func (m *Memory) Delete(ctx context.Context, key string, c Condition) error {
	if err := firstError(ctx.Err(), CheckDelete(key, c)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := c.Check(key, m.objects[key].ETag); err != nil {
		return err
	}
	delete(m.objects, key)
	return nil
}

// List lists the objects below a prefix.
func (m *Memory) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if err := firstError(ctx.Err(), CheckPrefix(prefix)); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Info
	for key, o := range m.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			found = append(found, o.Info)
		}
	}
	return firstByKey(found, limit), nil
}

// firstByKey sorts in byte order and keeps at most limit.
func firstByKey(found []Info, limit int) []Info {
	slices.SortFunc(found, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
	return found[:min(len(found), max(limit, 0))]
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
