package s3blob_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/blob"
)

// A silentS3 sends no response to a number of requests, or sends an incomplete
// body.
type silentS3 struct {
	silent   int  // requests without a response
	inBody   bool // the response begins
	requests int
}

func (s *silentS3) Do(r *http.Request) (*http.Response, error) {
	s.requests++
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Etag": {`"e"`}}, Request: r}
	if s.requests > s.silent {
		response.Body = io.NopCloser(bytes.NewReader([]byte("<ListBucketResult/>")))
		return response, nil
	}
	if s.inBody {
		response.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		}))
		return response, nil
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// A request without a complete response is sent again after 5 s, at most five
// times in all, and never beyond the caller's deadline.
func TestAttemptTimeout(t *testing.T) {
	for name, call := range map[string]func(context.Context, blob.Bucket) error{
		"get": func(ctx context.Context, b blob.Bucket) error { _, err := b.Get(ctx, "a", ""); return err },
		"put": func(ctx context.Context, b blob.Bucket) error {
			_, err := b.Put(ctx, "a", nil, nil, blob.Condition{})
			return err
		},
		"delete": func(ctx context.Context, b blob.Bucket) error { return b.Delete(ctx, "a", blob.Condition{}) },
		"list":   func(ctx context.Context, b blob.Bucket) error { _, err := b.List(ctx, "", "", 10); return err },
	} {
		for _, c := range []struct {
			silent   int
			deadline time.Duration
			requests int
			least    time.Duration
			most     time.Duration
		}{
			{silent: 1, deadline: time.Minute, requests: 2, least: 5 * time.Second, most: 6 * time.Second},
			{silent: 9, deadline: time.Minute, requests: 5, least: 25 * time.Second, most: 30 * time.Second},
			{silent: 9, deadline: 8 * time.Second, requests: 2, least: 8 * time.Second, most: 8 * time.Second},
		} {
			for _, inBody := range []bool{false, true} {
				if inBody && name != "get" && name != "list" {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					s := &silentS3{silent: c.silent, inBody: inBody}
					b := bucket(t, s3.NewFromConfig(awstest.Config("http://s3.invalid"), func(o *s3.Options) { o.HTTPClient = s }), "")
					ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
					defer cancel()
					start := time.Now()
					err := call(ctx, b)
					took := time.Since(start)
					if s.requests != c.requests || took < c.least || took > c.most {
						t.Errorf("%s, %d silent, body %v: %d requests in %v; want %d in %v to %v", name, c.silent, inBody, s.requests, took, c.requests, c.least, c.most)
					}
					switch {
					case c.silent == 1 && err != nil:
						t.Errorf("%s, body %v: %v, want success by the second request", name, inBody, err)
					case c.silent > 1 && fault.CodeOf(err) != fault.Unavailable:
						t.Errorf("%s, body %v: %v, want Unavailable", name, inBody, err)
					}
				})
			}
		}
	}
}
