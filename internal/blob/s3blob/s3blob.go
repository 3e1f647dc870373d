// Package s3blob implements [blob.Bucket] in an S3 bucket.
//
// An object's key is the S3 key behind a prefix, its ETag is S3's, its metadata
// is S3 user metadata. Each method is one request (List: one for each 1,000
// objects), which is sent at most five times if it fails temporarily; the SDK's
// own retries are disabled.
//
// Conditions are S3's If-Match and If-None-Match. S3 returns 412 if a condition does
// not hold, 409 on a conflict with another writer, and 404 for an If-Match on a
// deleted object: all are the code Precondition, which means to read again. A put
// that was repeated because its response was lost may get Precondition too.
//
// S3 derives an ETag from the bytes only, so equal bytes that were written later
// satisfy a condition on the earlier ones.
package s3blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/retry"
)

// A Bucket implements [blob.Bucket]. It is safe for concurrent use.
type Bucket struct {
	client *s3.Client
	name   string
	prefix string
}

// calls is the retry policy for temporary failures: throttling, an error of AWS, a
// broken connection, or no complete response within the time of an attempt.
var calls = retry.Policy{
	Transient: func(err error) bool {
		return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) ||
			sdkretry.IsErrorRetryables(sdkretry.DefaultRetryables).IsErrorRetryable(err).Bool()
	},
	Timeout: 5 * time.Second,
}

var _ blob.Bucket = (*Bucket)(nil)

// New returns the objects of an S3 bucket whose keys begin with prefix, which is
// "" or ends in "/". It does no I/O, and does not use the client's own retries.
// The error is Invalid.
func New(client *s3.Client, bucket, prefix string) (*Bucket, error) {
	if bucket == "" {
		return nil, fault.Errorf(fault.Invalid, "the name of the S3 bucket is empty")
	}
	if prefix != "" {
		if err := blob.CheckKey(strings.TrimSuffix(prefix, "/")); err != nil || !strings.HasSuffix(prefix, "/") {
			return nil, fault.Errorf(fault.Invalid, "the key prefix %q must be empty or a path that ends in /", prefix)
		}
	}
	if client != nil {
		client = s3.New(client.Options(), func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	}
	return &Bucket{client: client, name: bucket, prefix: prefix}, nil
}

// Get reads an object.
func (b *Bucket) Get(ctx context.Context, key string, known blob.ETag) (blob.Object, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Object{}, err
	}
	var out *s3.GetObjectOutput
	var data []byte
	err := calls.Do(ctx, func(ctx context.Context) (err error) {
		out, err = b.client.GetObject(ctx, &s3.GetObjectInput{
			Bucket:      &b.name,
			Key:         b.key(key),
			IfNoneMatch: optional(string(known)),
		}, quiet)
		if err != nil {
			return err
		}
		defer out.Body.Close()
		data, err = io.ReadAll(out.Body)
		return err
	})
	if err != nil {
		return blob.Object{}, b.fault("get", key, err, false)
	}
	o := blob.Object{
		Info: blob.Info{Key: key, ETag: blob.ETag(aws.ToString(out.ETag)), Size: int64(len(data))},
		Data: data,
	}
	if out.LastModified != nil {
		o.Modified = *out.LastModified
	}
	if len(out.Metadata) > 0 {
		o.Metadata = make(map[string]string, len(out.Metadata))
		for name, value := range out.Metadata {
			o.Metadata[strings.ToLower(name)] = value
		}
	}
	return o, nil
}

// Put writes an object.
func (b *Bucket) Put(ctx context.Context, key string, data []byte, metadata map[string]string, c blob.Condition) (blob.ETag, error) {
	if err := blob.CheckWrite(key, metadata, c); err != nil {
		return "", err
	}
	in := &s3.PutObjectInput{
		Bucket:      &b.name,
		Key:         b.key(key),
		Metadata:    metadata,
		ContentType: contentType(key),
		IfMatch:     optional(string(c.IfMatch)),
	}
	if c.IfNone {
		in.IfNoneMatch = aws.String("*")
	}
	var out *s3.PutObjectOutput
	err := calls.Do(ctx, func(ctx context.Context) (err error) {
		in.Body = bytes.NewReader(data)
		out, err = b.client.PutObject(ctx, in, quiet)
		return err
	})
	if err != nil {
		return "", b.fault("put", key, err, c.IfMatch != "")
	}
	return blob.ETag(aws.ToString(out.ETag)), nil
}

// Delete removes an object.
func (b *Bucket) Delete(ctx context.Context, key string, c blob.Condition) error {
	if err := blob.CheckDelete(key, c); err != nil {
		return err
	}
	err := calls.Do(ctx, func(ctx context.Context) error {
		_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{
			Bucket:  &b.name,
			Key:     b.key(key),
			IfMatch: optional(string(c.IfMatch)),
		}, quiet)
		return err
	})
	if err != nil {
		return b.fault("delete", key, err, c.IfMatch != "")
	}
	return nil
}

// List lists the objects below a prefix.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	if err := blob.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	const page = 1000 // the most that S3 lists at once
	var listed []blob.Info
	for len(listed) < limit {
		in := &s3.ListObjectsV2Input{
			Bucket:  &b.name,
			Prefix:  optional(b.prefix + prefix),
			MaxKeys: aws.Int32(int32(min(page, limit-len(listed)))),
		}
		if after != "" {
			in.StartAfter = b.key(after)
		}
		var out *s3.ListObjectsV2Output
		err := calls.Do(ctx, func(ctx context.Context) (err error) {
			out, err = b.client.ListObjectsV2(ctx, in, quiet)
			return err
		})
		if err != nil {
			return nil, b.fault("list", prefix, err, false)
		}
		for _, o := range out.Contents {
			after = strings.TrimPrefix(aws.ToString(o.Key), b.prefix)
			if blob.CheckKey(after) != nil {
				continue // a folder marker of the AWS console, or not a valid key
			}
			info := blob.Info{Key: after, ETag: blob.ETag(aws.ToString(o.ETag)), Size: aws.ToInt64(o.Size)}
			if o.LastModified != nil {
				info.Modified = *o.LastModified
			}
			listed = append(listed, info)
		}
		if !aws.ToBool(out.IsTruncated) || len(out.Contents) == 0 {
			break
		}
	}
	return listed, nil
}

func (b *Bucket) key(key string) *string { return aws.String(b.prefix + key) }

// quiet disables the SDK's warnings about objects without a checksum, for example
// those that were uploaded with an older tool.
func quiet(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// contentType returns the type with which a browser displays an object.
func contentType(key string) *string {
	switch path.Ext(key) {
	case ".json":
		return aws.String("application/json")
	case ".csv":
		return aws.String("text/csv; charset=utf-8")
	}
	return nil
}
