// Package blob is a bucket of objects with conditional writes: the form in
// which tenant files are read, and in which s3 and csv records are shown.
//
// A [Bucket] is safe for concurrent use, also by several processes: what a
// conditional write promises holds between all of them.
package blob

import (
	"context"
	"time"
)

// An ETag names one version of one object. It changes with each write that
// changes the bytes; a write of equal bytes may keep it.
type ETag string

// Info is what a listing tells of an object.
type Info struct {
	Key      string
	ETag     ETag
	Size     int64
	Modified time.Time
}

// An Object is one version, read whole.
type Object struct {
	Info
	Data     []byte
	Metadata map[string]string // lower-case names; may be nil
}

// A Condition says what must hold for a write to be done. The zero Condition
// always holds.
type Condition struct {
	IfMatch ETag // the object is there and has this ETag
	IfNone  bool // the object is not there
}

// A Bucket holds objects by key. Keys are slash-separated paths; every element
// must be safe in a file name, and a Bucket refuses what is not (Invalid). No key
// may lie below another, as a/b does below a: a directory cannot hold both.
//
// Codes: NotFound where there is no such object, Precondition where a condition
// does not hold or a rival was faster (both mean: read again), Denied,
// Unavailable.
type Bucket interface {
	// Get reads an object. Where it still has the ETag known, which may be "",
	// the data is not read and the error is [ErrNotModified].
	Get(ctx context.Context, key string, known ETag) (Object, error)

	// Put writes an object whole: a reader sees the old one or the new one.
	Put(ctx context.Context, key string, data []byte, metadata map[string]string, c Condition) (ETag, error)

	// Delete removes an object. Without a condition a missing one is no error.
	Delete(ctx context.Context, key string, c Condition) error

	// List tells of the objects whose key begins with prefix and is greater
	// than after, in ascending byte order, at most limit.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
}

// ErrNotModified is the error of a Get whose known ETag is still the object's.
var ErrNotModified = notModified{}

type notModified struct{}

func (notModified) Error() string { return "object is not modified" }
