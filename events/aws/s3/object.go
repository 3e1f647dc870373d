package s3

import "net/url"

// URL names the object as s3://bucket/key.
func (d ObjectCreated) URL() string { return objectURL(d.Bucket.Name, d.Object.Key) }

// String says which object was created.
func (d ObjectCreated) String() string { return d.URL() }

// URL names the object as s3://bucket/key.
func (d ObjectDeleted) URL() string { return objectURL(d.Bucket.Name, d.Object.Key) }

// String says which object was deleted, and how.
func (d ObjectDeleted) String() string { return d.URL() + ", " + d.DeletionType }

// URL names the object as s3://bucket/key.
func (d ObjectRestoreCompleted) URL() string { return objectURL(d.Bucket.Name, d.Object.Key) }

// String says which object was restored.
func (d ObjectRestoreCompleted) String() string { return d.URL() }

func objectURL(bucket, key string) string {
	return (&url.URL{Scheme: "s3", Host: bucket, Path: key}).String()
}
