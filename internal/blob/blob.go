// Package blob defines a bucket of objects with conditional writes. Tenant files are
// read from a bucket, and s3 and csv records are projected to one.
//
// A [Bucket] is safe for concurrent use, also by several processes: conditional
// writes are atomic between all of them.
package blob

import (
	"context"
	"time"
)

// An ETag identifies one version of one object. It changes with each write of
// other bytes; a write of equal bytes may leave it unchanged.
type ETag string

// Info describes an object in a listing.
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

// A Condition must hold for a write to take place. The zero Condition always
// holds.
type Condition struct {
	IfMatch ETag // the object exists and has this ETag
	IfNone  bool // the object does not exist
}

// A Bucket holds objects by key. Keys are slash-separated paths; every element
// must be safe in a file name; otherwise the error is Invalid. No key may be below
// another, for example a/b below a, because a directory cannot hold both.
//
// Error codes: NotFound if the object does not exist, Precondition if a condition
// does not hold or another writer was faster (read again in both cases), Denied,
// Unavailable.
type Bucket interface {
	// Get reads an object. If the object still has the ETag known, which may be
	// "", the data is not read and the error is [ErrNotModified].
	Get(ctx context.Context, key string, known ETag) (Object, error)

	// Put writes an object atomically: a reader gets the old or the new one.
	Put(ctx context.Context, key string, data []byte, metadata map[string]string, c Condition) (ETag, error)

	// Delete removes an object. Without a condition, a missing object is not an error.
	Delete(ctx context.Context, key string, c Condition) error

	// List lists at most limit objects whose key begins with prefix and is greater
	// than after, in ascending byte order.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
}

// ErrNotModified is the error of a Get whose known ETag is still the object's.
var ErrNotModified = notModified{}

type notModified struct{}

func (notModified) Error() string { return "object is not modified" }
