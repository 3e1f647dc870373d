package s3blob_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/blobtest"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
)

func TestBucket(t *testing.T) {
	for _, prefix := range []string{"", "dev/tree/"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			blobtest.Run(t, func(t *testing.T) blob.Bucket {
				return bucket(t, fake(t), prefix)
			}, &blobtest.Options{NoConditionalDelete: true, MergesMetadata: true}) // as gofakes3 does
		})
	}
}

// fake starts a gofakes3 with a bucket named records.
func fake(t *testing.T) *s3.Client {
	client := s3.NewFromConfig(awstest.Config(awstest.S3(t)))
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("records")}); err != nil {
		t.Fatal(err)
	}
	return client
}

func bucket(t *testing.T, client *s3.Client, prefix string) *s3blob.Bucket {
	t.Helper()
	b, err := s3blob.New(client, "records", prefix)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNewErrors(t *testing.T) {
	for _, c := range [][2]string{{"", ""}, {"b", "no-slash"}, {"b", "/"}, {"b", "../"}, {"b", "a//"}, {"b", ".a/"}} {
		if _, err := s3blob.New(nil, c[0], c[1]); !fault.Is(err, fault.Invalid) {
			t.Errorf("New(%q, %q): %v, want Invalid", c[0], c[1], err)
		}
	}
}

// Two prefixes in one bucket are independent.
func TestPrefixesAreSeparate(t *testing.T) {
	client := fake(t)
	dev, prod := bucket(t, client, "dev/"), bucket(t, client, "prod/")
	if _, err := dev.Put(t.Context(), "a", []byte("dev"), nil, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := prod.Get(t.Context(), "a", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("get from the other prefix: %v, want NotFound", err)
	}
	if listed, err := prod.List(t.Context(), "", "", 10); err != nil || len(listed) != 0 {
		t.Errorf("list of the other prefix: %v, %v", listed, err)
	}
	raw, err := bucket(t, client, "").List(t.Context(), "", "", 10)
	if err != nil || len(raw) != 1 || raw[0].Key != "dev/a" {
		t.Errorf("the bucket holds %v, %v", raw, err)
	}
}

// A folder marker of the AWS console is not an object.
func TestListSkipsFolders(t *testing.T) {
	client := fake(t)
	for _, key := range []string{"data/", "data/a", "data/.DS_Store"} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("records"), Key: &key, Body: strings.NewReader("")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{1, 10} {
		listed, err := bucket(t, client, "").List(t.Context(), "", "", limit)
		if err != nil || len(listed) != 1 || listed[0].Key != "data/a" {
			t.Errorf("at most %d: %+v, %v, want data/a", limit, listed, err)
		}
	}
}

func TestMissingBucket(t *testing.T) {
	b, err := s3blob.New(fake(t), "not-there", "")
	if err != nil {
		t.Fatal(err)
	}
	_, getErr := b.Get(t.Context(), "a", "")
	_, putErr := b.Put(t.Context(), "a", nil, nil, blob.Condition{})
	_, listErr := b.List(t.Context(), "", "", 1)
	for what, err := range map[string]error{"get": getErr, "put": putErr, "list": listErr} {
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), `"not-there" does not exist`) {
			t.Errorf("%s: %v, want Unavailable that names the bucket", what, err)
		}
	}
}

// clientWithResponse returns a client of an S3 that returns the same response to
// every request.
func clientWithResponse(t *testing.T, status int, code string, seen func(*http.Request)) *s3.Client {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen != nil {
			seen(r)
		}
		w.WriteHeader(status)
		if code != "" {
			fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>words</Message></Error>`, code)
		}
	}))
	t.Cleanup(srv.Close)
	return s3.NewFromConfig(awstest.Config(srv.URL))
}

func TestErrorsOfS3(t *testing.T) {
	match := blob.Condition{IfMatch: `"x"`}
	for _, c := range []struct {
		status    int
		code      string
		condition blob.Condition
		want      fault.Code
	}{
		{412, "PreconditionFailed", match, fault.Precondition},
		{409, "ConditionalRequestConflict", match, fault.Precondition},
		{404, "NoSuchKey", match, fault.Precondition},
		{404, "NoSuchBucket", match, fault.Unavailable},
		{412, "PreconditionFailed", blob.Condition{}, fault.Precondition},
		{403, "AccessDenied", match, fault.Denied},
		{403, "InvalidAccessKeyId", match, fault.Denied},
		{400, "ExpiredToken", match, fault.Denied},
		{301, "PermanentRedirect", match, fault.Unavailable},
		{503, "SlowDown", match, fault.Unavailable},
		{500, "InternalError", match, fault.Unavailable},
		{400, "EntityTooLarge", match, fault.TooLarge},
	} {
		b := bucket(t, clientWithResponse(t, c.status, c.code, nil), "")
		_, putErr := b.Put(t.Context(), "a", []byte("x"), nil, c.condition)
		deleteErr := b.Delete(t.Context(), "a", c.condition)
		for what, err := range map[string]error{"put": putErr, "delete": deleteErr} {
			if fault.CodeOf(err) != c.want {
				t.Errorf("%s, response %d %s: %v, want %s", what, c.status, c.code, err, c.want)
			}
		}
	}
}

func TestConditionsAreSent(t *testing.T) {
	var last http.Header
	b := bucket(t, clientWithResponse(t, 200, "", func(r *http.Request) { last = r.Header }), "")
	if err := b.Delete(t.Context(), "a", blob.Condition{IfMatch: `"x"`}); err != nil || last.Get("If-Match") != `"x"` {
		t.Errorf("delete: %v, If-Match %q", err, last.Get("If-Match"))
	}
	if _, err := b.Put(t.Context(), "a.json", nil, map[string]string{"stamp": "s"}, blob.Condition{IfNone: true}); err != nil ||
		last.Get("If-None-Match") != "*" || last.Get("X-Amz-Meta-Stamp") != "s" || last.Get("Content-Type") != "application/json" {
		t.Errorf("put: %v, headers %v", err, last)
	}
	b = bucket(t, clientWithResponse(t, 304, "", nil), "")
	if _, err := b.Get(t.Context(), "a", `"x"`); !errors.Is(err, blob.ErrNotModified) {
		t.Errorf("304: %v, want ErrNotModified", err)
	}
}

// Each method costs one request.
func TestRequests(t *testing.T) {
	var methods []string
	b := bucket(t, clientWithResponse(t, 200, "", func(r *http.Request) { methods = append(methods, r.Method) }), "")
	for _, call := range []func() error{
		func() error { _, err := b.Get(t.Context(), "a", ""); return err },
		func() error { _, err := b.Put(t.Context(), "a", nil, nil, blob.Condition{}); return err },
		func() error { return b.Delete(t.Context(), "a", blob.Condition{IfMatch: `"x"`}) },
	} {
		if err := call(); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"GET", "PUT", "DELETE"}; !slices.Equal(methods, want) {
		t.Errorf("requests %v, want %v", methods, want)
	}
}

// A request that fails temporarily is sent five times; one that S3 rejects, once.
func TestAttempts(t *testing.T) {
	for _, c := range []struct{ status, want int }{{500, 5}, {503, 5}, {429, 5}, {404, 1}, {403, 1}, {412, 1}, {304, 1}} {
		requests := 0
		code := ""
		if c.status == 429 {
			code = "TooManyRequestsException"
		}
		b := bucket(t, clientWithResponse(t, c.status, code, func(*http.Request) { requests++ }), "")
		for name, call := range map[string]func() error{
			"get":    func() error { _, err := b.Get(t.Context(), "a", `"x"`); return err },
			"put":    func() error { _, err := b.Put(t.Context(), "a", []byte("x"), nil, blob.Condition{}); return err },
			"delete": func() error { return b.Delete(t.Context(), "a", blob.Condition{}) },
			"list":   func() error { _, err := b.List(t.Context(), "", "", 10); return err },
		} {
			requests = 0
			if err := call(); err == nil || requests != c.want {
				t.Errorf("%s, response %d: %d requests, %v; want %d requests", name, c.status, requests, err, c.want)
			}
		}
	}
}

// Every attempt of a put sends the whole object.
func TestRetriedPutSendsTheWholeObject(t *testing.T) {
	var bodies []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bodies = append(bodies, string(body)); len(bodies) < 3 {
			w.WriteHeader(500)
		}
	}))
	t.Cleanup(srv.Close)
	b := bucket(t, s3.NewFromConfig(awstest.Config(srv.URL)), "")
	if _, err := b.Put(t.Context(), "a", []byte("the object"), nil, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 3 || bodies[0] != bodies[2] || !strings.Contains(bodies[2], "the object") {
		t.Errorf("bodies %q, want three alike", bodies)
	}
}

// An interrupted download is repeated.
func TestInterruptedDownloadIsRepeated(t *testing.T) {
	requests := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "01234")
		if requests == 2 {
			_, _ = io.WriteString(w, "56789")
		}
	}))
	t.Cleanup(srv.Close)
	b := bucket(t, s3.NewFromConfig(awstest.Config(srv.URL)), "")
	if o, err := b.Get(t.Context(), "a", ""); err != nil || string(o.Data) != "0123456789" || requests != 2 {
		t.Errorf("%q, %v, %d requests; want the whole object by the second", o.Data, err, requests)
	}
}
