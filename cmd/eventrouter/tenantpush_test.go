package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// copySamples is a folder with the sample tenants that a test may change.
func copySamples(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "schemas")
	if err := os.CopyFS(dir, os.DirFS(sampleSchemas)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func rewrite(t *testing.T, dir, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTenantPushToAFolder(t *testing.T) {
	mine, served := copySamples(t), filepath.Join(t.TempDir(), "served")
	push := []string{"tenant", "push", mine, "--to", served}
	if code, out, errOut := runCLIWithInput(t, "", "no\n", push...); code != 1 || !strings.Contains(out, "add      evented/tenant.properties") ||
		!strings.Contains(errOut, "nothing was done") {
		t.Fatal(code, out, errOut)
	}
	if files, _ := filepath.Glob(served + "/*/*"); len(files) != 0 {
		t.Fatalf("it wrote %v though the answer was no", files)
	}
	if code, _, errOut := runCLIWithInput(t, "", "push\n", push...); code != 0 {
		t.Fatal(errOut)
	}
	if code, out, errOut := runCLI(t, "", "tenant", "lint", served); code != 0 {
		t.Fatal(out, errOut)
	}
	if code, out, _ := runCLI(t, "", push...); code != 0 || !strings.Contains(out, "0 to change") {
		t.Fatal("what is the same is pushed again:", out)
	}
	rewrite(t, mine, "evented/tenant.properties", "eventbridge-inptu=true\neventbridge-output=[\n")
	before, _ := os.ReadFile(filepath.Join(served, "evented/tenant.properties"))
	code, _, errOut := runCLI(t, "", append(push, "--yes")...)
	after, _ := os.ReadFile(filepath.Join(served, "evented/tenant.properties"))
	if code != 1 || !strings.Contains(errOut, "evented/tenant.properties:2:") || !strings.Contains(errOut, "nothing was pushed") || !bytes.Equal(before, after) {
		t.Fatal(code, errOut)
	}
	if code, _, errOut := runCLI(t, "", "tenant", "push", mine); code != 2 || !strings.Contains(errOut, "--bucket") {
		t.Fatal("without a place to push to:", code, errOut)
	}
}

// TestDirectoryOverS3 pushes to somebody else's S3, and reads from it as the
// function does: an unchanged file is not read again, a change is in force
// within 30 seconds, and a malformed one, or an outage, leaves the last good
// version. Environments keep apart by their prefix.
func TestDirectoryOverS3(t *testing.T) {
	counted, answers, down := fakeS3(t)
	mine := copySamples(t)
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secretkey1", "AWS_REGION": "us-east-1"} {
		t.Setenv(name, value)
	}
	push := func(prefix string) {
		t.Helper()
		code, out, errOut := runCLI(t, "", "tenant", "push", mine, "--bucket", "house", "--prefix", prefix, "--s3-endpoint-url", counted, "--yes")
		if code != 0 {
			t.Fatal(out, errOut)
		}
	}
	push(names.SchemasPrefix)
	rewrite(t, mine, "evented/tenant.properties", "eventbridge-input=true\ntoken-limit-monthly=7\n")
	push("prod/schemas/")

	config := awstest.Config(counted)
	bucket, err := s3blob.New(s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true; o.RetryMaxAttempts = 1 }), "house", names.SchemasPrefix)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var found []string
	d := tenant.NewCatalog(bucket, &tenant.CatalogOptions{Clock: func() time.Time { return now }, Report: func(f diag.Diagnostic) { found = append(found, f.String()) }})
	limit := func() int64 {
		t.Helper()
		evented, err := d.Tenant(t.Context(), "evented")
		if err != nil {
			t.Fatal(err)
		}
		return evented.TokenLimit
	}
	if limit() != 0 {
		t.Fatal("another environment's file was read")
	}
	answers.take()
	now = now.Add(29 * time.Second)
	if limit() != 0 || answers.take() != "" {
		t.Error("a known file is asked for again before 30 seconds")
	}
	now = now.Add(2 * time.Second)
	// One listing shows that no file of the tenant has changed.
	if limit() != 0 {
		t.Error("an unchanged file has changed")
	}
	if got := answers.take(); got != "" {
		t.Errorf("an unchanged file was read again: %s", got)
	}
	push(names.SchemasPrefix)
	answers.take()
	now = now.Add(31 * time.Second)
	if limit() != 7 || answers.take() != "200" {
		t.Error("the change is not in force after 30 seconds")
	}
	// Somebody writes past the linter. (gofakes3 keeps the old checksum where an
	// object is overwritten, so that it is removed first.)
	if err := bucket.Delete(t.Context(), "evented/tenant.properties", blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), "evented/tenant.properties", []byte("token-limit-monthly=many\n"), nil, blob.Condition{}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(31 * time.Second)
	if limit() != 7 || !strings.Contains(strings.Join(found, "\n"), "token-limit-monthly must be") {
		t.Errorf("a malformed file: %q", found)
	}
	down(true)
	now, found = now.Add(time.Hour), nil
	if limit() != 7 || !strings.Contains(strings.Join(found, "\n"), "cannot be read") {
		t.Errorf("S3 is down: %q", found)
	}
	down(false)
	push(names.SchemasPrefix)
	now = now.Add(31 * time.Second)
	if limit() != 7 {
		t.Error("after the outage")
	}
}

// statuses counts the status codes of responses to reads of objects.
type statuses struct {
	mu   sync.Mutex
	seen []string
}

func (s *statuses) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.Join(s.seen, " ")
	s.seen = nil
	return text
}

// fakeS3 is a gofakes3 with the bucket house, behind a proxy that notes what
// reads of objects are answered, and that can be cut.
func fakeS3(t *testing.T) (address string, answers *statuses, down func(bool)) {
	t.Helper()
	origin, err := url.Parse(awstest.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	answers = &statuses{}
	var cut bool
	proxy := httputil.NewSingleHostReverseProxy(origin)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodGet && strings.HasSuffix(r.Request.URL.Path, ".properties") {
			answers.mu.Lock()
			defer answers.mu.Unlock()
			answers.seen = append(answers.seen, strings.Fields(r.Status)[0])
		}
		return nil
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers.mu.Lock()
		isCut := cut
		answers.mu.Unlock()
		if isCut {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	client := s3.NewFromConfig(awstest.Config(srv.URL), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("house")}); err != nil {
		t.Fatal(err)
	}
	return srv.URL, answers, func(to bool) {
		answers.mu.Lock()
		defer answers.mu.Unlock()
		cut = to
	}
}
